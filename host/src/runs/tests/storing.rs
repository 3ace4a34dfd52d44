//! What is kept, what is not, and retried requests.

use alcove_api_types::{EventBody, ResponseStatus};

use super::{Bench, Step, all_events, ended, names, says, text_of, until};
use crate::runs::{FindError, Found, StartError};

#[tokio::test]
async fn nothing_of_an_unstored_run_is_kept() {
    let bench = Bench::new([
        Step::Say("python"),
        Step::Say("1"),
        Step::Say("none"),
        Step::Say("Secret answer."),
    ])
    .await;
    let mut request = says("Secret question");
    request.store = Some(false);
    let (response, _) = bench.finish(request).await;
    assert_eq!(text_of(&response), "Secret answer.");
    assert!(response.conversation.is_none());
    assert!(
        bench.tools.requests.lock().unwrap()[0]
            .conversation()
            .is_none()
    );
    let page = bench.log.list(&bench.principal, 10, None).await.unwrap();
    assert!(page.conversations.is_empty());
    let stored = bench
        .log
        .response(&bench.principal, response.id.parse().unwrap())
        .await
        .unwrap();
    assert!(stored.output.is_empty() && stored.conversation.is_none());
    assert_eq!(stored.usage, response.usage);
    // Its events can be read for a while, like any other's.
    let found = bench
        .runs
        .find(&bench.principal, response.id.parse().unwrap())
        .await
        .unwrap();
    assert!(matches!(found, Found::Run(_)));
}

#[tokio::test]
async fn a_conversation_is_named_after_its_first_words() {
    let bench = Bench::new([Step::Say("none"), Step::Say("Yes.")]).await;
    bench
        .finish(says(
            "Is Alcove\na good name for a reading nook with a view of the old harbour?",
        ))
        .await;
    let page = bench.log.list(&bench.principal, 10, None).await.unwrap();
    assert_eq!(
        page.conversations[0].title,
        "Is Alcove a good name for a reading nook with a view of the…"
    );
}

#[tokio::test]
async fn a_retried_request_is_the_same_run() {
    let bench = Bench::new([Step::Say("none"), Step::Hang("…")]).await;
    let run = bench.start_with_key(says("Hi"), "key-1").await.unwrap();
    until(&run, |body| matches!(body, EventBody::TextDelta { .. })).await;
    let mut again = says("Hi");
    again.stream = true;
    let same = bench.start_with_key(again, "key-1").await.unwrap();
    assert_eq!(same.id(), run.id());
    let error = bench
        .start_with_key(says("Something else"), "key-1")
        .await
        .unwrap_err();
    assert!(matches!(error, StartError::IdempotencyMismatch), "{error}");
    bench.runs.stop(&bench.principal, run.id()).await.unwrap();
    assert_eq!(
        bench
            .log
            .list(&bench.principal, 10, None)
            .await
            .unwrap()
            .conversations
            .len(),
        1
    );
}

#[tokio::test]
async fn two_retries_at_once_are_one_run() {
    let bench = Bench::new([Step::Say("none"), Step::Say("Hello.")]).await;
    let (one, other) = tokio::join!(
        bench.start_with_key(says("Hi"), "key"),
        bench.start_with_key(says("Hi"), "key")
    );
    assert_eq!(one.unwrap().id(), other.unwrap().id());
}

#[tokio::test]
async fn a_retry_after_a_restart_gets_the_finished_response() {
    let bench = Bench::new([Step::Say("none"), Step::Say("Hello.")]).await;
    let run = bench.start_with_key(says("Hi"), "key").await.unwrap();
    let response = ended(&run).await;
    let restarted = bench.restarted([]).await;
    let again = restarted.start_with_key(says("Hi"), "key").await.unwrap();
    assert_eq!(again.id(), run.id());
    assert_eq!(again.snapshot(), response);
    assert_eq!(
        names(&all_events(&again).await),
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.output_item.done",
            "response.completed",
        ]
    );
    let error = restarted
        .start_with_key(says("Else"), "key")
        .await
        .unwrap_err();
    assert!(matches!(error, StartError::IdempotencyMismatch), "{error}");
}

#[tokio::test]
async fn somebody_elses_run_looks_like_an_unknown_one() {
    let bench = Bench::new([Step::Say("none"), Step::Hang("…")]).await;
    let run = bench.start(says("Hi")).await;
    until(&run, |body| matches!(body, EventBody::TextDelta { .. })).await;
    let stranger = bench.stranger().await;
    let found = bench.runs.find(&stranger, run.id()).await.unwrap_err();
    let stopped = bench.runs.stop(&stranger, run.id()).await.unwrap_err();
    let unknown = alcove_core::ids::ResponseId::generate();
    let nothing = bench.runs.find(&stranger, unknown).await.unwrap_err();
    for (error, id) in [(found, run.id()), (stopped, run.id()), (nothing, unknown)] {
        assert!(matches!(&error, FindError::NotFound(_)));
        assert_eq!(error.to_string(), format!("there is no response {id}"));
    }
    assert!(!run.is_ended());
    bench.runs.stop(&bench.principal, run.id()).await.unwrap();
    assert_eq!(ended(&run).await.status, ResponseStatus::Cancelled);
    let found = bench.runs.find(&stranger, run.id()).await.unwrap_err();
    assert!(matches!(found, FindError::NotFound(_)));
}
