//! Models that fail, tools that fail, limits that are reached.

use alcove_api_types::{EventBody, Item, ItemStatus, ResponseStatus, ToolOutcome};

use super::{Bench, Step, names, says, scripted::Scripted, text_of, until};
use crate::{inference::ModelError, runs::StartError};

#[tokio::test]
async fn a_model_that_fails_keeps_what_it_wrote_and_hides_its_words() {
    let bench = Bench::new([Step::Say("none"), Step::Break("Half")]).await;
    let (response, events) = bench.finish(says("Hi")).await;
    assert_eq!(response.status, ResponseStatus::Failed);
    let error = response.error.clone().unwrap();
    assert_eq!(error.code, "model_error");
    assert!(!error.message.contains("secret"), "{}", error.message);
    assert_eq!(text_of(&response), "Half");
    assert_eq!(names(&events).last(), Some(&"response.failed"));
    let stored = bench
        .log
        .response(&bench.principal, response.id.parse().unwrap())
        .await
        .unwrap();
    assert_eq!(
        (stored.status, stored.output.len()),
        (ResponseStatus::Failed, 1)
    );
}

#[tokio::test]
async fn a_model_that_refuses_says_why() {
    let full = ModelError::ContextExceeded {
        prompt_tokens: 9000,
        context_tokens: 8192,
    };
    let bench = Bench::new([Step::Refuse(full), Step::Refuse(ModelError::Overloaded)]).await;
    let (response, _) = bench.finish(says("Hi")).await;
    let error = response.error.unwrap();
    assert_eq!(error.code, "context_length_exceeded");
    assert!(
        error.message.contains("9000") && error.message.contains("8192"),
        "{}",
        error.message
    );
    let (response, _) = bench.finish(says("Hi")).await;
    assert_eq!(response.error.unwrap().code, "overloaded");
}

#[tokio::test]
async fn a_panic_ends_the_run_and_not_the_server() {
    let bench = Bench::new([Step::Panic, Step::Say("none"), Step::Say("Fine.")]).await;
    let (response, _) = bench.finish(says("Hi")).await;
    assert_eq!(response.status, ResponseStatus::Failed);
    assert_eq!(response.error.unwrap().code, "server_error");
    let (response, _) = bench.finish(says("Hi")).await;
    assert_eq!(text_of(&response), "Fine.");
}

#[tokio::test]
async fn out_of_tokens_is_incomplete() {
    let bench = Bench::new([Step::Say("none"), Step::Cut("A long ans")]).await;
    let (response, events) = bench.finish(says("Hi")).await;
    assert_eq!(response.status, ResponseStatus::Incomplete);
    assert_eq!(
        response.incomplete_details.unwrap().reason,
        "max_output_tokens"
    );
    let Item::Message(message) = &response.output[0] else {
        panic!("no message")
    };
    assert_eq!(message.status, ItemStatus::Incomplete);
    assert_eq!(names(&events).last(), Some(&"response.incomplete"));
}

#[tokio::test]
async fn the_requests_tokens_are_bounded_by_the_servers() {
    let bench = Bench::new([Step::Say("a"), Step::Say("b")]).await;
    for (asked, given) in [(Some(1_000_000), 256), (Some(7), 7)] {
        let mut request = says("Hi");
        request.max_output_tokens = asked;
        request.server_tools = Some(alcove_api_types::ServerTools::All(false));
        bench.finish(request).await;
        assert_eq!(bench.model.asked().last().unwrap().max_tokens, given);
    }
}

#[tokio::test]
async fn an_empty_answer_is_an_answer() {
    let bench = Bench::new([Step::Say("none"), Step::Say("")]).await;
    let (response, events) = bench.finish(says("Hi")).await;
    assert_eq!(response.status, ResponseStatus::Completed);
    assert_eq!(response.output.len(), 1);
    assert!(names(&events).contains(&"response.output_item.done"));
}

