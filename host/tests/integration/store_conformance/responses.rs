//! Responses, drafts, retries, and a killed server.

use alcove::store::log::{
    Append, At, Begin, Begun, Draft, Idempotency, LogError, ResponseEnd, Target,
};
use alcove_api_types::{ResponseError, ResponseStatus, Usage};
use alcove_core::ids::{BranchId, ConversationId, ItemId, ResponseId};
use alcove_core::item::{ItemStatus, Payload};
use serde_json::json;

use super::fixture::{message, texts};
use super::items::tool_call;
use super::{Fixture, assistant, incomplete, user};

fn request(target: Target, text: &str) -> Begin {
    Begin {
        response: ResponseId::generate(),
        target,
        fork: BranchId::generate(),
        input: vec![(ItemId::generate(), user(text))],
        model: "smollm2-135m".into(),
        request: json!({"metadata": {"k": "v"}}),
        title: text.into(),
        idempotency: None,
    }
}

pub(super) async fn begin(f: &Fixture, target: Target, text: &str) -> (ResponseId, Begun) {
    let request = request(target, text);
    let response = request.response;
    let begun = f.log.begin(&f.ann, request).await.unwrap();
    (response, begun)
}

pub(super) fn completed() -> ResponseEnd {
    ResponseEnd {
        status: ResponseStatus::Completed,
        usage: Some(Usage {
            input_tokens: 10,
            cached_tokens: 4,
            output_tokens: 3,
            total_tokens: 13,
        }),
        error: None,
        incomplete: None,
    }
}

/// Appends an item to a response; the end as well where given.
async fn output(
    f: &Fixture,
    response: ResponseId,
    payload: Payload,
    end: Option<ResponseEnd>,
) -> Result<ItemId, LogError> {
    let stored = f.log.response(&f.ann, response).await?;
    let append = Append {
        payload,
        response: Some(response),
        end,
        ..message(stored.conversation.unwrap(), stored.branch.unwrap(), "")
    };
    Ok(f.log.append(&f.ann, append).await?.id)
}

pub(super) async fn answer(f: &Fixture, response: ResponseId, text: &str) {
    output(f, response, assistant(text), Some(completed()))
        .await
        .unwrap();
}

pub(crate) async fn a_response_goes_from_begin_to_end(f: Fixture) {
    let conversation = ConversationId::generate();
    let (response, begun) = begin(&f, Target::New(conversation), "question").await;
    let Begun::Started {
        history,
        previous: None,
        ..
    } = &begun
    else {
        panic!("{begun:?}");
    };
    assert_eq!(texts(history), ["question"]);
    assert_eq!(history[0].response, Some(response));
    assert_eq!(
        f.log.running_in(&f.ann, conversation).await.unwrap(),
        [response]
    );

    let running = f.log.response(&f.ann, response).await.unwrap();
    assert_eq!(running.status, ResponseStatus::InProgress);
    assert_eq!(running.conversation, Some(conversation));
    assert!(running.output.is_empty() && running.usage.is_none());

    let call = Payload::ToolCall(Box::new(tool_call()));
    output(&f, response, call, None).await.unwrap();
    answer(&f, response, "answer").await;
    let done = f.log.response(&f.ann, response).await.unwrap();
    assert_eq!(done.status, ResponseStatus::Completed);
    assert_eq!(done.usage, completed().usage);
    assert_eq!(done.request, json!({"metadata": {"k": "v"}}));
    assert_eq!(texts(&done.output), ["python", "answer"]);
    assert!(done.finished_at_ms.is_some());
    assert!(
        f.log
            .running_in(&f.ann, conversation)
            .await
            .unwrap()
            .is_empty()
    );
    let view = f.log.conversation(&f.ann, conversation).await.unwrap();
    assert_eq!(view.summary.title, "question");
    assert_eq!(view.last_response, Some(response));

    // One that fails keeps its request beside its error.
    let (response, _) = begin(&f, Target::Conversation(conversation), "again").await;
    let error = ResponseError {
        code: "model_error".into(),
        message: "no".into(),
    };
    let end = ResponseEnd {
        status: ResponseStatus::Failed,
        usage: None,
        error: Some(error.clone()),
        incomplete: None,
    };
    f.log.finish(&f.ann, response, end).await.unwrap();
    let failed = f.log.response(&f.ann, response).await.unwrap();
    assert_eq!(failed.status, ResponseStatus::Failed);
    assert_eq!(failed.error, Some(error));
    assert_eq!(failed.request, json!({"metadata": {"k": "v"}}));
}

