//! What is forgotten cannot be read again, by anybody.

use alcove::store::log::{Append, At, LogError, Verified};
use alcove_core::ids::BranchId;
use alcove_core::item::Payload;

use super::Fixture;
use super::fixture::{message, texts};
use super::items::tool_call;

pub(crate) async fn a_forgotten_item_leaves_its_link(f: Fixture) {
    let (conversation, branch, said) = f.conversation(&["one"]).await;
    let call = Append {
        payload: Payload::ToolCall(Box::new(tool_call())),
        record: Some(b"record".to_vec()),
        ..message(conversation, branch, "")
    };
    let call = f.log.append(&f.ann, call).await.unwrap();
    f.say(conversation, branch, "three").await;
    let bob = f.another_user("bob").await;
    let refused = f.log.forget(&bob, call.id).await;
    assert!(
        matches!(refused, Err(LogError::NotFound { .. })),
        "{refused:?}"
    );

    f.log.forget(&f.ann, call.id).await.unwrap();
    let path = f.log.path(&f.ann, conversation, At::Current).await.unwrap();
    assert_eq!(texts(&path), ["one", "three"]);
    assert_eq!(f.log.record(&f.ann, call.id).await.unwrap(), None);
    assert_eq!(f.count("call_records").await, 0);
    let verified = f.log.verify(&f.ann, conversation).await.unwrap();
    assert_eq!(
        verified,
        Verified {
            items: 2,
            forgotten: 1
        }
    );
    let again = f.log.forget(&f.ann, call.id).await;
    assert!(matches!(again, Err(LogError::NotFound { .. })), "{again:?}");

    // The conversation goes on, and an item after a forgotten head has its place.
    f.log.forget(&f.ann, said[0].id).await.unwrap();
    f.say(conversation, branch, "four").await;
    let path = f.log.path(&f.ann, conversation, At::Current).await.unwrap();
    assert_eq!(texts(&path), ["three", "four"]);
    f.log.verify(&f.ann, conversation).await.unwrap();
}

pub(crate) async fn an_erased_user_is_unreadable(f: Fixture) {
    let (conversation, _, said) = f.conversation(&["secret"]).await;
    let bob = f.another_user("bob").await;
    let bobs = f.log.create_conversation(&bob, "Bob's").await.unwrap();
    let item = f.store.item(f.ann.user, said[0].id).await.unwrap().unwrap();
    let wrapped = f.store.user_key(f.ann.user).await.unwrap().unwrap();

    f.log.erase_user(f.ann.user).await.unwrap();
    let gone = f.log.path(&f.ann, conversation, At::Current).await;
    assert!(matches!(gone, Err(LogError::NotFound { .. })), "{gone:?}");
    assert!(
        f.log
            .list(&f.ann, 10, None)
            .await
            .unwrap()
            .conversations
            .is_empty()
    );
    assert_eq!(f.store.user_key(f.ann.user).await.unwrap(), None);
    assert_eq!(
        f.log.list(&bob, 10, None).await.unwrap().conversations[0].id,
        bobs
    );

    // The sealed row is still there, and no key that exists opens it: not the user's new one,
    // and not the old one without the row's own.
    let left = f.store.item(f.ann.user, said[0].id).await.unwrap().unwrap();
    assert_eq!(left.row.payload, item.row.payload);
    assert_eq!(left.wrapped, None);
    f.log.create_conversation(&f.ann, "New").await.unwrap();
    let new = f.store.user_key(f.ann.user).await.unwrap().unwrap();
    let new = f.vault.open_user_key(f.ann.user, &new).unwrap();
    let old = f.vault.open_user_key(f.ann.user, &wrapped).unwrap();
    let row = said[0].id.to_string();
    let row_key = item.wrapped.unwrap();
    assert!(new.open_row_key(&row, &row_key).is_err());
    assert!(
        old.open_row_key(&row, &row_key).is_ok(),
        "a copy of both keys would have opened it"
    );
    assert_eq!(
        f.log
            .list(&f.ann, 10, None)
            .await
            .unwrap()
            .conversations
            .len(),
        1
    );
}

pub(crate) async fn a_deleted_conversation_is_gone(f: Fixture) {
    let (conversation, branch, said) = f.conversation(&["one", "two"]).await;
    let (kept, _, _) = f.conversation(&["kept"]).await;
    let keys = f.count("row_keys").await;
    f.log
        .fork(&f.ann, conversation, BranchId::generate(), Some(said[0].id))
        .await
        .unwrap();
    let bob = f.another_user("bob").await;
    let refused = f.log.delete(&bob, conversation).await;
    assert!(
        matches!(refused, Err(LogError::NotFound { .. })),
        "{refused:?}"
    );

    f.log.delete(&f.ann, conversation).await.unwrap();
    let view = f.log.conversation(&f.ann, conversation).await;
    assert!(matches!(view, Err(LogError::NotFound { .. })), "{view:?}");
    let append = f
        .log
        .append(&f.ann, message(conversation, branch, "late"))
        .await;
    assert!(
        matches!(append, Err(LogError::NotFound { .. })),
        "{append:?}"
    );
    let again = f.log.delete(&f.ann, conversation).await;
    assert!(matches!(again, Err(LogError::NotFound { .. })), "{again:?}");
    assert_eq!(f.count("items").await, 1);
    assert_eq!(f.count("branches").await, 1);
    assert_eq!(
        f.count("row_keys").await,
        keys - 3,
        "two items and the conversation"
    );
    let page = f.log.list(&f.ann, 10, None).await.unwrap();
    assert_eq!(page.conversations.len(), 1);
    assert_eq!(page.conversations[0].id, kept);
}

pub(crate) async fn nothing_said_is_stored_in_clear(f: Fixture) {
    const SAID: &str = "the purple elephant dances";
    let (conversation, branch, _) = f.conversation(&[SAID]).await;
    f.log.rename(&f.ann, conversation, SAID).await.unwrap();
    f.say(conversation, branch, SAID).await;
    let item = f.log.path(&f.ann, conversation, At::Current).await.unwrap();
    let sealed = f.store.item(f.ann.user, item[0].id).await.unwrap().unwrap();
    let has = |bytes: &[u8]| {
        bytes
            .windows(8)
            .any(|window| window == &SAID.as_bytes()[..8])
    };
    assert!(!has(&sealed.row.payload));
    let Some(path) = f.sqlite_path() else { return };
    for suffix in ["", "-wal"] {
        let bytes = std::fs::read(format!("{}{suffix}", path.display())).unwrap();
        assert!(!has(&bytes), "{suffix}");
    }
}
