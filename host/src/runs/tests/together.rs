//! Calls that run together, and the time that a turn may take.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use alcove_api_types::{
    Answer, Choice, CreateResponse, EventBody, Item, ItemStatus, Response, ResponseStatus,
    ToolCall, ToolOutcome,
};
use tokio::sync::Barrier;

use super::{Bench, Step, ended, limits, says, scripted::Scripted, text_of, until};
use crate::{runs::RunLimits, store::log::At};

/// Two pages are read, then the answer.
fn steps() -> [Step; 4] {
    [
        Step::Say("web_fetch"),
        Step::Say(
            r#"{"url":"https://a.example/"}}, {"name": "web_fetch", "arguments": {"url":"https://b.example/"}}]"#,
        ),
        Step::Say("none"),
        Step::Say("Both are read."),
    ]
}

fn script(bench: &Bench, results: impl IntoIterator<Item = Scripted>) {
    bench.tools.results.lock().unwrap().extend(results);
}

fn calls(response: &Response) -> Vec<&ToolCall> {
    let calls = response.output.iter().filter_map(|item| match item {
        Item::ToolCall(call) => Some(call),
        Item::Message(_) => None,
    });
    calls.collect()
}

#[tokio::test]
async fn two_calls_of_a_tool_run_at_once_and_are_kept_in_order() {
    let bench = Bench::new(steps()).await;
    let both = Arc::new(Barrier::new(2));
    script(
        &bench,
        ["page a", "page b"].map(|page| Scripted::Meet(Arc::clone(&both), page)),
    );
    let run = bench.start(says("Read a.example and b.example")).await;
    let response = ended(&run).await;
    assert_eq!(response.status, ResponseStatus::Completed);
    assert_eq!(text_of(&response), "Both are read.");
    let read: Vec<_> = calls(&response)
        .iter()
        .map(|call| (call.arguments.clone(), call.output[0].value.clone()))
        .collect();
    // Which of them takes which line of the script is for the scheduler.
    assert!(read[0].0.contains("a.example") && read[1].0.contains("b.example"));
    let asked = bench.model.asked();
    let answer = &asked.last().unwrap().prompt;
    let seen = format!("{answer:?}");
    assert!(seen.contains("page a") && seen.contains("page b"), "{seen}");
    let kept = bench
        .log
        .path(&bench.principal, run.conversation().unwrap(), At::Current)
        .await
        .unwrap();
    let ids: Vec<String> = kept.iter().map(|item| item.id.to_string()).collect();
    let shown: Vec<&str> = calls(&response).iter().map(|call| &*call.id).collect();
    assert_eq!(&ids[1..3], shown);
}

#[tokio::test]
async fn calls_of_a_session_run_one_after_the_other() {
    let bench = Bench::new(steps()).await;
    bench.tools.all_sessions.store(true, Ordering::SeqCst);
    script(&bench, [Scripted::Ok("first"), Scripted::Ok("second")]);
    let response = ended(&bench.start(says("Read both")).await).await;
    assert_eq!(calls(&response)[1].output[0].value, "second");
    let requests = bench.tools.requests.lock().unwrap();
    let before: Vec<usize> = requests.iter().map(|one| one.prior.len()).collect();
    assert_eq!(before, [0, 1], "the second knows of the first");
}

#[tokio::test]
async fn each_of_two_calls_is_asked_for() {
    let bench = Bench::new(steps()).await;
    *bench.tools.asks.lock().unwrap() = Some(vec![Choice::Once]);
    let request = CreateResponse {
        ask: Some(true),
        ..says("Read a.example and b.example")
    };
    let run = bench.start(request).await;
    for (place, answer) in [Answer::Deny { reason: None }, Answer::Once]
        .into_iter()
        .enumerate()
    {
        until(&run, |body| {
            matches!(body, EventBody::ToolAwaiting { output_index, .. } if *output_index as usize == place)
        })
        .await;
        let question = calls(&run.snapshot())[place].awaiting.clone().unwrap();
        let id = question.id().parse().unwrap();
        bench
            .runs
            .answer(&bench.principal, id, answer)
            .await
            .unwrap();
    }
    let response = ended(&run).await;
    let outcomes: Vec<_> = calls(&response)
        .iter()
        .map(|call| call.outcome.clone().unwrap())
        .collect();
    assert!(
        matches!(
            outcomes.as_slice(),
            [ToolOutcome::Denied { .. }, ToolOutcome::Ok]
        ),
        "{outcomes:?}"
    );
}

