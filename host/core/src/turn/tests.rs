//! The machine under a scripted model.

mod calls;
mod decisions;

use serde_json::{Value, json};

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
                let calls: Vec<String> = calls
                    .iter()
                    .map(|call| match call.refusal {
                        Some(_) => "-".to_owned(),
                        None => call.arguments.to_string(),
                    })
                    .collect();
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
