//! The machine under a scripted model.

use serde_json::json;

use super::*;
use crate::{
    context::{Budget, ContextPlan, Window},
    prompt::{CodeForm, Message, NONE, ToolSpec},
};

fn window(question: &str) -> Window {
    Window {
        plan: ContextPlan {
            budget: Budget {
                context: 4096,
                output: 1024,
                results: 1000,
            },
            parts: Vec::new(),
            tokens: 0,
            left_out: 0,
        },
        conversation: vec![Message::system("system"), Message::user(question)],
        earlier: Vec::new(),
        question: question.to_owned(),
        printed: Vec::new(),
        written: vec![question.to_owned()],
    }
}

fn python() -> ToolSpec {
    let code = CodeForm {
        argument: "code".into(),
        language: "python".into(),
    };
    let input =
        json!({"type": "object", "properties": {"code": {"type": "string"}}, "required": ["code"]});
    ToolSpec::new("python".into(), "Runs Python.", input, Some(code), vec![])
}

fn fetch() -> ToolSpec {
    let input =
        json!({"type": "object", "properties": {"url": {"type": "string"}}, "required": ["url"]});
    ToolSpec::new("web_fetch".into(), "Reads a web page.", input, None, vec![])
}

const LIMITS: TurnLimits = TurnLimits {
    calls: 4,
    output_tokens: 100,
    call_tokens: 50,
    result_tokens: 1000,
};

fn turn(choice: Choice) -> Turn {
    Turn::new(
        window("What is 2**70?"),
        vec![python(), fetch()],
        choice,
        LIMITS,
    )
}

fn decided(name: &str) -> TurnEvent {
    TurnEvent::Decided { name: name.into() }
}

fn written(text: &str) -> TurnEvent {
    TurnEvent::CallWritten {
        text: text.into(),
        whole: true,
        tokens: 10,
    }
}

fn ended(ok: bool, text: &str) -> TurnEvent {
    all_ended(vec![end(ok, text, 100)])
}

fn all_ended(results: Vec<ToolEnd>) -> TurnEvent {
    TurnEvent::ToolsEnded { results }
}

fn end(ok: bool, text: &str, tokens: u32) -> ToolEnd {
    ToolEnd {
        result: ResultText {
            ok,
            text: text.into(),
            cite: None,
        },
        tokens,
        anew: false,
    }
}

fn mendable(text: &str) -> TurnEvent {
    all_ended(vec![ToolEnd {
        anew: true,
        ..end(false, text, 100)
    }])
}

/// Actions by name, short enough to compare.
fn names(actions: &[TurnAction]) -> Vec<String> {
    actions
        .iter()
        .map(|action| match action {
            TurnAction::Decide { options, .. } => format!("decide {}", options.join("|")),
            TurnAction::WriteCall {
                tool, max_tokens, ..
            } => format!("call {tool} {max_tokens}"),
            TurnAction::RunTools {
                tool,
                calls,
                result_tokens,
            } => {
                let calls: Vec<String> = calls.iter().map(ToString::to_string).collect();
                format!("run {tool} {} {result_tokens}", calls.join(" "))
            }
            TurnAction::RefuseCall { refusal } => format!("refuse {refusal:?}"),
            TurnAction::Answer {
                max_tokens, copy, ..
            } => {
                format!(
                    "answer {max_tokens}{}",
                    if copy.is_some() { " copying" } else { "" }
                )
            }
            TurnAction::Finish(end) => match end {
                TurnEnd::Failed { code, .. } => format!("failed {code}"),
                end => format!("{end:?}"),
            },
        })
        .collect()
}

#[track_caller]
fn check(turn: &mut Turn, event: TurnEvent, expected: &[&str]) -> Vec<TurnAction> {
    let actions = turn.handle(event);
    assert_eq!(names(&actions), expected);
    actions
}

