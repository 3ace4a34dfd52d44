//! The texts that models read.

use serde_json::json;

use super::*;

fn python() -> ToolSpec {
    let code = CodeForm {
        argument: "code".into(),
        language: "python".into(),
    };
    let input =
        json!({"type": "object", "properties": {"code": {"type": "string"}}, "required": ["code"]});
    ToolSpec::new(
        "python".into(),
        "Runs Python code.",
        input,
        Some(code),
        vec![],
    )
}

fn notes() -> ToolSpec {
    let input =
        json!({"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]});
    ToolSpec::new(
        "notes".into(),
        "Keeps a note.",
        input,
        None,
        vec!["Note that I owe Ann 5.".into()],
    )
}

fn exchange(ok: bool, text: &str) -> Exchange {
    let result = ResultText {
        ok,
        text: text.into(),
        cite: None,
    };
    Exchange {
        tool: "python".into(),
        call: "```python\n1\n```".into(),
        result,
    }
}

#[test]
fn the_system_prompt_has_a_line_per_tool() {
    let text = system(None, &[python(), notes()]);
    assert!(text.starts_with("You are Alcove"));
    assert!(
        text.ends_with("\n- python: Runs Python code.\n- notes: Keeps a note."),
        "{text}"
    );
    assert_eq!(system(Some("Be brief."), &[]), "Be brief.");
}

#[test]
fn a_decision_has_examples_of_none_and_of_each_tool() {
    let prompt = decision(&[python(), notes()], &[], "What is 3*3?", &[]);
    let texts: Vec<&str> = prompt
        .messages
        .iter()
        .map(|message| message.text.as_str())
        .collect();
    assert!(texts[0].contains("\nnone: ") && texts[0].contains("\npython: Runs Python code."));
    assert!(texts.contains(&"none") && texts.contains(&"python") && texts.contains(&"notes"));
    assert!(texts.contains(&"[numbers] Note that I owe Ann 5."));
    assert_eq!(texts.last(), Some(&"[numbers] What is 3*3?"));
    let names: Vec<&str> = texts[2..].iter().step_by(2).copied().collect();
    let plain = names.iter().filter(|name| **name == NONE).count();
    assert!(
        plain >= names.len() / 2 && names.len() <= 2 * EXAMPLE_LIMIT,
        "{names:?}"
    );
}

#[test]
fn decisions_share_their_beginning() {
    let tools = [python(), notes()];
    let one = decision(&tools, &[], "What is 3*3?", &[]);
    let other = decision(
        &tools,
        &[("Hi".into(), NONE.into())],
        "And 4*4?",
        &[exchange(true, "9")],
    );
    let shared = one.messages.len() - 1;
    assert_eq!(one.messages[..shared], other.messages[..shared]);
}

#[test]
fn a_decision_is_short_whatever_the_question_is() {
    let question = "word ".repeat(10_000);
    let earlier: Vec<_> = (0..100)
        .map(|_| (question.clone(), NONE.to_owned()))
        .collect();
    let prompt = decision(
        &[python()],
        &earlier,
        &question,
        &[exchange(true, &question)],
    );
    let chars: usize = prompt
        .messages
        .iter()
        .map(|message| message.text.len())
        .sum();
    assert!(chars < 7_000, "{chars}");
}

#[test]
fn code_is_written_behind_a_fence_and_anything_else_as_json() {
    let conversation = [Message::user("Hi")];
    assert_eq!(call(&conversation, &[], &python()).begun, "```python\n");
    let begun = call(&conversation, &[], &notes()).begun;
    assert_eq!(begun, "```json\n[{\"name\": \"notes\", \"arguments\":");
}

#[test]
fn a_code_tool_that_requires_more_is_called_with_json() {
    let mut tool = python();
    tool.input["required"] = json!(["code", "timeout"]);
    assert!(matches!(tool.form(), CallForm::Json { .. }));
}

#[test]
fn arguments_are_read_back() {
    assert_eq!(
        python().form().arguments("print(1)\n"),
        [json!({"code": "print(1)"})]
    );
    assert!(python().form().arguments("\n  \n").is_empty());
    assert_eq!(
        notes().form().arguments("{\"text\": \"x\"}}]"),
        [json!({"text": "x"})]
    );
    assert!(notes().form().arguments("[1]").is_empty());
    assert!(notes().form().arguments("{\"text\": ").is_empty());
}

#[test]
fn a_call_in_history_looks_as_it_was_written() {
    let code = python().code;
    let text = call_text("python", &json!({"code": "print(1)"}), code.as_ref());
    assert_eq!(text, "```python\nprint(1)\n```");
    let text = call_text("notes", &json!({"text": "x"}), None);
    assert_eq!(
        text,
        "```json\n[{\"name\": \"notes\", \"arguments\": {\"text\":\"x\"}}]\n```"
    );
}

#[test]
fn results_speak_of_what_happened() {
    let [call, result] = exchange(true, "2\n").messages();
    assert_eq!(call, Message::assistant("```python\n1\n```"));
    assert_eq!(
        result,
        Message::user("The tool `python` printed:\n```\n2\n```\nNow answer my question.")
    );
    let [_, nothing] = exchange(true, "").messages();
    assert!(nothing.text.contains("printed nothing"));
    let [_, failed] = exchange(false, "NameError").messages();
    assert!(failed.text.contains("failed") && failed.text.contains("NameError"));
}

#[test]
fn a_long_description_becomes_one_line() {
    let description = format!("Runs code. {}\nMore.", "Very long. ".repeat(40));
    let tool = ToolSpec::new("x".into(), &description, json!({}), None, vec![]);
    assert!(
        tool.line.len() <= 400 && tool.line.ends_with('.'),
        "{}",
        tool.line
    );
    assert!(!tool.line.contains('\n'));
}
