//! The audit log.

use alcove::store::StoreError;
use alcove::store::log::{AuditEntry, LogError};
use alcove_core::ids::ItemId;
use serde_json::json;

use super::Fixture;

fn entry(f: &Fixture, outcome: &str) -> AuditEntry {
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
    let writers: Vec<_> = (0..10)
        .map(|_| {
            let (log, entry) = (f.log.clone(), entry(&f, "ok"));
            tokio::spawn(async move { log.audit(entry).await })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap().unwrap();
    }
    assert_eq!(f.log.verify_audit().await.unwrap(), 10);
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
