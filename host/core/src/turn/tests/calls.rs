//! Calls: several at once, repeated, mended, and how many there may be.

use super::*;

/// What the model writes behind the opening of an array of calls.
fn together(arguments: &[Value]) -> TurnEvent {
    let calls: Vec<String> = arguments
        .iter()
        .map(|arguments| format!("{arguments}}}"))
        .collect();
    let next = r#", {"name": "web_fetch", "arguments": "#;
    written(&format!("{}]", calls.join(next)))
}

fn url(url: &str) -> Value {
    json!({ "url": url })
}

fn fetching() -> Turn {
    let mut turn = turn(Choice::Auto);
    turn.handle(TurnEvent::Started);
    let actions = turn.handle(decided("web_fetch"));
    let [TurnAction::WriteCall { max_calls, .. }] = actions.as_slice() else {
        panic!("{actions:?}")
    };
    assert_eq!(*max_calls, LIMITS.calls);
    turn
}

#[test]
fn calls_of_one_tool_run_together() {
    let mut turn = fetching();
    check(
        &mut turn,
        together(&[url("a"), url("b")]),
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
    let TurnAction::WriteCall {
        prompt, max_calls, ..
    } = &anew[0]
    else {
        panic!("no call")
    };
    let texts: Vec<&str> = prompt.messages.iter().map(|m| m.text.as_str()).collect();
    assert!(
        texts.iter().any(|text| text.contains("page b")),
        "{texts:?}"
    );
    assert!(texts.last().unwrap().contains("no URL"), "{texts:?}");
    assert_eq!(*max_calls, 1, "one that is written anew is one");
}

#[test]
fn results_that_do_not_belong_to_the_calls_are_a_fault() {
    let mut turn = fetching();
    turn.handle(together(&[url("a")]));
    let two = vec![end(true, "x", 1), end(true, "y", 1)];
    check(&mut turn, all_ended(two), &["failed server_error"]);
}

#[test]
fn repeated_calls_do_not_run() {
    let mut turn = fetching();
    check(
        &mut turn,
        together(&[url("a"), url("a"), url("b")]),
        &[r#"run web_fetch {"url":"a"} - {"url":"b"} 250"#],
    );
    let results = vec![end(true, "page a", 1), end(true, "page b", 1)];
    turn.handle(all_ended(results));
    turn.handle(decided("web_fetch"));
    check(
        &mut turn,
        together(&[url("b"), url("a")]),
        &["refuse Repeated", "answer 80"],
    );
}

#[test]
fn calls_that_run_together_count_as_many() {
    let mut turn = fetching();
    turn.handle(together(&[url("a"), url("b"), url("c")]));
    let results = ["a", "b", "c"].map(|text| end(true, text, 1));
    turn.handle(all_ended(results.into()));
    let actions = turn.handle(decided("web_fetch"));
    let [TurnAction::WriteCall { max_calls, .. }] = actions.as_slice() else {
        panic!("{actions:?}")
    };
    assert_eq!(*max_calls, 1);
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

#[test]
fn a_call_that_can_be_mended_is_written_anew_once() {
    let mut turn = turn(Choice::Auto);
    turn.handle(TurnEvent::Started);
    check(&mut turn, decided("web_fetch"), &["call web_fetch 50"]);
    turn.handle(written(r#"{"url": "a"}}]"#));
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
    turn.handle(written(r#"{"url": "b"}}]"#));
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
    turn.handle(written(r#"{"url": "a"}}]"#));
    check(
        &mut turn,
        mendable("`url` is no URL"),
        &["decide none|python|web_fetch"],
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
        written(r#"{"url": "https://a.example", "n": 1}}]"#),
        &[r#"run web_fetch {"url":"https://a.example","n":1} 500"#],
    );
    turn.handle(ended(true, "page"));
    turn.handle(decided("web_fetch"));
    check(
        &mut turn,
        written(r#"{"n":1,"url":"https://a.example"}}]"#),
        &["refuse Repeated", "answer 80"],
    );
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
fn a_further_call_that_nobody_asked_for_does_not_run() {
    let asked = window("Fetch https://a.example/one please.");
    let mut turn = Turn::new(asked, vec![python(), fetch()], Choice::Auto, LIMITS);
    turn.handle(TurnEvent::Started);
    turn.handle(decided("web_fetch"));
    let calls = together(&[url("https://a.example/one"), url("https://a.example/other")]);
    let actions = turn.handle(calls);
    let [TurnAction::RunTools { calls, .. }] = actions.as_slice() else {
        panic!("{actions:?}")
    };
    let refused: Vec<_> = calls.iter().map(|call| call.refusal).collect();
    assert_eq!(refused, [None, Some(Refusal::Unasked)]);
}