#[tokio::test]
async fn each_way_a_tool_can_fail_reaches_the_model() {
    let failures = [
        (
            ToolOutcome::Failed {
                failure: "invalid-input".into(),
                message: "NameError".into(),
            },
            "NameError",
        ),
        (
            ToolOutcome::Denied {
                capability: "http".into(),
                message: "not granted".into(),
            },
            "denied: not granted",
        ),
        (
            ToolOutcome::Limit {
                limit: "cpu".into(),
                message: "2 s".into(),
            },
            "the limit `cpu` was reached: 2 s",
        ),
        (
            ToolOutcome::Trapped {
                message: "unreachable".into(),
            },
            "it crashed: unreachable",
        ),
    ];
    for (outcome, words) in failures {
        let bench = Bench::new([
            Step::Say("python"),
            Step::Say("1"),
            Step::Say("none"),
            Step::Say("It did not work."),
        ])
        .await;
        bench
            .tools
            .results
            .lock()
            .unwrap()
            .push_back(Scripted::Outcome(outcome.clone()));
        let (response, _) = bench.finish(says("Hi")).await;
        assert_eq!(response.status, ResponseStatus::Completed);
        let Item::ToolCall(call) = &response.output[0] else {
            panic!("no call")
        };
        assert_eq!(call.outcome, Some(outcome));
        let asked = bench.model.asked();
        let read = &asked[3].prompt.messages.last().unwrap().text;
        assert!(read.contains(words), "{read}");
    }
}

#[tokio::test]
async fn runs_are_capped() {
    let steps = (0..4).flat_map(|_| [Step::Say("none"), Step::Hang("…")]);
    let bench = Bench::new(steps).await;
    let mut runs = Vec::new();
    for _ in 0..3 {
        runs.push(bench.start(says("Hi")).await);
    }
    let error = bench.try_start(says("Hi")).await.unwrap_err();
    assert!(
        matches!(
            error,
            StartError::TooManyRuns {
                whose: "your",
                limit: 3
            }
        ),
        "{error}"
    );
    let stranger = bench.stranger().await;
    let request = || crate::runs::ValidRequest::parse(says("Hi")).unwrap();
    runs.push(bench.runs.start(&stranger, request(), None).await.unwrap());
    let error = bench
        .runs
        .start(&stranger, request(), None)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            StartError::TooManyRuns {
                whose: "the server's",
                limit: 4
            }
        ),
        "{error}"
    );
    for run in &runs[..3] {
        bench.runs.stop(&bench.principal, run.id()).await.unwrap();
    }
    let free = bench.runs.start(&stranger, request(), None).await;
    let free = free.expect("there is room again");
    until(&free, |body| matches!(body, EventBody::InProgress { .. })).await;
}

#[tokio::test]
async fn a_call_that_does_not_fit_is_written_anew_without_another_decision() {
    let bench = Bench::new([
        Step::Say("web_fetch"),
        Step::Say(r#"{"url": 5}}]"#),
        Step::Say(r#"{"url": "https://a.example/"}}]"#),
        Step::Say("none"),
        Step::Say("Read."),
    ])
    .await;
    let unfit = ToolOutcome::Failed {
        failure: "invalid-input".into(),
        message: "`url` must be a string".into(),
    };
    let results = [Scripted::Outcome(unfit), Scripted::Ok("a page")];
    bench.tools.results.lock().unwrap().extend(results);
    let (response, _) = bench.finish(says("Read a.example")).await;
    assert_eq!(response.status, ResponseStatus::Completed);
    let calls: Vec<&ToolOutcome> = response
        .output
        .iter()
        .filter_map(|item| match item {
            Item::ToolCall(call) => call.outcome.as_ref(),
            Item::Message(_) => None,
        })
        .collect();
    assert!(matches!(
        calls.as_slice(),
        [ToolOutcome::Failed { .. }, ToolOutcome::Ok]
    ));
    let again = &bench.model.asked()[2].prompt;
    assert!(again.begun.contains("web_fetch"), "{again:?}");
    let read = &again.messages.last().unwrap().text;
    assert!(read.contains("`url` must be a string"), "{read}");
}