#[test]
fn code_comes_after_the_page_that_the_message_names() {
    for (question, options) in [
        (
            "What does https://a.example/b say?",
            "decide none|web_fetch",
        ),
        (
            "Use Python to parse https://a.example/?b=1",
            "decide none|python|web_fetch",
        ),
    ] {
        let tools = vec![python(), fetch()];
        let mut turn = Turn::new(window(question), tools, Choice::Auto, LIMITS);
        check(&mut turn, TurnEvent::Started, &[options]);
    }
    // Where nothing reads pages, code is all there is; and once a page was read, code may follow.
    let question = "How long is https://a.example/b?";
    let mut turn = Turn::new(window(question), vec![python()], Choice::Auto, LIMITS);
    check(&mut turn, TurnEvent::Started, &["decide none|python"]);
    let tools = vec![python(), fetch()];
    let mut turn = Turn::new(window(question), tools, Choice::Auto, LIMITS);
    turn.handle(TurnEvent::Started);
    turn.handle(decided("web_fetch"));
    turn.handle(written(r#"{"url": "https://a.example/b"}"#));
    turn.handle(decided(crate::prompt::CALLS_END));
    let actions = turn.handle(ended(true, "a page"));
    assert_eq!(names(&actions), ["decide none|python|web_fetch"]);
}

#[test]
fn a_turn_without_a_tool() {
    let mut turn = turn(Choice::Auto);
    check(
        &mut turn,
        TurnEvent::Started,
        &["decide none|python|web_fetch"],
    );
    check(&mut turn, decided(NONE), &["answer 100"]);
    check(&mut turn, TurnEvent::TextDelta { text: "Hel".into() }, &[]);
    check(&mut turn, TurnEvent::TextDelta { text: "lo".into() }, &[]);
    assert_eq!(turn.answer(), "Hello");
    check(
        &mut turn,
        TurnEvent::AnswerEnded {
            whole: true,
            tokens: 2,
        },
        &["Completed"],
    );
    assert!(turn.is_ended());
    check(&mut turn, TurnEvent::StopRequested, &[]);
}

#[test]
fn a_turn_with_a_tool_answers_under_the_copy_rule() {
    let mut turn = turn(Choice::Auto);
    turn.handle(TurnEvent::Started);
    let actions = check(&mut turn, decided("python"), &["call python 50"]);
    let TurnAction::WriteCall { prompt, form, .. } = &actions[0] else {
        panic!("no call")
    };
    assert_eq!(prompt.begun, "```python\n");
    assert_eq!(form.stop(), Some("```"));
    check(
        &mut turn,
        written("2**70\n"),
        &[r#"run python {"code":"2**70"} 500"#],
    );
    let next = check(
        &mut turn,
        ended(true, "1180591620717411303424"),
        &["decide none|python|web_fetch"],
    );
    let TurnAction::Decide { prompt, .. } = &next[0] else {
        panic!("no decision")
    };
    assert!(
        prompt
            .messages
            .last()
            .unwrap()
            .text
            .contains("1180591620717411303424")
    );
    let answer = check(&mut turn, decided(NONE), &["answer 90 copying"]);
    let TurnAction::Answer {
        prompt,
        copy: Some(rule),
        ..
    } = &answer[0]
    else {
        panic!("no rule")
    };
    assert_eq!(rule.numbers, ["1180591620717411303424"]);
    let texts: Vec<&str> = prompt
        .messages
        .iter()
        .map(|message| message.text.as_str())
        .collect();
    assert_eq!(
        texts,
        [
            "system",
            "What is 2**70?",
            "```python\n2**70\n```",
            "The tool `python` printed:\n```\n1180591620717411303424\n```\nNow answer my question.",
        ]
    );
}

#[test]
fn the_answers_prompt_continues_the_calls_prompt() {
    let mut turn = turn(Choice::Tool("python".into()));
    let call = turn.handle(TurnEvent::Started);
    let TurnAction::WriteCall { prompt: call, .. } = &call[0] else {
        panic!("no call")
    };
    turn.handle(written("1+1"));
    let answer = turn.handle(ended(true, "2"));
    let TurnAction::Answer { prompt: answer, .. } = &answer[0] else {
        panic!("no answer")
    };
    // Up to the question; what is wanted stands behind it.
    let (question, before) = call.messages.split_last().unwrap();
    assert!(answer.messages.starts_with(before));
    assert!(
        question
            .text
            .starts_with(&answer.messages[before.len()].text)
    );
    assert!(
        answer.messages[call.messages.len()]
            .text
            .starts_with(&call.begun)
    );
}

#[test]
fn choices_are_masks() {
    check(&mut turn(Choice::None), TurnEvent::Started, &["answer 100"]);
    check(
        &mut turn(Choice::Required),
        TurnEvent::Started,
        &["decide python|web_fetch"],
    );
    let forced = &mut turn(Choice::Tool("web_fetch".into()));
    check(forced, TurnEvent::Started, &["call web_fetch 50"]);
    check(
        &mut turn(Choice::Tool("shell".into())),
        TurnEvent::Started,
        &["failed invalid_request"],
    );
    let mut nothing = Turn::new(window("Hi"), vec![], Choice::Required, LIMITS);
    check(
        &mut nothing,
        TurnEvent::Started,
        &["failed invalid_request"],
    );
    let mut nothing = Turn::new(window("Hi"), vec![], Choice::Auto, LIMITS);
    check(&mut nothing, TurnEvent::Started, &["answer 100"]);
    let mut one = Turn::new(window("Hi"), vec![python()], Choice::Required, LIMITS);
    check(&mut one, TurnEvent::Started, &["call python 50"]);
}

#[test]
fn a_name_that_was_not_offered_is_a_fault() {
    let mut turn = turn(Choice::Required);
    turn.handle(TurnEvent::Started);
    check(&mut turn, decided(NONE), &["failed model_error"]);
}

#[test]
fn a_required_tool_is_required_once() {
    let mut turn = turn(Choice::Required);
    turn.handle(TurnEvent::Started);
    turn.handle(decided("python"));
    turn.handle(written("1"));
    check(
        &mut turn,
        ended(true, "1"),
        &["decide none|python|web_fetch"],
    );
}

#[test]
fn a_forced_tool_runs_again_only_after_a_failure() {
    let mut turn = turn(Choice::Tool("python".into()));
    turn.handle(TurnEvent::Started);
    turn.handle(written("1/0"));
    check(
        &mut turn,
        ended(false, "ZeroDivisionError"),
        &["decide none|python"],
    );
    check(&mut turn, decided("python"), &["call python 50"]);
    turn.handle(written("1/1"));
    let answer = check(&mut turn, ended(true, "1.0"), &["answer 80"]);
    let TurnAction::Answer { prompt, .. } = &answer[0] else {
        panic!("no answer")
    };
    let failed = &prompt.messages[3].text;
    assert!(
        failed.starts_with("The tool `python` failed:\n```\nZeroDivisionError"),
        "{failed}"
    );
}

#[test]
fn a_repeated_call_is_refused() {
    let mut turn = turn(Choice::Auto);
    turn.handle(TurnEvent::Started);
    turn.handle(decided("python"));
    turn.handle(written("print(1)"));
    turn.handle(ended(true, "1"));
    turn.handle(decided("python"));
    check(
        &mut turn,
        written("print(1)\n\n"),
        &["refuse Repeated", "answer 80"],
    );
}

#[test]
fn the_order_of_keys_makes_no_other_call() {
    let mut turn = turn(Choice::Auto);
    turn.handle(TurnEvent::Started);
    turn.handle(decided("web_fetch"));
    check(
        &mut turn,
        written(r#"{"url": "https://a.example", "n": 1}"#),
        &[MORE],
    );
    check(
        &mut turn,
        decided(crate::prompt::CALLS_END),
        &[r#"run web_fetch {"url":"https://a.example","n":1} 500"#],
    );
    turn.handle(ended(true, "page"));
    turn.handle(decided("web_fetch"));
    check(
        &mut turn,
        written(r#"{"n":1,"url":"https://a.example"}"#),
        &["refuse Repeated", "answer 80"],
    );
}

#[test]
fn calls_are_bounded_and_one_too_many_is_said() {
    let mut turn = turn(Choice::Auto);
    turn.handle(TurnEvent::Started);
    for round in 0..LIMITS.calls {
        check(
            &mut turn,
            decided("python"),
            &[&format!("call python {}", 50.min(100 - 10 * round))],
        );
        turn.handle(written(&format!("print({round})")));
        let expected = "decide none|python|web_fetch";
        check(&mut turn, ended(true, "x"), &[expected]);
    }
    let mut enough = turn.clone();
    let whole = || TurnEvent::AnswerEnded {
        whole: true,
        tokens: 1,
    };
    check(&mut enough, decided(NONE), &["answer 60"]);
    check(&mut enough, whole(), &["Completed"]);
    check(&mut turn, decided("python"), &["answer 60"]);
    check(&mut turn, whole(), &["OutOfCalls"]);
}

const MORE: &str = "decide ```|{\"name\"";

#[test]
fn calls_of_one_tool_run_together() {
    let mut turn = turn(Choice::Auto);
    turn.handle(TurnEvent::Started);
    turn.handle(decided("web_fetch"));
    let more = check(&mut turn, written(r#"{"url": "a"}"#), &[MORE]);
    let TurnAction::Decide { prompt, .. } = &more[0] else {
        panic!("no decision")
    };
    let begun = "```json\n{\"name\": \"web_fetch\", \"arguments\": {\"url\": \"a\"}}\n";
    assert_eq!(prompt.begun, begun);
    let next = check(
        &mut turn,
        decided(crate::prompt::NEXT_CALL),
        &["call web_fetch 50"],
    );
    let TurnAction::WriteCall { prompt, .. } = &next[0] else {
        panic!("no call")
    };
    assert_eq!(
        prompt.begun,
        format!("{begun}{{\"name\": \"web_fetch\", \"arguments\": ")
    );
    check(&mut turn, written(r#"{"url": "b"}"#), &[MORE]);
    check(
        &mut turn,
        decided(crate::prompt::CALLS_END),
        &[r#"run web_fetch {"url":"a"} {"url":"b"} 250"#],
    );
    // What can be mended is, under its message, though it was not the last.
    let bad = ToolEnd {
        anew: true,
        ..end(false, "`url` is no URL", 10)
    };
    let anew = check(
        &mut turn,
        all_ended(vec![bad, end(true, "page b", 10)]),
        &["call web_fetch 50"],
    );
    let TurnAction::WriteCall { prompt, .. } = &anew[0] else {
        panic!("no call")
    };
    let texts: Vec<&str> = prompt.messages.iter().map(|m| m.text.as_str()).collect();
    assert!(
        texts.iter().any(|text| text.contains("page b")),
        "{texts:?}"
    );
    assert!(texts.last().unwrap().contains("no URL"), "{texts:?}");
    // One that is written anew is one.
    let run = check(
        &mut turn,
        written(r#"{"url": "c"}"#),
        &[r#"run web_fetch {"url":"c"} 490"#],
    );
    assert!(matches!(run[0], TurnAction::RunTools { .. }));
}

#[test]
fn results_that_do_not_belong_to_the_calls_are_a_fault() {
    let mut turn = turn(Choice::Tool("web_fetch".into()));
    turn.handle(TurnEvent::Started);
    turn.handle(written(r#"{"url": "a"}"#));
    let two = vec![end(true, "x", 1), end(true, "y", 1)];
    check(&mut turn, all_ended(two), &["failed server_error"]);
}

#[test]
fn a_repetition_ends_the_calls_that_run_together() {
    for (second, refusal) in [
        (written(r#"{"url": "a"}"#), "refuse Repeated"),
        (written("{"), "refuse Unreadable"),
    ] {
        let mut turn = turn(Choice::Auto);
        turn.handle(TurnEvent::Started);
        turn.handle(decided("web_fetch"));
        turn.handle(written(r#"{"url": "a"}"#));
        turn.handle(decided(crate::prompt::NEXT_CALL));
        check(&mut turn, second, &[r#"run web_fetch {"url":"a"} 500"#]);
        check(
            &mut turn,
            ended(true, "page"),
            &[refusal, "decide none|python|web_fetch"],
        );
    }
}

#[test]
fn calls_that_run_together_count_as_many() {
    let mut turn = turn(Choice::Auto);
    turn.handle(TurnEvent::Started);
    turn.handle(decided("web_fetch"));
    for url in ["a", "b", "c"] {
        check(
            &mut turn,
            written(&json!({"url": url}).to_string()),
            &[MORE],
        );
        turn.handle(decided(crate::prompt::NEXT_CALL));
    }
    // The fourth is the last that may be.
    let actions = turn.handle(written(r#"{"url": "d"}"#));
    assert!(names(&actions)[0].starts_with("run web_fetch"));
}

#[test]
fn each_result_gets_half_of_the_room_that_is_left() {
    let mut turn = turn(Choice::Auto);
    turn.handle(TurnEvent::Started);
    turn.handle(decided("python"));
    check(&mut turn, written("1"), &[r#"run python {"code":"1"} 500"#]);
    turn.handle(all_ended(vec![end(true, "long", 500)]));
    turn.handle(decided("python"));
    check(&mut turn, written("2"), &[r#"run python {"code":"2"} 250"#]);
    turn.handle(all_ended(vec![end(true, "long", 600)]));
    turn.handle(decided("python"));
    check(&mut turn, written("3"), &[r#"run python {"code":"3"} 64"#]);
}

#[test]
fn a_call_that_is_cut_or_no_call_is_not_run() {
    let mut cut = turn(Choice::Tool("python".into()));
    cut.handle(TurnEvent::Started);
    let event = TurnEvent::CallWritten {
        text: "print('".into(),
        whole: false,
        tokens: 50,
    };
    let actions = check(&mut cut, event, &["refuse TooLong", "answer 50"]);
    let TurnAction::Answer { prompt, .. } = &actions[1] else {
        panic!("no answer")
    };
    assert!(
        prompt
            .messages
            .last()
            .unwrap()
            .text
            .contains("not finished")
    );

    let mut broken = turn(Choice::Tool("web_fetch".into()));
    broken.handle(TurnEvent::Started);
    check(
        &mut broken,
        written("{\"url\": "),
        &["refuse Unreadable", "answer 90"],
    );

    let mut empty = turn(Choice::Tool("python".into()));
    empty.handle(TurnEvent::Started);
    check(
        &mut empty,
        written(" \n"),
        &["refuse Unreadable", "answer 90"],
    );
}

#[test]
fn output_tokens_are_bounded() {
    let mut spent = turn(Choice::Tool("python".into()));
    spent.handle(TurnEvent::Started);
    let event = TurnEvent::CallWritten {
        text: "1".into(),
        whole: true,
        tokens: 100,
    };
    spent.handle(event);
    check(&mut spent, ended(true, "1"), &["OutOfTokens"]);

    let mut long = turn(Choice::None);
    long.handle(TurnEvent::Started);
    check(
        &mut long,
        TurnEvent::AnswerEnded {
            whole: false,
            tokens: 100,
        },
        &["OutOfTokens"],
    );
}

#[test]
fn stop_and_failure_end_any_state() {
    let events = [
        TurnEvent::Started,
        decided("python"),
        written("1"),
        ended(true, "1"),
    ];
    for steps in 0..=events.len() {
        for (event, end) in [
            (TurnEvent::StopRequested, "Cancelled"),
            (
                TurnEvent::Failed {
                    code: "x".into(),
                    message: "y".into(),
                },
                "failed x",
            ),
        ] {
            let mut turn = turn(Choice::Auto);
            for event in &events[..steps] {
                turn.handle(event.clone());
            }
            check(&mut turn, event, &[end]);
            assert!(turn.is_ended());
        }
    }
}

#[test]
fn an_event_out_of_place_ends_the_turn() {
    let mut turn = turn(Choice::Auto);
    check(&mut turn, written("1"), &["failed server_error"]);
    assert!(turn.is_ended());
}

#[test]
fn numbers_of_the_window_are_under_the_rule_too() {
    let mut earlier = window("And what was it again?");
    earlier.printed.push("= 1180591620717411303424".into());
    let mut turn = Turn::new(earlier, vec![], Choice::None, LIMITS);
    check(&mut turn, TurnEvent::Started, &["answer 100 copying"]);
}

#[test]
fn events_and_actions_are_data() {
    let mut turn = turn(Choice::Auto);
    let actions = turn.handle(TurnEvent::Started);
    let text = serde_json::to_string(&actions).unwrap();
    let read: Vec<TurnAction> = serde_json::from_str(&text).unwrap();
    assert_eq!(read, actions);
}

#[test]
fn a_call_that_can_be_mended_is_written_anew_once() {
    let mut turn = turn(Choice::Auto);
    turn.handle(TurnEvent::Started);
    check(&mut turn, decided("web_fetch"), &["call web_fetch 50"]);
    turn.handle(written(r#"{"url": "a"}"#));
    turn.handle(decided(crate::prompt::CALLS_END));
    let actions = check(
        &mut turn,
        mendable("`url` is no URL"),
        &["call web_fetch 50"],
    );
    let [TurnAction::WriteCall { prompt, .. }] = actions.as_slice() else {
        panic!("{actions:?}");
    };
    let read = &prompt.messages.last().unwrap().text;
    assert!(read.contains("`url` is no URL"), "{read}");
    turn.handle(written(r#"{"url": "b"}"#));
    // The second time the model decides what to do.
    check(
        &mut turn,
        mendable("`url` is no URL"),
        &["decide none|python|web_fetch"],
    );
}

#[test]
fn a_call_is_not_written_anew_beyond_the_calls_of_a_turn() {
    let limits = TurnLimits { calls: 1, ..LIMITS };
    let tools = vec![python(), fetch()];
    let mut turn = Turn::new(window("Read a"), tools, Choice::Auto, limits);
    turn.handle(TurnEvent::Started);
    turn.handle(decided("web_fetch"));
    turn.handle(written(r#"{"url": "a"}"#));
    check(
        &mut turn,
        mendable("`url` is no URL"),
        &["decide none|python|web_fetch"],
    );
}
