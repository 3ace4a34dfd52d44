//! What the macros write, read back as JSON.

use alcove_sdk::bindings::exports::alcove::tool::handler::Guest;
use alcove_sdk::{Audience, Content, Failure, Input, Outcome, Part};
use serde_json::{Value, json};

/// Arguments of every type.
#[derive(serde::Deserialize, alcove_sdk::Input)]
pub struct Arguments {
    /// The text
    /// of two lines.
    ///
    /// And a paragraph "quoted".
    #[input(min_length = 1, max_length = 10_000, title = "Text")]
    pub text: String,
    /// One of two.
    #[input(choices = ["a", "b"])]
    pub kind: Option<String>,
    /// A bounded number.
    #[input(min = -5, max = 5)]
    pub small: i32,
    /// A number of its type's range.
    pub count: Option<u32>,
    /// A fraction.
    #[input(max = 0.5)]
    pub ratio: Option<f64>,
    /// A switch.
    pub r#loop: bool,
}

/// No arguments.
#[derive(serde::Deserialize, alcove_sdk::Input)]
pub struct Nothing {}

#[alcove_sdk::plugin(id = "acme/test", session = true)]
mod tools {
    use super::{Arguments, Failure, Nothing, Outcome, Part};

    /// Repeats a text.
    #[tool(title = "Repeat", effects = ["compute"], code(argument = "text", language = "python"),
        example("Twice", r#"{"text":"x","small":2,"loop":false}"#))]
    pub(crate) fn repeat(arguments: Arguments) -> Outcome {
        let times =
            usize::try_from(arguments.small).map_err(|_| Failure::invalid_input("negative"))?;
        Ok(vec![Part::text(arguments.text.repeat(times))])
    }

    /// Does nothing.
    #[tool(title = "Nothing")]
    pub(crate) fn nothing(_: Nothing) -> Outcome {
        Ok(Vec::new())
    }
}

#[test]
fn a_question_carries_the_form_of_its_answer() {
    let asked = Failure::input_required::<Nothing>("Sure?");
    assert_eq!(asked.kind, "input-required");
    let asked: Value = serde_json::from_str(&asked.message).unwrap();
    assert_eq!(asked["prompt"], "Sure?");
    assert_eq!(asked["schema"], schema::<Nothing>());
}

fn schema<T: Input>() -> Value {
    serde_json::from_str(&format!("{{{}}}", T::MEMBERS)).unwrap()
}

#[test]
fn a_struct_is_its_schema() {
    assert_eq!(
        schema::<Arguments>(),
        json!({
            "type": "object",
            "properties": {
                "text": {"type": "string", "minLength": 1, "maxLength": 10000, "title": "Text",
                         "description": "The text of two lines.\nAnd a paragraph \"quoted\"."},
                "kind": {"type": "string", "enum": ["a", "b"], "description": "One of two."},
                "small": {"type": "integer", "minimum": -5, "maximum": 5,
                          "description": "A bounded number."},
                "count": {"type": "integer", "minimum": 0, "maximum": 4294967295_u32,
                          "description": "A number of its type's range."},
                "ratio": {"type": "number", "maximum": 0.5, "description": "A fraction."},
                "loop": {"type": "boolean", "description": "A switch."},
            },
            "required": ["text", "small", "loop"],
            "additionalProperties": false,
        })
    );
    assert_eq!(
        schema::<Nothing>(),
        json!({"type": "object", "properties": {}, "required": [], "additionalProperties": false})
    );
}

#[test]
fn a_module_is_its_manifest() {
    let manifest: Value = serde_json::from_slice(&alcove_plugin::MANIFEST).unwrap();
    assert_eq!(manifest["id"], "acme/test");
    assert_eq!(manifest["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(manifest["contract"], alcove_sdk::CONTRACT);
    assert_eq!(manifest["session"], true);
    assert_eq!(manifest["requests"], "");
    let tools = manifest["tools"].as_array().unwrap();
    assert_eq!(tools.len(), 2);
    assert_eq!(tools[0]["name"], "repeat");
    assert_eq!(tools[0]["title"], "Repeat");
    assert_eq!(tools[0]["description"], "Repeats a text.");
    assert_eq!(tools[0]["input"], schema::<Arguments>());
    assert_eq!(tools[0]["effects"], json!(["compute"]));
    assert_eq!(
        tools[0]["code"],
        json!({"argument": "text", "language": "python"})
    );
    assert_eq!(
        tools[0]["examples"],
        json!([{"title": "Twice", "arguments": {"text": "x", "small": 2, "loop": false}}])
    );
    assert!(tools[1].get("code").is_none());
}

fn invoke(tool: &str, arguments: &str) -> Outcome {
    alcove_plugin::Plugin::invoke(tool.to_owned(), arguments.to_owned())
}

#[test]
fn a_call_reaches_its_function() {
    let parts = invoke("repeat", r#"{"text":"ab","small":2,"loop":true}"#).unwrap();
    assert!(matches!(&parts[0].content, Content::Text(text) if text == "abab"));
    assert!(matches!(parts[0].audience, Audience::Both));
    for (tool, arguments) in [
        ("repeat", "{}"),
        ("repeat", "not json"),
        ("other", "{}"),
        ("repeat", r#"{"text":"ab","small":-1,"loop":true}"#),
    ] {
        assert_eq!(invoke(tool, arguments).unwrap_err().kind, "invalid-input");
    }
}