pub(crate) async fn a_killed_server_loses_a_second_at_most(f: Fixture) {
    let conversation = ConversationId::generate();
    let (response, _) = begin(&f, Target::New(conversation), "question").await;
    let mut call = tool_call();
    call.status = ItemStatus::InProgress;
    call.outcome = None;
    let call_id = output(&f, response, Payload::ToolCall(Box::new(tool_call())), None)
        .await
        .unwrap();
    let id = ItemId::generate();
    for text in ["The", "The answer", "The answer is"] {
        let payload = assistant(text).with_status(ItemStatus::InProgress);
        let draft = Draft {
            id,
            response,
            payload,
        };
        f.log.save_draft(&f.ann, &draft).await.unwrap();
    }
    assert_eq!(f.count("drafts").await, 1);
    let (done, _) = begin(&f, Target::New(ConversationId::generate()), "done").await;
    answer(&f, done, "whole").await;

    let after = f.killed().await;
    let drafts = after.log.response(&f.ann, response).await.unwrap().drafts;
    assert_eq!(drafts[0].0, id);
    assert_eq!(after.log.recover().await.unwrap(), [response]);
    let stored = after.log.response(&f.ann, response).await.unwrap();
    assert_eq!(stored.status, ResponseStatus::Incomplete);
    assert_eq!(stored.incomplete.as_deref(), Some("interrupted"));
    let ids: Vec<ItemId> = stored.output.iter().map(|item| item.id).collect();
    assert_eq!(ids, [call_id, id], "the id that was announced");
    assert_eq!(stored.output[1].payload, incomplete("The answer is"));
    assert!(stored.drafts.is_empty());
    assert!(after.log.recover().await.unwrap().is_empty());
    let path = after
        .log
        .path(&f.ann, conversation, At::Current)
        .await
        .unwrap();
    assert_eq!(texts(&path), ["question", "python", "The answer is"]);
    after.log.verify(&f.ann, conversation).await.unwrap();
    let whole = after.log.response(&f.ann, done).await.unwrap();
    assert_eq!(whole.status, ResponseStatus::Completed);
}

pub(crate) async fn an_item_takes_its_drafts_place(f: Fixture) {
    let (response, _) = begin(&f, Target::New(ConversationId::generate()), "question").await;
    let stored = f.log.response(&f.ann, response).await.unwrap();
    let (conversation, branch) = (stored.conversation.unwrap(), stored.branch.unwrap());
    let append = Append {
        payload: assistant("whole"),
        response: Some(response),
        ..message(conversation, branch, "")
    };
    let draft = Draft {
        id: append.id,
        response,
        payload: assistant("who").with_status(ItemStatus::InProgress),
    };
    f.log.save_draft(&f.ann, &draft).await.unwrap();
    f.log.append(&f.ann, append).await.unwrap();
    assert_eq!(f.count("drafts").await, 0);
    let late = f.log.save_draft(&f.ann, &draft).await;
    assert!(matches!(late, Err(LogError::Ended)), "{late:?}");

    // A response that was not its own does not take over a draft.
    let other = Draft {
        id: ItemId::generate(),
        ..draft.clone()
    };
    f.log.save_draft(&f.ann, &other).await.unwrap();
    let (second, _) = begin(&f, Target::New(ConversationId::generate()), "second").await;
    let stolen = Draft {
        response: second,
        ..other
    };
    assert!(f.log.save_draft(&f.ann, &stolen).await.is_err());
}

pub(crate) async fn an_ended_response_stays_as_it_is(f: Fixture) {
    let conversation = ConversationId::generate();
    let (response, _) = begin(&f, Target::New(conversation), "question").await;
    let id = ItemId::generate();
    let draft = Draft {
        id,
        response,
        payload: assistant("par").with_status(ItemStatus::InProgress),
    };
    f.log.save_draft(&f.ann, &draft).await.unwrap();
    answer(&f, response, "answer").await;
    assert_eq!(f.count("drafts").await, 0);
    let before = f.log.response(&f.ann, response).await.unwrap();

    let ended = |result: Result<(), LogError>| {
        assert!(matches!(result, Err(LogError::Ended)), "{result:?}");
    };
    ended(f.log.finish(&f.ann, response, completed()).await);
    ended(f.log.save_draft(&f.ann, &draft).await);
    ended(
        output(&f, response, assistant("late"), None)
            .await
            .map(drop),
    );
    ended(
        output(&f, response, assistant("late"), Some(completed()))
            .await
            .map(drop),
    );
    assert_eq!(f.log.response(&f.ann, response).await.unwrap(), before);
    let path = f.log.path(&f.ann, conversation, At::Current).await.unwrap();
    assert_eq!(texts(&path), ["question", "answer"]);
}

