//! The audit log.

use std::time::{Duration, Instant};

use alcove::config::Quota;
use alcove::ledger::{Kind, LedgerBook, Owner, Wanted};
use alcove::store::log::{AuditEntry, ItemLog, LogError};
use alcove::store::{AuditFilter, StoreError};
use alcove_core::ids::{ItemId, UserId};
use serde_json::json;

use super::Fixture;

/// An entry about a call of Ann's.
pub(super) fn entry(f: &Fixture, outcome: &str) -> AuditEntry {
    AuditEntry {
        organisation: f.ann.organisation,
        user: f.ann.user,
        action: "tool_call",
        subject: "alcove/python".into(),
        outcome: outcome.into(),
        conversation: None,
        item: Some(ItemId::generate()),
        detail: json!({"tool": "python", "wall_us": 12}),
    }
}

pub(crate) async fn the_chain_is_whole_and_notices_changes(f: Fixture) {
    assert_eq!(f.log.verify_audit().await.unwrap(), 0);
    for outcome in ["ok", "denied", "trapped"] {
        f.log.audit(entry(&f, outcome)).await.unwrap();
    }
    f.another_server().audit(entry(&f, "ok")).await.unwrap();
    assert_eq!(
        f.log.verify_audit().await.unwrap(),
        4,
        "one chain per server"
    );

    // Erasing a user takes the details, and leaves the chain whole.
    f.log.erase_user(f.ann.user).await.unwrap();
    assert_eq!(f.log.verify_audit().await.unwrap(), 4);

    f.unlock().await;
    let writer = f.vault.writer();
    let of_writer = format!("writer_id = '{writer}'");
    let change = format!("UPDATE audit SET outcome = 'ok' WHERE {of_writer} AND seq = 2");
    f.sql(&change).await.unwrap();
    let changed = f.log.verify_audit().await;
    assert!(
        matches!(changed, Err(LogError::AuditTampered { seq: 2, .. })),
        "{changed:?}"
    );
    let undo = format!("UPDATE audit SET outcome = 'denied' WHERE {of_writer} AND seq = 2");
    f.sql(&undo).await.unwrap();
    assert_eq!(f.log.verify_audit().await.unwrap(), 4);
    f.sql(&format!("DELETE FROM audit WHERE {of_writer} AND seq = 2"))
        .await
        .unwrap();
    let deleted = f.log.verify_audit().await;
    assert!(
        matches!(deleted, Err(LogError::AuditTampered { seq: 3, .. })),
        "{deleted:?}"
    );
}

pub(crate) async fn entries_at_once_get_places_of_their_own(f: Fixture) {
    let book = LedgerBook::new(f.store.clone(), f.vault.writer(), Quota::default());
    let accounts = book.accounts(&f.ann, Kind::ToolCpuMs);
    let hold = book.reserve(Kind::ToolCpuMs, Wanted::exactly(3), &accounts);
    let spent = hold.await.unwrap().settle(3).await;
    let writers: Vec<_> = (0..1_000)
        .map(|n| {
            let (log, entry, spent) = (f.log.clone(), entry(&f, "ok"), spent.clone());
            tokio::spawn(async move {
                match n % 10 {
                    0 => log.audit_spent(entry, spent).await,
                    _ => log.audit_soon(entry, spent).await,
                }
            })
        })
        .collect();
    // Another process with the same keys takes places in the same chain.
    let other = f.same_server();
    for _ in 0..5 {
        other.audit(entry(&f, "ok")).await.unwrap();
    }
    for writer in writers {
        writer.await.unwrap().unwrap();
    }
    assert_eq!(f.log.verify_audit().await.unwrap(), 1_005);
    for owner in [
        Owner::User(f.ann.user),
        Owner::Organisation(f.ann.organisation),
    ] {
        let balance = book.balance(&owner, Kind::ToolCpuMs).await.unwrap();
        assert_eq!(balance.spent, 3_000, "counted once with each entry");
    }
}