#[tokio::test]
async fn a_stop_ends_all_calls() {
    let bench = Bench::new(steps()).await;
    script(&bench, [Scripted::Hang, Scripted::Hang]);
    let run = bench.start(says("Read both")).await;
    while bench.tools.begun.load(Ordering::SeqCst) < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let response = bench.runs.stop(&bench.principal, run.id()).await.unwrap();
    assert_eq!(response.status, ResponseStatus::Cancelled);
    for call in calls(&response) {
        let limit = call.outcome.clone();
        assert!(
            matches!(&limit, Some(ToolOutcome::Limit { limit, .. }) if limit == "stopped"),
            "{limit:?}"
        );
    }
    let kept = bench
        .log
        .path(&bench.principal, run.conversation().unwrap(), At::Current)
        .await
        .unwrap();
    assert_eq!(kept.len(), 3, "the message and both calls");
}

#[tokio::test]
async fn one_call_too_many_is_said() {
    let few = RunLimits {
        tool_calls: 1,
        ..limits()
    };
    let steps = [
        Step::Say("web_fetch"),
        Step::Say(r#"{"url":"https://a.example/"}}]"#),
        Step::Say("web_fetch"),
        Step::Say("Half of it."),
    ];
    let bench = Bench::with_limits(steps, few).await;
    let response = ended(&bench.start(says("Read a lot")).await).await;
    assert_eq!(response.status, ResponseStatus::Incomplete);
    assert_eq!(
        response.incomplete_details.as_ref().unwrap().reason,
        "tool_calls"
    );
    let Some(Item::Message(message)) = response.output.last() else {
        panic!("no answer")
    };
    assert_eq!(
        message.status,
        ItemStatus::Completed,
        "the answer itself is whole"
    );
}

/// A limit that a test waits for.
const SHORT: Duration = Duration::from_millis(300);

fn short() -> RunLimits {
    RunLimits {
        turn_time: SHORT,
        ..limits()
    }
}

#[tokio::test]
async fn a_turn_ends_when_its_time_is_over() {
    let bench = Bench::with_limits(
        [Step::Say("none"), Step::Hang("As far as it came")],
        short(),
    )
    .await;
    let response = ended(&bench.start(says("Hi")).await).await;
    assert_eq!(response.status, ResponseStatus::Incomplete);
    assert_eq!(
        response.incomplete_details.as_ref().unwrap().reason,
        "turn_time"
    );
    assert_eq!(text_of(&response), "As far as it came");

    let bench = Bench::with_limits(steps(), short()).await;
    script(&bench, [Scripted::Hang, Scripted::Ok("page b")]);
    let response = ended(&bench.start(says("Read both")).await).await;
    assert_eq!(
        response.incomplete_details.as_ref().unwrap().reason,
        "turn_time"
    );
}

#[tokio::test]
async fn waiting_for_a_person_takes_no_time_of_the_turn() {
    let bench = Bench::with_limits(steps(), short()).await;
    *bench.tools.asks.lock().unwrap() = Some(vec![Choice::Once]);
    let request = CreateResponse {
        ask: Some(true),
        ..says("Read a.example and b.example")
    };
    let run = bench.start(request).await;
    for place in 0..2 {
        until(&run, |body| {
            matches!(body, EventBody::ToolAwaiting { output_index, .. } if *output_index as usize == place)
        })
        .await;
        tokio::time::sleep(SHORT).await;
        let question = calls(&run.snapshot())[place].awaiting.clone().unwrap();
        let id = question.id().parse().unwrap();
        bench
            .runs
            .answer(&bench.principal, id, Answer::Once)
            .await
            .unwrap();
    }
    assert_eq!(ended(&run).await.status, ResponseStatus::Completed);
}
