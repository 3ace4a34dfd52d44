//! Questions to people.

use alcove::store::AllowedCall;
use alcove::store::log::{Begin, LogError, NewApproval, Target};
use alcove_core::ids::{ApprovalId, BranchId, ConversationId, ItemId, ResponseId};
use alcove_core::item::AnswerKind;
use serde_json::json;

use super::Fixture;
use super::fixture::user;

const CALL: AllowedCall<'_> = AllowedCall {
    plugin: "alcove/web-fetch",
    digest: "00ff",
    tool: "web_fetch",
    grant: "bind_1",
};

/// A conversation with a response in progress.
async fn begun(f: &Fixture) -> (ConversationId, ResponseId) {
    let (conversation, response) = (ConversationId::generate(), ResponseId::generate());
    let begin = Begin {
        response,
        target: Target::New(conversation),
        fork: BranchId::generate(),
        input: vec![(ItemId::generate(), user("Hi"))],
        model: "test".into(),
        request: json!({}),
        title: "Hi".into(),
        idempotency: None,
    };
    f.log.begin(&f.ann, begin).await.unwrap();
    (conversation, response)
}

async fn ask(f: &Fixture, conversation: ConversationId, response: ResponseId) -> ApprovalId {
    let new = NewApproval {
        conversation: Some(conversation),
        response,
        item: ItemId::generate(),
        kind: "policy",
        call: CALL,
        hash: f.log.call_hash(&CALL, r#"{"url":"https://a.example/"}"#),
    };
    f.log.ask(&f.ann, new).await.unwrap()
}

pub(crate) async fn a_question_ends_once_and_is_its_owners(f: Fixture) {
    let bob = f.another_user("Bob").await;
    let (conversation, response) = begun(&f).await;
    let id = ask(&f, conversation, response).await;
    let none = f.log.approval(&bob, id).await;
    assert!(matches!(none, Err(LogError::NotFound { .. })), "{none:?}");
    let stolen = f.log.end_approval(&bob, id, AnswerKind::Once, None).await;
    assert!(matches!(stolen, Err(LogError::NotFound { .. })));
    assert_eq!(f.log.approval(&f.ann, id).await.unwrap().ended, None);

    // Two answers at once: one counts.
    let (yes, no) = tokio::join!(
        f.log.end_approval(&f.ann, id, AnswerKind::Once, None),
        f.log
            .end_approval(&f.ann, id, AnswerKind::Denied, Some("no")),
    );
    let (yes, no) = (yes.unwrap(), no.unwrap());
    assert!(yes.is_some() != no.is_some(), "{yes:?} {no:?}");
    let expected = match yes {
        Some(at_ms) => (AnswerKind::Once, at_ms),
        None => (AnswerKind::Denied, no.unwrap()),
    };
    let state = f.log.approval(&f.ann, id).await.unwrap();
    assert_eq!(state.ended, Some(expected));
    assert_eq!(state.response, response);
    assert_eq!(f.log.verify_audit().await.unwrap(), 1);
    // The hash tells one call from another, and nothing of it without the key.
    let other = f.log.call_hash(&CALL, "{}");
    assert_ne!(
        other,
        f.log.call_hash(&CALL, r#"{"url":"https://a.example/"}"#)
    );
    assert_eq!(other, f.log.call_hash(&CALL, "{}"));
    f.log.delete(&f.ann, conversation).await.unwrap();
    assert_eq!(f.count("approvals").await, 0);
}

pub(crate) async fn a_yes_for_a_conversation_is_bound_to_what_it_was_for(f: Fixture) {
    let bob = f.another_user("Bob").await;
    let (conversation, response) = begun(&f).await;
    let allowed = async |who, call| {
        f.log
            .allowed_in_conversation(who, conversation, &call)
            .await
            .unwrap()
    };
    let once = ask(&f, conversation, response).await;
    f.log
        .end_approval(&f.ann, once, AnswerKind::Once, None)
        .await
        .unwrap();
    assert!(!allowed(&f.ann, CALL).await);
    let id = ask(&f, conversation, response).await;
    f.log
        .end_approval(&f.ann, id, AnswerKind::Conversation, None)
        .await
        .unwrap();
    assert!(allowed(&f.ann, CALL).await);
    assert!(!allowed(&bob, CALL).await);
    for other in [
        AllowedCall {
            digest: "00fe",
            ..CALL
        },
        AllowedCall {
            tool: "post",
            ..CALL
        },
        AllowedCall {
            grant: "bind_2",
            ..CALL
        },
        AllowedCall {
            plugin: "local/web-fetch",
            ..CALL
        },
    ] {
        assert!(!allowed(&f.ann, other).await, "{other:?}");
    }
    let (elsewhere, _) = begun(&f).await;
    let there = f
        .log
        .allowed_in_conversation(&f.ann, elsewhere, &CALL)
        .await;
    assert!(!there.unwrap());
}

pub(crate) async fn what_a_killed_server_asked_is_interrupted(f: Fixture) {
    let (conversation, response) = begun(&f).await;
    let id = ask(&f, conversation, response).await;
    let after = f.killed().await;
    after.log.recover().await.unwrap();
    let (answer, _) = after
        .log
        .approval(&after.ann, id)
        .await
        .unwrap()
        .ended
        .unwrap();
    assert_eq!(answer, AnswerKind::Interrupted);
    let late = after
        .log
        .end_approval(&after.ann, id, AnswerKind::Once, None)
        .await
        .unwrap();
    assert_eq!(late, None);
}
