//! Stop, shutdown, and what is left after a crash.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use alcove_api_types::{EventBody, Item, ItemStatus, ResponseStatus, ToolOutcome};

use super::{Bench, Step, ended, names, says, scripted::Scripted, text_of, until};
use crate::{runs::StartError, store::log::At};

/// A test's patience where the promise is 300 ms.
const SOON: Duration = Duration::from_secs(1);

#[tokio::test]
async fn stop_keeps_what_was_written() {
    let bench = Bench::new([Step::Say("none"), Step::Hang("Half an ans")]).await;
    let run = bench.start(says("Hi")).await;
    until(&run, |body| matches!(body, EventBody::TextDelta { .. })).await;
    let begun = Instant::now();
    let response = bench.runs.stop(&bench.principal, run.id()).await.unwrap();
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    assert_eq!(response.status, ResponseStatus::Cancelled);
    assert_eq!(text_of(&response), "Half an ans");
    let Item::Message(message) = &response.output[0] else {
        panic!("no message")
    };
    assert_eq!(message.status, ItemStatus::Incomplete);
    assert_eq!(
        response.usage.unwrap().output_tokens,
        10,
        "the cut answer is counted too"
    );
    let events = super::all_events(&run).await;
    let names = names(&events);
    assert_eq!(
        names[names.len() - 4..],
        [
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "alcove:response.cancelled",
        ]
    );
    let conversation = run.conversation().unwrap();
    let items = bench
        .log
        .path(&bench.principal, conversation, At::Current)
        .await
        .unwrap();
    assert_eq!(items.len(), 2);
    assert_eq!(
        items[1].payload.status(),
        alcove_core::item::ItemStatus::Incomplete
    );
    // A second stop finds it stopped.
    let again = bench.runs.stop(&bench.principal, run.id()).await.unwrap();
    assert_eq!(again, response);
}

#[tokio::test]
async fn stop_reaches_a_tool() {
    let bench = Bench::new([Step::Say("python"), Step::Say("while True: pass")]).await;
    bench
        .tools
        .results
        .lock()
        .unwrap()
        .push_back(Scripted::Hang);
    let run = bench.start(says("Hi")).await;
    while bench.tools.begun.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let begun = Instant::now();
    let response = bench.runs.stop(&bench.principal, run.id()).await.unwrap();
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    assert_eq!(response.status, ResponseStatus::Cancelled);
    let [Item::ToolCall(call)] = response.output.as_slice() else {
        panic!("no call")
    };
    assert!(matches!(&call.outcome, Some(ToolOutcome::Limit { limit, .. }) if limit == "stopped"));
    assert_eq!(call.status, ItemStatus::Completed);
}

#[tokio::test]
async fn a_tool_that_ignores_stop_is_left_behind_and_goes_on_to_its_end() {
    let bench = Bench::new([Step::Say("python"), Step::Say("1")]).await;
    bench
        .tools
        .results
        .lock()
        .unwrap()
        .push_back(Scripted::Linger);
    let run = bench.start(says("Hi")).await;
    while bench.tools.begun.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let response = bench.runs.stop(&bench.principal, run.id()).await.unwrap();
    assert_eq!(response.status, ResponseStatus::Cancelled);
    assert_eq!(bench.tools.lingered.load(Ordering::SeqCst), 0);
    // Only at its end a call is written down and paid for; a shutdown waits for that.
    bench.runs.drain(Duration::from_secs(10)).await;
    assert_eq!(bench.tools.lingered.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn stop_while_a_call_is_written_keeps_the_call_as_incomplete() {
    let bench = Bench::new([Step::Say("python"), Step::Hang("print(")]).await;
    let run = bench.start(says("Hi")).await;
    until(&run, |body| {
        matches!(body, EventBody::ToolArgumentsDelta { .. })
    })
    .await;
    let response = bench.runs.stop(&bench.principal, run.id()).await.unwrap();
    let [Item::ToolCall(call)] = response.output.as_slice() else {
        panic!("no call")
    };
    assert_eq!(call.status, ItemStatus::Incomplete);
    assert_eq!(call.outcome, None);
    let conversation = run.conversation().unwrap();
    assert_eq!(
        bench
            .log
            .path(&bench.principal, conversation, At::Current)
            .await
            .unwrap()
            .len(),
        2
    );
}

#[tokio::test]
async fn a_branch_has_one_run() {
    let bench = Bench::new([Step::Say("none"), Step::Hang("…")]).await;
    let run = bench.start(says("Hi")).await;
    let mut second = says("Hello?");
    second.conversation = run.snapshot().conversation;
    let error = bench.try_start(second).await.unwrap_err();
    assert!(
        matches!(error, StartError::Busy { running } if running == run.id()),
        "{error}"
    );
    let mut third = says("Hello?");
    third.previous_response_id = Some(run.id().to_string());
    let error = bench.try_start(third).await.unwrap_err();
    assert!(matches!(error, StartError::Busy { .. }), "{error}");
    assert_eq!(
        bench
            .runs
            .running_in(run.conversation().unwrap())
            .unwrap()
            .id(),
        run.id()
    );
    bench.runs.stop(&bench.principal, run.id()).await.unwrap();
    assert!(bench.runs.running_in(run.conversation().unwrap()).is_none());
}

#[tokio::test]
async fn a_shutdown_waits_then_stops_and_keeps_everything() {
    let bench = Bench::new([
        Step::Say("none"),
        Step::Slowly(vec!["All ", "of it."], Duration::from_millis(50)),
        Step::Say("none"),
        Step::Hang("Part"),
    ])
    .await;
    let short = bench.start(says("short")).await;
    until(&short, |body| matches!(body, EventBody::InProgress { .. })).await;
    while bench.model.asked().len() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let long = bench.start(says("long")).await;
    until(&long, |body| matches!(body, EventBody::TextDelta { .. })).await;
    bench.runs.drain(Duration::from_millis(500)).await;
    let whole = ended(&short).await;
    assert_eq!(
        (whole.status, text_of(&whole)),
        (ResponseStatus::Completed, "All of it.".into())
    );
    let part = ended(&long).await;
    assert_eq!(
        (part.status, text_of(&part)),
        (ResponseStatus::Incomplete, "Part".into())
    );
    assert_eq!(part.incomplete_details.unwrap().reason, "interrupted");
    let error = bench.try_start(says("late")).await.unwrap_err();
    assert!(matches!(error, StartError::ShuttingDown), "{error}");
}

#[tokio::test]
async fn a_crash_loses_at_most_the_last_second() {
    let pieces = vec!["word "; 40];
    let pause = Duration::from_millis(50);
    let bench = Bench::new([Step::Say("none"), Step::Slowly(pieces, pause)]).await;
    let run = bench.start(says("Hi")).await;
    // Longer than a second of text: at least one draft was saved. The process ends here.
    until(&run, |body| matches!(body, EventBody::TextDelta { .. })).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let restarted = bench.restarted([]).await;
    assert_eq!(restarted.runs.recover_at_start().await.unwrap(), 1);
    let id = run.id();
    let found = restarted.runs.find(&restarted.principal, id).await.unwrap();
    let crate::runs::Found::Finished(response) = found else {
        panic!("it runs")
    };
    assert_eq!(response.status, ResponseStatus::Incomplete);
    assert_eq!(
        response.incomplete_details.as_ref().unwrap().reason,
        "interrupted"
    );
    assert!(
        text_of(&response).starts_with("word word "),
        "{:?}",
        text_of(&response)
    );
    // The run of the old process can't add to what was ended.
    let late = ended(&run).await;
    assert_eq!(late.status, ResponseStatus::Failed);
}
