//! Somebody who can write to the database, but has no keys.

use alcove::store::log::{Append, At, ItemLog, LogError};
use alcove::vault::{Vault, VaultError};
use alcove_core::ids::{ConversationId, ItemId};
use alcove_core::item::Payload;

use super::Fixture;
use super::fixture::message;
use super::items::tool_call;

/// Both ways to read name the same item.
async fn expect_tampered(f: &Fixture, conversation: ConversationId, wanted: ItemId) {
    let path = f
        .log
        .path(&f.ann, conversation, At::Current)
        .await
        .map(drop);
    let verified = f.log.verify(&f.ann, conversation).await.map(drop);
    for result in [path, verified] {
        match result {
            Err(LogError::Tampered { item, .. }) => assert_eq!(item, wanted),
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) async fn exchanged_content_is_named(f: Fixture) {
    let (conversation, _, said) = f.conversation(&["one", "two", "three"]).await;
    f.unlock().await;
    f.sql(&format!(
        "UPDATE items SET payload = (SELECT payload FROM items WHERE id = '{}') WHERE id = '{}'",
        said[0].id, said[1].id
    ))
    .await
    .unwrap();
    expect_tampered(&f, conversation, said[1].id).await;
}

pub(crate) async fn an_altered_column_is_named(f: Fixture) {
    let (conversation, _, said) = f.conversation(&["one", "two", "three"]).await;
    f.unlock().await;
    f.sql(&format!(
        "UPDATE items SET created_at_ms = created_at_ms + 1 WHERE id = '{}'",
        said[2].id
    ))
    .await
    .unwrap();
    expect_tampered(&f, conversation, said[2].id).await;
}

pub(crate) async fn an_exchanged_hash_is_named(f: Fixture) {
    let (conversation, _, said) = f.conversation(&["one", "two"]).await;
    f.unlock().await;
    f.sql(&format!(
        "UPDATE items SET hash = (SELECT hash FROM items WHERE id = '{}') WHERE id = '{}'",
        said[1].id, said[0].id
    ))
    .await
    .unwrap();
    expect_tampered(&f, conversation, said[0].id).await;
}

pub(crate) async fn an_item_that_moved_is_named(f: Fixture) {
    let (conversation, _, said) = f.conversation(&["one", "two", "three"]).await;
    f.unlock().await;
    f.sql(&format!(
        "UPDATE items SET parent_id = '{}', depth = 1 WHERE id = '{}'",
        said[0].id, said[2].id
    ))
    .await
    .unwrap();
    expect_tampered(&f, conversation, said[2].id).await;
}

pub(crate) async fn an_exchanged_record_is_named(f: Fixture) {
    let (conversation, branch, _) = f.conversation(&[]).await;
    let mut ids = Vec::new();
    for record in ["first", "second"] {
        let call = Append {
            payload: Payload::ToolCall(Box::new(tool_call())),
            record: Some(record.into()),
            ..message(conversation, branch, "")
        };
        ids.push(f.log.append(&f.ann, call).await.unwrap().id);
    }
    f.sql(&format!(
        "UPDATE call_records SET record = (SELECT record FROM call_records WHERE item_id = '{}')",
        ids[0]
    ))
    .await
    .unwrap();
    assert!(f.log.record(&f.ann, ids[0]).await.unwrap().is_some());
    match f.log.record(&f.ann, ids[1]).await {
        Err(LogError::Tampered { item, .. }) => assert_eq!(item, ids[1]),
        other => panic!("{other:?}"),
    }
    f.sql("DELETE FROM call_records").await.unwrap();
    let lost = f.log.record(&f.ann, ids[0]).await;
    assert!(matches!(lost, Err(LogError::Tampered { .. })), "{lost:?}");
}

pub(crate) async fn a_lost_item_is_named(f: Fixture) {
    let (conversation, _, said) = f.conversation(&["one", "two"]).await;
    f.unlock().await;
    // The second now claims to be the root, as if the first had never been.
    f.sql(&format!(
        "UPDATE items SET parent_id = NULL, depth = 0 WHERE id = '{}'",
        said[1].id
    ))
    .await
    .unwrap();
    expect_tampered(&f, conversation, said[1].id).await;
}

pub(crate) async fn another_master_key_says_what_to_do(f: Fixture) {
    let (conversation, _, said) = f.conversation(&["one"]).await;
    let vault = Vault::open(&f.folder().join("wrong-keys")).unwrap();
    let log = ItemLog::new(f.store.clone(), vault);
    let at_start = log.check_master_key().await;
    let later = log.path(&f.ann, conversation, At::Current).await.map(drop);
    for result in [at_start, later] {
        let error = result.unwrap_err();
        assert!(
            matches!(error, LogError::Vault(VaultError::WrongMasterKey { .. })),
            "{error:?}"
        );
        let text = error.to_string();
        assert!(
            text.contains("wrong-keys/master.key") && text.contains("backup"),
            "{text}"
        );
    }
    // Nothing was changed: the right key still opens everything.
    f.log.check_master_key().await.unwrap();
    let path = f.log.path(&f.ann, conversation, At::Current).await.unwrap();
    assert_eq!(path, said);
}
