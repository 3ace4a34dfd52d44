//! Turns that go well: the order of events, what the model reads, what is kept.

use std::{sync::Arc, time::Duration};

use alcove_api_types::{
    CreateResponse, EventBody, Input, InputContent, InputItem, Item, ItemStatus, ResponseStatus,
    Role, ServerTools, ToolChoice, ToolChoiceMode, ToolOutcome,
};
use alcove_core::prompt::Speaker;
use futures::StreamExt;

use super::{Bench, Step, all_events, ended, names, says, scripted::Scripted, text_of};
use crate::{inference::Form, runs::Found};

const MESSAGE: [&str; 8] = [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
];

#[tokio::test]
async fn an_answer_comes_in_the_order_of_the_specification() {
    let bench = Bench::new([Step::Say("none"), Step::Say("\n\nHello there.")]).await;
    let (response, events) = bench.finish(says("Hi!")).await;
    let expected: Vec<&str> = MESSAGE.into_iter().chain(["response.completed"]).collect();
    assert_eq!(names(&events), expected);
    for (index, event) in events.iter().enumerate() {
        assert_eq!(event.sequence_number, index as u64);
    }
    assert_eq!(response.status, ResponseStatus::Completed);
    assert_eq!(text_of(&response), "Hello there.");
    let usage = response.usage.unwrap();
    assert_eq!(
        (usage.input_tokens, usage.cached_tokens, usage.output_tokens),
        (20, 8, 10)
    );
    assert_eq!(usage.total_tokens, 30);
    let EventBody::Completed { response: last } = &events.last().unwrap().body else {
        panic!("not completed")
    };
    assert_eq!(*last, response);
    let deltas: String = events
        .iter()
        .filter_map(|event| match &event.body {
            EventBody::TextDelta { delta, .. } => Some(delta.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(deltas, "Hello there.");
    let EventBody::Created { response: first } = &events[0].body else {
        panic!("not created")
    };
    assert_eq!(first.status, ResponseStatus::Queued);
    assert!(first.output.is_empty() && first.conversation.is_some());
}

#[tokio::test]
async fn a_tool_runs_before_the_answer() {
    let bench = Bench::new([
        Step::Say("python"),
        Step::Say("2**200 + 7\n"),
        Step::Say("none"),
        Step::Say("It is 1606938044258990275541962092341162602522202993782792835301383."),
    ])
    .await;
    let number = "1606938044258990275541962092341162602522202993782792835301383";
    bench
        .tools
        .results
        .lock()
        .unwrap()
        .push_back(Scripted::Ok(number));
    let (response, events) = bench.finish(says("What is 2**200 + 7? Use Python.")).await;
    assert_eq!(
        names(&events),
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "alcove:tool_call.arguments.delta",
            "alcove:tool_call.arguments.done",
            "response.output_item.done",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    let [Item::ToolCall(call), Item::Message(message)] = response.output.as_slice() else {
        panic!("unexpected output {:?}", response.output)
    };
    assert_eq!(
        (call.plugin.as_str(), call.tool.as_str()),
        ("alcove/python", "python")
    );
    assert_eq!(call.arguments, r#"{"code":"2**200 + 7"}"#);
    assert_eq!(call.outcome, Some(ToolOutcome::Ok));
    assert_eq!(call.output[0].value, number);
    assert_eq!(call.usage.unwrap().cpu_us, 500);
    assert!(message.text().contains(number));

    let asked = bench.model.asked();
    assert!(
        matches!(&asked[0].form, Form::Choice(names) if names == &["none", "python", "web_fetch"])
    );
    assert_eq!(
        (asked[1].prompt.begun.as_str(), asked[1].stop),
        ("```python\n", Some("```"))
    );
    let Form::Copying(rule) = &asked[3].form else {
        panic!("no copy rule")
    };
    assert_eq!(rule.numbers, [number]);
    let last = asked[3].prompt.messages.last().unwrap();
    assert_eq!(last.speaker, Speaker::User);
    assert!(last.text.contains(number) && last.text.ends_with("Now answer my question."));
}

#[tokio::test]
async fn a_reader_of_files_is_offered_once_there_may_be_some() {
    let none = || [Step::Say("none"), Step::Say("Nothing.")];
    let bench = Bench::new([none(), none(), none()].into_iter().flatten()).await;
    let (first, _) = bench.finish(says("What does it say?")).await;
    for (files, options) in [
        (["a.txt"], ["none", "python", "web_fetch"].as_slice()),
        (
            ["b/a.PDF"],
            ["none", "python", "web_fetch", "read_document"].as_slice(),
        ),
    ] {
        *bench.tools.files.lock().unwrap() = files.to_vec();
        let mut request = says("And now?");
        request.conversation = first.conversation.clone();
        bench.finish(request).await;
        let asked = bench.model.asked();
        let form = &asked[asked.len() - 2].form;
        assert!(
            matches!(form, Form::Choice(names) if names == options),
            "{form:?}"
        );
    }
}

#[tokio::test]
async fn what_was_said_and_done_is_in_the_next_turns_window() {
    let bench = Bench::new([
        Step::Say("python"),
        Step::Say("x = 4; x"),
        Step::Say("none"),
        Step::Say("It is 4."),
        Step::Say("python"),
        Step::Say("x - 1"),
        Step::Say("none"),
        Step::Say("It is 3."),
    ])
    .await;
    let (first, _) = bench.finish(says("What is 2+2?")).await;
    let mut request = says("And minus one?");
    request.conversation = first.conversation.clone();
    let (second, _) = bench.finish(request).await;
    assert_eq!(second.conversation, first.conversation);
    assert_eq!(second.previous_response_id.as_ref(), Some(&first.id));

    let asked = bench.model.asked();
    let texts: Vec<&str> = asked[5]
        .prompt
        .messages
        .iter()
        .map(|message| message.text.as_str())
        .collect();
    let at = texts
        .iter()
        .position(|text| *text == "What is 2+2?")
        .unwrap();
    assert_eq!(texts[at + 1], "```python\nx = 4; x\n```");
    assert!(texts[at + 2].contains("printed:\n```\n4\n```"));
    assert_eq!(texts[at + 3], "It is 4.");
    assert!(texts[at + 4].starts_with("And minus one?\n\nWrite python code"));
    // The decision reads the earlier one in short.
    let decision: Vec<&str> = asked[4]
        .prompt
        .messages
        .iter()
        .map(|message| message.text.as_str())
        .collect();
    assert!(
        decision.ends_with(&[
            "[numbers] What is 2+2?",
            "python",
            "[only words] And minus one?"
        ]),
        "{decision:?}"
    );
    // The second cell continues the first one's session.
    let requests = bench.tools.requests.lock().unwrap();
    assert!(requests[0].prior.is_empty());
    let [prior] = requests[1].prior.as_slice() else {
        panic!("no prior call")
    };
    assert_eq!(prior.item, requests[0].item);
    assert_eq!(prior.arguments, r#"{"code":"x = 4; x"}"#);
}

#[tokio::test]
async fn going_on_from_an_earlier_response_makes_a_branch() {
    let bench = Bench::new(
        ["one", "two", "other"]
            .into_iter()
            .flat_map(|text| [Step::Say("none"), Step::Say(text)]),
    )
    .await;
    let (first, _) = bench.finish(says("first")).await;
    let mut second = says("second");
    second.previous_response_id = Some(first.id.clone());
    let mut edited = says("edited");
    edited.previous_response_id = Some(first.id.clone());
    bench.finish(second).await;
    let (other, _) = bench.finish(edited).await;
    assert_eq!(other.conversation, first.conversation);
    let asked = bench.model.asked();
    let texts: Vec<&str> = asked[5]
        .prompt
        .messages
        .iter()
        .map(|message| message.text.as_str())
        .collect();
    assert!(texts.ends_with(&["first", "one", "edited"]), "{texts:?}");
    assert!(!texts.contains(&"second"));
}

#[tokio::test]
async fn readers_may_come_and_go() {
    let pieces = vec!["one ", "two ", "three ", "four"];
    let pause = Duration::from_millis(40);
    let bench = Bench::new([Step::Say("none"), Step::Slowly(pieces, pause)]).await;
    let run = bench.start(says("Count.")).await;
    {
        let mut early = Box::pin(run.events_after(None));
        early.next().await.unwrap();
    }
    let all = all_events(&run).await;
    let middle = all.len() as u64 / 2;
    let rest: Vec<_> = run.events_after(Some(middle)).collect().await;
    assert_eq!(rest, all[middle as usize + 1..]);
    let last = all.last().unwrap().sequence_number;
    assert_eq!(run.events_after(Some(last)).collect::<Vec<_>>().await, []);
    assert_eq!(
        run.events_after(Some(u64::MAX)).collect::<Vec<_>>().await,
        []
    );
    assert_eq!(text_of(&run.snapshot()), "one two three four");
}

#[tokio::test]
async fn pieces_that_come_together_are_one_event() {
    let pieces = vec!["x "; 300];
    let bench = Bench::new([Step::Say("none"), Step::Slowly(pieces, Duration::ZERO)]).await;
    let (response, events) = bench.finish(says("Go.")).await;
    assert_eq!(text_of(&response).split_whitespace().count(), 300);
    let deltas = events
        .iter()
        .filter(|event| matches!(event.body, EventBody::TextDelta { .. }))
        .count();
    assert!(deltas < 100, "{deltas} events for 300 pieces");
}

#[tokio::test]
async fn choices_are_masks_and_filters_hold() {
    let forced = |name: &str| ToolChoice::Function {
        kind: "function".into(),
        name: name.into(),
    };
    let bench = Bench::new([
        Step::Say("No tool."),
        Step::Say("No tools."),
        Step::Say("{\"url\": \"https://a.example\"}}]"),
        Step::Say("A page."),
        Step::Say("python"),
        Step::Say("1"),
        Step::Say("none"),
        Step::Say("One."),
    ])
    .await;
    let with = |choice: Option<ToolChoice>, tools: Option<ServerTools>| CreateResponse {
        tool_choice: choice,
        server_tools: tools,
        ..says("Hi")
    };
    let none = Some(ToolChoice::Mode(ToolChoiceMode::None));
    assert_eq!(text_of(&bench.finish(with(none, None)).await.0), "No tool.");
    let off = Some(ServerTools::All(false));
    assert_eq!(text_of(&bench.finish(with(None, off)).await.0), "No tools.");
    let (fetched, _) = bench.finish(with(Some(forced("web_fetch")), None)).await;
    assert!(matches!(&fetched.output[0], Item::ToolCall(call) if call.tool == "web_fetch"));
    let required = Some(ToolChoice::Mode(ToolChoiceMode::Required));
    let (response, _) = bench.finish(with(required, None)).await;
    assert_eq!(response.output.len(), 2);
    let asked = bench.model.asked();
    assert!(matches!(&asked[4].form, Form::Choice(names) if names == &["python", "web_fetch"]));
    // With no tools there is nothing to decide, and nothing is said of them.
    assert!(!asked[1].prompt.messages[0].text.contains("python"));
}

#[tokio::test]
async fn a_repeated_call_is_refused_and_shown_as_such() {
    let bench = Bench::new([
        Step::Say("python"),
        Step::Say("1"),
        Step::Say("python"),
        Step::Say("1"),
        Step::Say("One."),
    ])
    .await;
    let (response, _) = bench.finish(says("Hi")).await;
    let Item::ToolCall(call) = &response.output[1] else {
        panic!("no second call")
    };
    assert!(matches!(&call.outcome, Some(ToolOutcome::Limit { limit, .. }) if limit == "calls"));
    assert_eq!(call.status, ItemStatus::Completed);
    assert_eq!(bench.tools.requests.lock().unwrap().len(), 1);
    assert_eq!(response.status, ResponseStatus::Completed);
}

#[tokio::test]
async fn every_log_line_is_an_event_before_the_call_is_done() {
    let bench = Bench::new([
        Step::Say("python"),
        Step::Say("1"),
        Step::Say("none"),
        Step::Say("Done."),
    ])
    .await;
    bench
        .tools
        .results
        .lock()
        .unwrap()
        .push_back(Scripted::Log(300));
    let (_, events) = bench.finish(says("Hi")).await;
    let logged: Vec<usize> = events
        .iter()
        .enumerate()
        .filter(|(_, event)| {
            matches!(&event.body, EventBody::ToolLog { level, message, .. }
                if level == "info" && message.starts_with("line "))
        })
        .map(|(place, _)| place)
        .collect();
    assert_eq!(logged.len(), 300);
    let done = events
        .iter()
        .position(|event| matches!(event.body, EventBody::ItemDone { .. }));
    assert!(logged.last() < done.as_ref());
}

#[tokio::test]
async fn progress_is_shown_at_a_bounded_rate() {
    let bench = Bench::new([
        Step::Say("python"),
        Step::Say("1"),
        Step::Say("none"),
        Step::Say("x"),
    ])
    .await;
    bench
        .tools
        .results
        .lock()
        .unwrap()
        .push_back(Scripted::Progress(5000));
    let (_, events) = bench.finish(says("Hi")).await;
    let shown: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.body {
            EventBody::ToolProgress { permille, note, .. } => Some((*permille, note.clone())),
            _ => None,
        })
        .collect();
    assert_eq!(shown.first(), Some(&(Some(0), "step 0".to_owned())));
    assert!(shown.len() < 200, "{} events", shown.len());
}

#[tokio::test]
async fn a_conversation_in_the_request_is_read_as_one() {
    let item = |role, text: &str| InputItem {
        kind: None,
        role,
        content: InputContent::Text(text.into()),
    };
    let bench = Bench::new([Step::Say("Fine.")]).await;
    let request = CreateResponse {
        input: Input::Items(vec![
            item(Role::System, "Be brief."),
            item(Role::User, "Hi"),
            item(Role::Assistant, "Hello"),
            item(Role::User, "How are you?"),
        ]),
        server_tools: Some(ServerTools::All(false)),
        store: Some(false),
        ..CreateResponse::default()
    };
    bench.finish(request).await;
    let asked = bench.model.asked();
    let texts: Vec<&str> = asked[0]
        .prompt
        .messages
        .iter()
        .map(|message| message.text.as_str())
        .collect();
    assert_eq!(texts[0], "Be brief.");
    assert!(texts[1].starts_with("Today is "));
    assert_eq!(texts[2..], ["Hi", "Hello", "How are you?"]);
}

#[tokio::test]
async fn runs_wait_for_their_turn() {
    let steps = (0..3).flat_map(|_| [Step::Say("none"), Step::Hang("…")]);
    let bench = Arc::new(Bench::new(steps).await);
    let mut runs = Vec::new();
    for _ in 0..3 {
        runs.push(bench.start(says("Hi")).await);
    }
    for run in &runs[..2] {
        super::until(run, |body| matches!(body, EventBody::TextDelta { .. })).await;
    }
    assert_eq!(runs[2].snapshot().status, ResponseStatus::Queued);
    bench
        .runs
        .stop(&bench.principal, runs[0].id())
        .await
        .unwrap();
    super::until(&runs[2], |body| matches!(body, EventBody::TextDelta { .. })).await;
    assert_eq!(runs[2].snapshot().status, ResponseStatus::InProgress);
    for run in &runs[1..] {
        bench.runs.stop(&bench.principal, run.id()).await.unwrap();
        assert_eq!(ended(run).await.status, ResponseStatus::Cancelled);
    }
    assert_eq!(bench.runs.running(), 0);
}

#[tokio::test]
async fn a_finished_run_is_found_in_memory_then_in_the_store() {
    let mut limits = super::limits();
    limits.retention = Duration::ZERO;
    let steps = [Step::Say("none"), Step::Say("Hello.")];
    let bench = Bench::with_limits(steps, limits).await;
    let mut request = says("Hi");
    request.metadata = serde_json::json!({"note": "n"}).as_object().cloned();
    let (response, _) = bench.finish(request).await;
    let id = response.id.parse().unwrap();
    let Found::Finished(stored) = bench.runs.find(&bench.principal, id).await.unwrap() else {
        panic!("it is still in memory")
    };
    assert_eq!(*stored, response);
}