/// What is acknowledged is on disk; what was only handed over gets there without anybody waiting.
pub(crate) async fn what_is_acknowledged_outlasts_a_kill(f: Fixture) {
    f.log.audit_soon(entry(&f, "ok"), Vec::new()).await.unwrap();
    f.log.audit(entry(&f, "denied")).await.unwrap();
    let after = f.killed().await;
    assert_eq!(after.log.verify_audit().await.unwrap(), 2);
    after
        .log
        .audit_soon(entry(&after, "ok"), Vec::new())
        .await
        .unwrap();
    let began = Instant::now();
    while after.count("audit").await < 3 {
        assert!(began.elapsed() < Duration::from_secs(5), "never written");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) async fn one_bad_entry_keeps_no_other_back(f: Fixture) {
    let bad = AuditEntry {
        user: UserId::generate(),
        ..entry(&f, "ok")
    };
    let good = f.log.audit_soon(entry(&f, "ok"), Vec::new());
    let (good, bad, last) = tokio::join!(good, f.log.audit(bad), f.log.audit(entry(&f, "ok")));
    good.unwrap();
    assert!(bad.is_err());
    last.unwrap();
    assert_eq!(f.log.verify_audit().await.unwrap(), 2);
}

pub(crate) async fn closing_writes_what_waits_and_takes_no_more(f: Fixture) {
    for _ in 0..100 {
        f.log.audit_soon(entry(&f, "ok"), Vec::new()).await.unwrap();
    }
    f.log.close().await;
    assert_eq!(f.count("audit").await, 100);
    let refused = f.log.audit(entry(&f, "ok")).await;
    assert!(matches!(refused, Err(LogError::AuditClosed)), "{refused:?}");
}

pub(crate) async fn the_audit_log_is_append_only(f: Fixture) {
    f.log.audit(entry(&f, "denied")).await.unwrap();
    for statement in ["UPDATE audit SET outcome = 'ok'", "DELETE FROM audit"] {
        let refused = f.sql(statement).await;
        assert!(
            matches!(refused, Err(StoreError::AppendOnly(_))),
            "{statement}: {refused:?}"
        );
    }
}

fn everything(f: &Fixture) -> AuditFilter {
    AuditFilter {
        organisation: f.ann.organisation,
        username: None,
        action: None,
        subject: None,
        outcome: None,
        item: None,
        since_ms: None,
        until_ms: None,
    }
}

pub(crate) async fn entries_are_found_by_what_they_say(f: Fixture) {
    let bob = f.another_user("bob").await;
    for outcome in ["ok", "denied", "ok", "limit"] {
        f.log.audit(entry(&f, outcome)).await.unwrap();
    }
    let grant = AuditEntry {
        user: bob.user,
        action: "grant",
        subject: "alcove/web-fetch".into(),
        ..entry(&f, "ok")
    };
    let item = grant.item;
    f.another_server().audit(grant).await.unwrap();

    let count = async |filter: AuditFilter| {
        let page = f.log.search_audit(&filter, None, 100).await.unwrap();
        assert_eq!(page.next_cursor, None);
        page.entries.len()
    };
    let all = everything(&f);
    assert_eq!(count(all.clone()).await, 5);
    let ok = Some("ok".to_owned());
    for (expected, filter) in [
        (
            3,
            AuditFilter {
                outcome: ok,
                ..all.clone()
            },
        ),
        (
            1,
            AuditFilter {
                username: Some("Bob".into()),
                ..all.clone()
            },
        ),
        (
            1,
            AuditFilter {
                action: Some("grant".into()),
                ..all.clone()
            },
        ),
        (
            4,
            AuditFilter {
                subject: Some("alcove/python".into()),
                ..all.clone()
            },
        ),
        (
            1,
            AuditFilter {
                item,
                ..all.clone()
            },
        ),
        (
            0,
            AuditFilter {
                username: Some("' OR 1 = 1".into()),
                ..all.clone()
            },
        ),
        (
            0,
            AuditFilter {
                since_ms: Some(i64::MAX),
                ..all.clone()
            },
        ),
        (
            0,
            AuditFilter {
                until_ms: Some(1),
                ..all.clone()
            },
        ),
        (
            5,
            AuditFilter {
                since_ms: Some(1),
                until_ms: Some(i64::MAX),
                ..all.clone()
            },
        ),
    ] {
        assert_eq!(count(filter.clone()).await, expected, "{filter:?}");
    }
    let other = AuditFilter {
        organisation: alcove_core::ids::OrganisationId::generate(),
        ..all.clone()
    };
    assert_eq!(count(other).await, 0, "an organisation sees its own");

    // Page by page, the same entries, each once, with what they hold.
    let mut cursor = None;
    let mut seen = Vec::new();
    loop {
        let page = f
            .log
            .search_audit(&all, cursor.as_deref(), 2)
            .await
            .unwrap();
        for found in page.entries {
            assert_eq!(found.detail.unwrap()["tool"], "python");
            seen.push((found.row.writer_id.0, found.row.seq));
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 5);
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 5);
    let wrong = f.log.search_audit(&all, Some("7.nobody.x"), 2).await;
    assert!(matches!(wrong, Err(LogError::Cursor)), "{wrong:?}");

    // Erasing a user takes what the entries hold, and leaves that they were.
    f.log.erase_user(f.ann.user).await.unwrap();
    let page = f.log.search_audit(&all, None, 100).await.unwrap();
    let readable = page.entries.iter().filter(|found| found.detail.is_some());
    assert_eq!((page.entries.len(), readable.count()), (5, 1));
}

pub(crate) async fn the_first_break_of_each_chain_is_named(f: Fixture) {
    for _ in 0..3 {
        f.log.audit(entry(&f, "ok")).await.unwrap();
    }
    let other = f.another_server();
    other.audit(entry(&f, "ok")).await.unwrap();
    f.unlock().await;
    let writer = f.vault.writer();
    f.sql(&format!(
        "UPDATE audit SET subject = 'alcove/other' WHERE writer_id = '{writer}' AND seq >= 2"
    ))
    .await
    .unwrap();
    let chains = f.log.audit_chains().await.unwrap();
    assert_eq!(chains.len(), 2);
    for chain in chains {
        if chain.writer == writer {
            assert_eq!((chain.entries, chain.broken_at), (1, Some(2)));
        } else {
            assert_eq!((chain.entries, chain.broken_at), (1, None));
            assert_eq!(chain.last_hash.len(), 32);
        }
    }
}

/// A chain that was cut at its end is whole; the server knows how long it was.
pub(crate) async fn entries_cut_off_are_missed(f: Fixture) {
    for _ in 0..3 {
        f.log.audit(entry(&f, "ok")).await.unwrap();
    }
    f.unlock().await;
    let writer = f.vault.writer();
    f.sql(&format!(
        "DELETE FROM audit WHERE writer_id = '{writer}' AND seq >= 2"
    ))
    .await
    .unwrap();
    let gaps = async |log: &ItemLog| {
        let chains = log.audit_chains().await.unwrap();
        let own = chains.into_iter().find(|chain| chain.writer == writer);
        let gaps = own.unwrap().gaps.into_iter();
        gaps.map(|gap| (gap.from, gap.to)).collect::<Vec<_>>()
    };
    assert_eq!(gaps(&f.log).await, [(2, 3)]);
    assert!(f.log.verify_audit().await.is_err());

    // The server goes on after a restart, and what was cut off stays known.
    let again = f.same_server();
    for _ in 0..4 {
        again.audit(entry(&f, "ok")).await.unwrap();
    }
    assert_eq!(gaps(&again).await, [(2, 3)]);
    let chain = &again.audit_chains().await.unwrap()[0];
    assert_eq!((chain.entries, chain.broken_at), (5, None));

    // The whole chain, with which the server would be forgotten.
    f.sql(&format!("DELETE FROM audit WHERE writer_id = '{writer}'"))
        .await
        .unwrap();
    assert_eq!(gaps(&again).await, [(2, 3), (1, 7)]);
    let last = f.same_server();
    last.audit(entry(&f, "ok")).await.unwrap();
    let chain = &last.audit_chains().await.unwrap()[0];
    assert_eq!((chain.entries, chain.broken_at), (1, None));
    assert_eq!(gaps(&last).await, [(2, 3), (1, 7)]);
}
