//! Calls that wait for their person: allowed, denied, unanswered, stopped, and never by themselves.

use std::{sync::atomic::Ordering, time::Duration};

use alcove_api_types::{
    Answer, AnswerKind, Awaiting, Choice, CreateResponse, EventBody, Item, ResponseStatus,
    ToolCall, ToolOutcome,
};
use serde_json::json;

use super::{Bench, Step, ended, limits, says, scripted::Scripted, text_of, until};
use crate::runs::{AnswerError, Run, RunLimits};

/// Decide, write a call, decide again, answer.
fn steps() -> [Step; 4] {
    [
        Step::Say("web_fetch"),
        Step::Say(r#"{"url":"https://a.example/"}}]"#),
        Step::Say("none"),
        Step::Say("Here it is."),
    ]
}

fn asking(text: &str) -> CreateResponse {
    CreateResponse {
        ask: Some(true),
        ..says(text)
    }
}

async fn bench(choices: &[Choice]) -> Bench {
    let bench = Bench::new(steps()).await;
    *bench.tools.asks.lock().unwrap() = Some(choices.to_vec());
    bench
}

async fn waiting(run: &Run) -> Awaiting {
    until(run, |body| matches!(body, EventBody::ToolAwaiting { .. })).await;
    call(run).awaiting.expect("a question")
}

fn call(run: &Run) -> ToolCall {
    let output = run.snapshot().output;
    let found = output.into_iter().find_map(|item| match item {
        Item::ToolCall(call) => Some(call),
        Item::Message(_) => None,
    });
    found.expect("a call")
}

fn deny(reason: &str) -> Answer {
    Answer::Deny {
        reason: Some(reason.into()),
    }
}

#[tokio::test]
async fn a_call_waits_without_running_until_it_is_allowed() {
    let bench = bench(&[Choice::Once]).await;
    let run = bench.start(asking("Read a.example")).await;
    let awaiting = waiting(&run).await;
    assert_eq!(bench.tools.begun.load(Ordering::SeqCst), 0);
    let Awaiting::Approval(question) = &awaiting else {
        panic!("{awaiting:?}")
    };
    assert_eq!(question.reaches, ["files: /workspace"]);
    assert_eq!(call(&run).arguments, r#"{"url":"https://a.example/"}"#);
    let listed = bench.runs.waiting(&bench.principal);
    assert_eq!(listed[0].call.awaiting.as_ref(), Some(&awaiting));

    let id = question.id.parse().unwrap();
    let answer = |answer| bench.runs.answer(&bench.principal, id, answer);
    let first = answer(Answer::Once).await.unwrap();
    let response = ended(&run).await;
    assert_eq!(response.status, ResponseStatus::Completed);
    assert_eq!(text_of(&response), "Here it is.");
    let call = call(&run);
    assert_eq!(call.outcome, Some(ToolOutcome::Ok));
    assert_eq!(call.answered.unwrap(), first);
    assert!(call.awaiting.is_none());
    // The same answer again is the same; another one changes nothing.
    assert_eq!(answer(Answer::Once).await.unwrap(), first);
    let late = answer(deny("too late")).await.unwrap_err();
    assert!(matches!(late, AnswerError::Conflict(_)), "{late}");
    assert!(bench.log.verify_audit().await.unwrap() >= 1);
}

#[tokio::test]
async fn a_no_reaches_the_model_with_its_reason() {
    let bench = bench(&[Choice::Once]).await;
    let run = bench.start(asking("Read a.example")).await;
    let id = waiting(&run).await.id().parse().unwrap();
    let reason = deny("that site is not ours");
    bench
        .runs
        .answer(&bench.principal, id, reason)
        .await
        .unwrap();
    assert_eq!(ended(&run).await.status, ResponseStatus::Completed);
    let call = call(&run);
    assert!(
        matches!(&call.outcome, Some(ToolOutcome::Denied { capability, message })
            if capability == "approval" && message.contains("that site is not ours")),
        "{call:?}"
    );
    assert_eq!(call.answered.unwrap().answer, AnswerKind::Denied);
    let asked = bench.model.asked();
    let read = format!("{:?}", asked.last().unwrap().prompt);
    assert!(
        read.contains("the person said no: that site is not ours"),
        "{read}"
    );
}

#[tokio::test]
async fn only_its_owner_answers_and_only_what_is_offered() {
    let bench = bench(&[Choice::Once]).await;
    let run = bench.start(asking("Read a.example")).await;
    let id = waiting(&run).await.id().parse().unwrap();
    let stranger = bench.stranger().await;
    let refused = bench.runs.answer(&stranger, id, Answer::Once).await;
    assert!(matches!(refused, Err(AnswerError::NotFound(_))));
    assert!(bench.runs.waiting(&stranger).is_empty());
    let input = Answer::Input { value: json!({}) };
    for answer in [Answer::Conversation, input, deny(&"x".repeat(1001))] {
        let refused = bench.runs.answer(&bench.principal, id, answer).await;
        assert!(matches!(refused, Err(AnswerError::Invalid { .. })));
    }
    assert!(call(&run).awaiting.is_some());
    bench.runs.stop(&bench.principal, run.id()).await.unwrap();
}

#[tokio::test]
async fn stop_ends_the_waiting() {
    let bench = bench(&[Choice::Once]).await;
    let run = bench.start(asking("Read a.example")).await;
    let id = waiting(&run).await.id().parse().unwrap();
    let response = bench.runs.stop(&bench.principal, run.id()).await.unwrap();
    assert_eq!(response.status, ResponseStatus::Cancelled);
    assert_eq!(call(&run).answered.unwrap().answer, AnswerKind::Stopped);
    assert_eq!(bench.tools.begun.load(Ordering::SeqCst), 0);
    let late = bench.runs.answer(&bench.principal, id, Answer::Once).await;
    assert!(matches!(late, Err(AnswerError::Conflict(_))), "{late:?}");
}

#[tokio::test]
async fn nobody_answering_is_a_no() {
    let limits = RunLimits {
        approval_wait: Duration::from_millis(150),
        ..limits()
    };
    let bench = Bench::with_limits(steps(), limits).await;
    *bench.tools.asks.lock().unwrap() = Some(vec![Choice::Once]);
    let run = bench.start(asking("Read a.example")).await;
    let response = ended(&run).await;
    assert_eq!(response.status, ResponseStatus::Completed);
    let call = call(&run);
    assert!(
        matches!(&call.outcome, Some(ToolOutcome::Denied { message, .. })
            if message.contains("nobody answered within") && message.contains("approval_wait")),
        "{call:?}"
    );
    assert_eq!(call.answered.unwrap().answer, AnswerKind::Unanswered);
}

#[tokio::test]
async fn with_nobody_to_ask_it_is_denied_at_once() {
    let bench = bench(&[Choice::Once]).await;
    let (response, _) = bench.finish(says("Read a.example")).await;
    let Some(Item::ToolCall(call)) = response.output.first() else {
        panic!("{response:?}")
    };
    assert!(
        matches!(&call.outcome, Some(ToolOutcome::Denied { message, .. })
            if message.contains("nobody can be asked")),
        "{call:?}"
    );
    assert!(call.answered.is_none());
}

#[tokio::test]
async fn a_killed_server_leaves_an_interrupted_call_and_no_approval() {
    let bench = bench(&[Choice::Once]).await;
    let run = bench.start(asking("Read a.example")).await;
    let id = waiting(&run).await.id().parse().unwrap();
    let restarted = bench.restarted([]).await;
    assert_eq!(restarted.runs.recover_at_start().await.unwrap(), 1);
    let late = restarted
        .runs
        .answer(&restarted.principal, id, Answer::Once)
        .await
        .unwrap_err();
    assert!(late.to_string().contains("interrupted"), "{late}");
    let stored = restarted
        .log
        .response(&restarted.principal, run.id())
        .await
        .unwrap();
    assert_eq!(stored.incomplete.as_deref(), Some("interrupted"));
    let item = crate::store::wire::item(&stored.output[0]);
    let Item::ToolCall(call) = item else {
        panic!("{item:?}")
    };
    assert!(call.outcome.is_none() && call.awaiting.is_none());
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_a_person() {
    let bench = bench(&[Choice::Once]).await;
    let run = bench.start(asking("Read a.example")).await;
    waiting(&run).await;
    let begun = std::time::Instant::now();
    bench.runs.drain(Duration::from_secs(10)).await;
    assert!(begun.elapsed() < Duration::from_secs(3));
    let response = ended(&run).await;
    assert_eq!(response.incomplete_details.unwrap().reason, "interrupted");
    assert_eq!(call(&run).answered.unwrap().answer, AnswerKind::Interrupted);
}

#[tokio::test]
async fn a_run_that_waits_for_its_person_holds_nobody_up() {
    let limits = RunLimits {
        active: 1,
        ..limits()
    };
    let [decide, call, ..] = steps();
    let all = [decide, call, Step::Say("none"), Step::Say("Quick.")];
    let bench = Bench::with_limits(all, limits).await;
    *bench.tools.asks.lock().unwrap() = Some(vec![Choice::Once]);
    let run = bench.start(asking("Read a.example")).await;
    waiting(&run).await;
    let (other, _) = bench.finish(says("Hi")).await;
    assert_eq!(text_of(&other), "Quick.");
    bench.runs.stop(&bench.principal, run.id()).await.unwrap();
}

const QUESTION: &str = r#"{"prompt":"Which year?","schema":{"type":"object","properties":{"year":{"type":"integer"}},"required":["year"],"additionalProperties":false}}"#;

fn wants_input() -> Scripted {
    Scripted::Outcome(ToolOutcome::Failed {
        failure: "input-required".into(),
        message: QUESTION.into(),
    })
}

#[tokio::test]
async fn a_tool_that_asks_is_called_again_with_the_answer() {
    let bench = Bench::new(steps()).await;
    bench.tools.results.lock().unwrap().push_back(wants_input());
    let run = bench.start(asking("Read a.example")).await;
    let awaiting = waiting(&run).await;
    let Awaiting::Input(question) = &awaiting else {
        panic!("{awaiting:?}")
    };
    assert_eq!(question.prompt, "Which year?");
    let id = question.id.parse().unwrap();
    let answer = |value| {
        let answer = Answer::Input { value };
        bench.runs.answer(&bench.principal, id, answer)
    };
    let refused = answer(json!({"year": "last"})).await.unwrap_err();
    assert!(matches!(
        refused,
        AnswerError::Invalid { param: "value", .. }
    ));
    answer(json!({"year": 2026})).await.unwrap();
    assert_eq!(ended(&run).await.status, ResponseStatus::Completed);
    assert_eq!(call(&run).outcome, Some(ToolOutcome::Ok));
    let requests = bench.tools.requests.lock().unwrap();
    assert_eq!(requests.len(), 2);
    assert!(requests[0].consent.answer.is_none());
    assert_eq!(requests[1].consent.answer, Some(json!({"year": 2026})));
    assert_eq!(requests[0].arguments, requests[1].arguments);
}

#[tokio::test]
async fn a_tool_that_asks_where_nobody_is_has_failed() {
    let bench = Bench::new(steps()).await;
    bench.tools.results.lock().unwrap().push_back(wants_input());
    let (response, _) = bench.finish(says("Read a.example")).await;
    let Some(Item::ToolCall(call)) = response.output.first() else {
        panic!("{response:?}")
    };
    assert!(
        matches!(&call.outcome, Some(ToolOutcome::Failed { failure, message })
            if failure == "input-required" && message.contains("Which year?") && message.contains("nobody")),
        "{call:?}"
    );
}

#[tokio::test]
async fn a_tool_that_asks_without_end_is_ended() {
    let bench = Bench::new(steps()).await;
    for _ in 0..5 {
        bench.tools.results.lock().unwrap().push_back(wants_input());
    }
    let run = bench.start(asking("Read a.example")).await;
    for round in 0..4 {
        let id = loop {
            match run.question() {
                Some(awaiting) => break awaiting.id().parse().unwrap(),
                None => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        };
        let value = json!({ "year": round });
        let answer = Answer::Input { value };
        bench
            .runs
            .answer(&bench.principal, id, answer)
            .await
            .unwrap();
    }
    ended(&run).await;
    let call = call(&run);
    assert!(
        matches!(&call.outcome, Some(ToolOutcome::Failed { message, .. }) if message.contains("too often")),
        "{call:?}"
    );
}
