//! The ledger.

use alcove::ledger::{Kind, LedgerBook, LedgerError, Owner};

use super::Fixture;
use super::audit::entry;

fn book(f: &Fixture) -> LedgerBook {
    LedgerBook::new(f.store.clone(), f.vault.writer())
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
        tokio::spawn(async move { book.reserve(Kind::Tokens, 10, &owners).await })
    });
    let mut holds = Vec::new();
    for reserve in reserves.collect::<Vec<_>>() {
        match reserve.await.unwrap() {
            Ok(hold) => holds.push(hold),
            Err(error) => assert!(matches!(error, LedgerError::Exceeded { limit: 100, .. })),
        }
    }
    assert_eq!(holds.len(), 10);
    let book = book(&f);
    let balance = book.balance(&organisation, Kind::Tokens).await.unwrap();
    assert_eq!((balance.spent, balance.reserved), (0, 100));
    for hold in holds {
        hold.settle(7).await.unwrap();
    }
    for owner in [&user, &organisation] {
        let balance = book.balance(owner, Kind::Tokens).await.unwrap();
        assert_eq!((balance.spent, balance.reserved), (70, 0));
    }
    let spent = LedgerBook::spent(&f.ann, &[(Kind::Tokens, 25), (Kind::ToolBytes, 3)]);
    f.log.audit_spent(entry(&f, "ok"), spent).await.unwrap();
    assert!(book.reserve(Kind::Tokens, 10, &owners).await.is_err());
    let hold = book.reserve(Kind::Tokens, 5, &owners).await.unwrap();
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
    std::mem::forget(book(&f).reserve(Kind::Tokens, 60, &owners).await.unwrap());
    let other = LedgerBook::new(f.store.clone(), alcove_core::ids::WriterId::generate());
    let kept = other.reserve(Kind::Tokens, 30, &owners).await.unwrap();
    let after = f.killed().await;
    let book = book(&after);
    assert!(book.reserve(Kind::Tokens, 60, &owners).await.is_err());
    assert_eq!(book.recover_at_start().await.unwrap(), 1);
    let balance = book.balance(&owners[0].0, Kind::Tokens).await.unwrap();
    assert_eq!((balance.spent, balance.reserved), (0, 30));
    book.reserve(Kind::Tokens, 60, &owners)
        .await
        .unwrap()
        .settle(60)
        .await
        .unwrap();
    kept.settle(0).await.unwrap();
}
