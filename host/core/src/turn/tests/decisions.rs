//! Decisions: masks, tools with examples and without.

use super::*;

/// A tool of a third party, without examples.
fn weather() -> ToolSpec {
    let input =
        json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let line = "Tells the weather of a city.";
    ToolSpec::new("weather".into(), line, input, None, vec![])
}

#[test]
fn a_tool_without_examples_is_chosen_and_then_checked() {
    let mut turn = Turn::new(
        window("Rain in Oslo?"),
        vec![weather()],
        Choice::Auto,
        LIMITS,
    );
    let actions = check(&mut turn, TurnEvent::Started, &["decide weather|none"]);
    let TurnAction::Decide { prompt, .. } = &actions[0] else {
        panic!("no decision")
    };
    assert_eq!(prompt.messages.len(), 2, "no example turns: {prompt:?}");
    let actions = check(&mut turn, decided("weather"), &["decide yes|no"]);
    let TurnAction::Decide { prompt, .. } = &actions[0] else {
        panic!("no decision")
    };
    let asked = &prompt.messages.last().unwrap().text;
    assert!(
        asked.contains("Tells the weather of a city.") && asked.contains("Rain in Oslo?"),
        "{asked}"
    );
    let mut no = turn.clone();
    check(&mut no, decided("no"), &["answer 100"]);
    check(&mut turn, decided("yes"), &["call weather 50"]);
    turn.handle(written(r#"{"city": "Oslo"}}]"#));
    // Whether it is enough is decided with all tools in view.
    check(&mut turn, ended(true, "rain"), &["decide none|weather"]);
    check(&mut turn, decided("weather"), &["call weather 50"]);
}

#[test]
fn tools_without_examples_come_after_those_with() {
    let tools = || vec![weather(), fetch()];
    let mut turn = Turn::new(window("Rain in Oslo?"), tools(), Choice::Auto, LIMITS);
    let actions = check(&mut turn, TurnEvent::Started, &["decide none|web_fetch"]);
    let TurnAction::Decide { prompt, .. } = &actions[0] else {
        panic!("no decision")
    };
    assert!(!prompt.messages[0].text.contains("weather"), "{prompt:?}");
    let mut fetched = turn.clone();
    check(&mut fetched, decided("web_fetch"), &["call web_fetch 50"]);
    check(&mut turn, decided(NONE), &["decide weather|none"]);
    check(&mut turn, decided(NONE), &["answer 100"]);
    // Where some tool must be called, none is left for later.
    let mut turn = Turn::new(window("Hi"), tools(), Choice::Required, LIMITS);
    check(&mut turn, TurnEvent::Started, &["decide weather|web_fetch"]);
    check(&mut turn, decided("weather"), &["call weather 50"]);
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
    turn.handle(written(r#"{"url": "https://a.example/b"}}]"#));
    let actions = turn.handle(ended(true, "a page"));
    assert_eq!(names(&actions), ["decide none|python|web_fetch"]);
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
    let none = TurnLimits { calls: 0, ..LIMITS };
    for (choice, expected) in [
        (Choice::Auto, "answer 100"),
        (Choice::Required, "failed invalid_request"),
        (Choice::Tool("python".into()), "failed invalid_request"),
    ] {
        let mut turn = Turn::new(window("Hi"), vec![python()], choice, none);
        check(&mut turn, TurnEvent::Started, &[expected]);
    }
    let mut one = Turn::new(window("Hi"), vec![python()], Choice::Required, LIMITS);
    check(&mut one, TurnEvent::Started, &["call python 50"]);
}

#[test]
fn a_name_that_was_not_offered_is_a_fault() {
    let mut turn = turn(Choice::Required);
    turn.handle(TurnEvent::Started);
    check(&mut turn, decided(NONE), &["failed model_error"]);
}
