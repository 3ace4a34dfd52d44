//! The ledger.

use alcove::config::{Daily, Quota};
use alcove::ledger::{Kind, LedgerBook, LedgerError, Owner, Wanted};

use super::Fixture;
use super::audit::entry;

fn book(f: &Fixture) -> LedgerBook {
    LedgerBook::new(f.store.clone(), f.vault.writer(), Quota::default())
}

/// A limit holds exactly where many reserve at once, and of several accounts all or none is held.
pub(crate) async fn reservations_never_go_over_the_limit(f: Fixture) {
    let (user, organisation) = (
        Owner::User(f.ann.user),
        Owner::Organisation(f.ann.organisation),
    );
    let owners = [(user.clone(), Some(100)), (organisation.clone(), None)];
    let reserves = (0..30).map(|_| {
        let (book, owners) = (book(&f), owners.clone());
        tokio::spawn(async move {
            book.reserve(Kind::Tokens, Wanted::exactly(10), &owners)
                .await
        })
    });
    let mut holds = Vec::new();
    for reserve in reserves.collect::<Vec<_>>() {
        match reserve.await.unwrap() {
            Ok(hold) => holds.push(hold),
            Err(LedgerError::Exceeded(exceeded)) => {
                assert_eq!((exceeded.limit, exceeded.held), (100, 100));
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(holds.len(), 10);
    let book = book(&f);
    let balance = book.balance(&organisation, Kind::Tokens).await.unwrap();
    assert_eq!((balance.spent, balance.reserved), (0, 100));
    for hold in holds {
        assert!(hold.settle(7).await.is_empty());
    }
    for owner in [&user, &organisation] {
        let balance = book.balance(owner, Kind::Tokens).await.unwrap();
        assert_eq!((balance.spent, balance.reserved), (70, 0));
    }
    let unlimited = book.accounts(&f.ann, Kind::Tokens);
    let hold = book
        .reserve(Kind::Tokens, Wanted::exactly(1 << 40), &unlimited)
        .await
        .unwrap();
    let counted = hold.settle(25).await;
    f.log.audit_spent(entry(&f, "ok"), counted).await.unwrap();
    assert!(
        book.reserve(Kind::Tokens, Wanted::exactly(10), &owners)
            .await
            .is_err()
    );
    let hold = book
        .reserve(Kind::Tokens, Wanted::exactly(5), &owners)
        .await
        .unwrap();
    // One that is dropped is given back.
    drop(hold);
    for _ in 0..100 {
        if book.balance(&user, Kind::Tokens).await.unwrap().reserved == 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("what was dropped is still held");
}

/// What a killed server held is given back when it starts again; what others hold stays.
pub(crate) async fn a_killed_server_gives_back_what_it_held(f: Fixture) {
    let owners = [(Owner::User(f.ann.user), Some(100))];
    std::mem::forget(
        book(&f)
            .reserve(Kind::Tokens, Wanted::exactly(60), &owners)
            .await
            .unwrap(),
    );
    let other = LedgerBook::new(
        f.store.clone(),
        alcove_core::ids::WriterId::generate(),
        Quota::default(),
    );
    let kept = other
        .reserve(Kind::Tokens, Wanted::exactly(30), &owners)
        .await
        .unwrap();
    let after = f.killed().await;
    let book = book(&after);
    assert!(
        book.reserve(Kind::Tokens, Wanted::exactly(60), &owners)
            .await
            .is_err()
    );
    assert_eq!(book.recover_at_start().await.unwrap(), 1);
    let balance = book.balance(&owners[0].0, Kind::Tokens).await.unwrap();
    assert_eq!((balance.spent, balance.reserved), (0, 30));
    let again = book.reserve(Kind::Tokens, Wanted::exactly(60), &owners);
    assert!(again.await.unwrap().settle(60).await.is_empty());
    assert!(kept.settle(0).await.is_empty());
}

/// Who takes what is left is given what is left, also where many take at once, and is told whose
/// limit it was.
pub(crate) async fn what_is_left_is_shared_out_exactly(f: Fixture) {
    let daily = Daily {
        user: Some(1000),
        organisation: Some(95),
    };
    let quota = Quota {
        tool_cpu_ms: daily,
        ..Quota::default()
    };
    let book = LedgerBook::new(f.store.clone(), f.vault.writer(), quota);
    assert!(book.is_limited(Kind::ToolCpuMs) && !book.is_limited(Kind::ToolBytes));
    let accounts = book.accounts(&f.ann, Kind::ToolCpuMs);
    let taking = (0..20).map(|_| {
        let (book, accounts) = (book.clone(), accounts.clone());
        let wanted = Wanted {
            most: 10,
            least: 1,
            parts: 1,
        };
        tokio::spawn(async move { book.reserve(Kind::ToolCpuMs, wanted, &accounts).await })
    });
    let mut holds = Vec::new();
    for taken in taking.collect::<Vec<_>>() {
        match taken.await.unwrap() {
            Ok(hold) => holds.push(hold),
            Err(error) => assert!(
                error
                    .to_string()
                    .contains("quota.tool_cpu_per_organisation")
            ),
        }
    }
    assert_eq!(holds.len(), 10);
    assert_eq!(holds.iter().map(|hold| hold.amount()).sum::<u64>(), 95);
    let last = holds.iter().find(|hold| hold.amount() == 5).unwrap();
    assert_eq!(last.by().unwrap().name(), "quota.tool_cpu_per_organisation");
    for hold in holds {
        // More than was held is counted, too.
        assert!(hold.settle(11).await.is_empty());
    }
    for (owner, _) in &accounts {
        let balance = book.balance(owner, Kind::ToolCpuMs).await.unwrap();
        assert_eq!((balance.spent, balance.reserved), (110, 0));
    }
    // Of two parts one is left for what the work itself asks for; the least is given all the same.
    let quota = Quota {
        tool_cpu_ms: Daily {
            user: None,
            organisation: Some(211),
        },
        ..Quota::default()
    };
    let book = LedgerBook::new(f.store.clone(), f.vault.writer(), quota);
    let accounts = book.accounts(&f.ann, Kind::ToolCpuMs);
    let take = async |parts| {
        let wanted = Wanted {
            most: 80,
            least: 1,
            parts,
        };
        book.reserve(Kind::ToolCpuMs, wanted, &accounts).await
    };
    let mut half = take(2).await.unwrap();
    assert_eq!(half.amount(), 50);
    assert!(half.by().is_some());
    let rest = take(1).await.unwrap();
    assert_eq!(rest.amount(), 51);
    // Two as one: what is spent is counted once.
    half.join(rest);
    assert_eq!(half.amount(), 101);
    assert!(half.settle(100).await.is_empty());
    for (owner, _) in &accounts {
        let balance = book.balance(owner, Kind::ToolCpuMs).await.unwrap();
        assert_eq!((balance.spent, balance.reserved), (210, 0));
    }
    let last = take(2).await.unwrap();
    assert_eq!(last.amount(), 1);
    assert!(last.settle(0).await.is_empty());
}