pub(crate) async fn a_branch_takes_one_response_at_a_time(f: Fixture) {
    let conversation = ConversationId::generate();
    let (response, _) = begin(&f, Target::New(conversation), "question").await;
    for target in [
        Target::Conversation(conversation),
        Target::Previous(response),
    ] {
        match f.log.begin(&f.ann, request(target, "too soon")).await {
            Err(LogError::Running(running)) => assert_eq!(running, response),
            other => panic!("{other:?}"),
        }
    }
    answer(&f, response, "answer").await;
    let requests: Vec<_> = (0..6)
        .map(|n| {
            let (log, ann) = (f.log.clone(), f.ann.clone());
            let request = request(Target::Conversation(conversation), &format!("{n}"));
            tokio::spawn(async move { log.begin(&ann, request).await })
        })
        .collect();
    let mut begun = 0;
    for request in requests {
        match request.await.unwrap() {
            Ok(Begun::Started { .. }) => begun += 1,
            Err(LogError::Running(_) | LogError::BranchMoved) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(begun, 1);
    assert_eq!(
        f.log.running_in(&f.ann, conversation).await.unwrap().len(),
        1
    );
}

fn retried(key: &str, hash: u8) -> Begin {
    Begin {
        idempotency: Some(Idempotency {
            key: key.into(),
            request_hash: [hash; 32],
        }),
        ..request(Target::New(ConversationId::generate()), "once")
    }
}

pub(crate) async fn a_retried_request_finds_its_response(f: Fixture) {
    let first = retried("k", 1);
    let response = first.response;
    assert!(matches!(
        f.log.begin(&f.ann, first).await.unwrap(),
        Begun::Started { .. }
    ));
    let again = f.log.begin(&f.ann, retried("k", 1)).await.unwrap();
    assert_eq!(again, Begun::Existing(response));
    let other = f.log.begin(&f.ann, retried("k", 2)).await;
    assert!(
        matches!(other, Err(LogError::IdempotencyMismatch)),
        "{other:?}"
    );
    assert_eq!(f.count("conversations").await, 1);
    assert_eq!(f.count("responses").await, 1);
    let long = f.log.begin(&f.ann, retried(&"k".repeat(256), 1)).await;
    assert!(matches!(long, Err(LogError::TooLong { .. })), "{long:?}");

    // Another user's key is another key, and an expired one is free.
    let bob = f.another_user("bob").await;
    let bobs = f.log.begin(&bob, retried("k", 2)).await.unwrap();
    assert!(matches!(bobs, Begun::Started { .. }));
    f.sql("UPDATE idempotency_keys SET expires_at_ms = 1")
        .await
        .unwrap();
    let anew = f.log.begin(&f.ann, retried("k", 2)).await.unwrap();
    assert!(matches!(anew, Begun::Started { .. }));
    assert_eq!(
        f.count("idempotency_keys").await,
        2,
        "Bob's, and the new one"
    );
}

pub(crate) async fn retries_at_once_begin_one_response(f: Fixture) {
    let retries: Vec<_> = (0..8)
        .map(|_| {
            let (log, ann) = (f.log.clone(), f.ann.clone());
            tokio::spawn(async move {
                let request = retried("k", 1);
                let id = request.response;
                (id, log.begin(&ann, request).await.unwrap())
            })
        })
        .collect();
    let mut started = Vec::new();
    let mut found = Vec::new();
    for retry in retries {
        match retry.await.unwrap() {
            (id, Begun::Started { .. }) => started.push(id),
            (_, Begun::Existing(id)) => found.push(id),
        }
    }
    assert_eq!(started.len(), 1);
    assert!(found.iter().all(|id| *id == started[0]));
    assert_eq!(f.count("conversations").await, 1);
    assert_eq!(f.count("items").await, 1);
}

pub(crate) async fn what_is_not_stored_leaves_nothing(f: Fixture) {
    let (response, begun) = begin(&f, Target::NotStored, "off the record").await;
    assert!(matches!(
        begun,
        Begun::Started {
            conversation: None,
            branch: None,
            ..
        }
    ));
    let draft = Draft {
        id: ItemId::generate(),
        response,
        payload: assistant("x"),
    };
    assert!(f.log.save_draft(&f.ann, &draft).await.is_err());
    f.log.finish(&f.ann, response, completed()).await.unwrap();
    for table in ["conversations", "items", "drafts", "row_keys"] {
        assert_eq!(f.count(table).await, 0, "{table}");
    }
    let stored = f.log.response(&f.ann, response).await.unwrap();
    assert_eq!(stored.usage, completed().usage);
    assert_eq!(stored.request, serde_json::Value::Null);
    assert!(stored.conversation.is_none() && stored.output.is_empty());
    let after = f
        .log
        .begin(&f.ann, request(Target::Previous(response), "x"))
        .await;
    assert!(matches!(after, Err(LogError::NotFound { .. })), "{after:?}");
}

pub(crate) async fn another_servers_responses_are_left_alone(f: Fixture) {
    let other = f.another_server();
    let request = request(Target::New(ConversationId::generate()), "elsewhere");
    let response = request.response;
    other.begin(&f.ann, request).await.unwrap();
    assert!(f.log.recover().await.unwrap().is_empty());
    assert_eq!(other.recover().await.unwrap(), [response]);
}
