//! Asking the person at the client: what they see, and what their answer means.
//!
//! A question is answered once, by the one it was put to, and its yes is one to exactly the call
//! that it was about. One that is not answered in time is forgotten: nothing runs by that.

mod again;
mod line;

use std::time::Duration;

use alcove_api_types::ToolOutcome;
use alcove_policies::schema;
use serde_json::{Value, json};

use crate::tools::{Asked, Question, ToolRequest, Tools};

pub(super) use again::{Questions, can_ask_again};
pub(super) use line::{Line, Unanswered};

/// Questions that wait at once.
const MAX_QUESTIONS: usize = 1024;
/// How long one waits.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(30 * 60);
/// What the one value of a form is called that is not an object.
const KEY: &str = "answer";
/// How much of the arguments a question shows, in characters.
const MAX_SHOWN_CHARS: usize = 2000;

/// What is put before a person.
pub(super) struct Form {
    pub(super) message: String,
    /// A schema of plain values.
    pub(super) schema: Value,
}

/// Whether a client that says this of itself can put a form before its person.
pub(super) fn asks(capabilities: &Value) -> bool {
    // Without a word on forms or URLs it is forms.
    capabilities["elicitation"]
        .as_object()
        .is_some_and(|can| can.get("form").is_some() || !can.contains_key("url"))
}

/// Whether a call may run.
pub(super) fn leave_form(call: &ToolRequest, question: &Question) -> Form {
    let arguments: String = schema::canonical(&call.arguments)
        .chars()
        .take(MAX_SHOWN_CHARS)
        .collect();
    let mut message = format!(
        "May “{}” run? {}.\nArguments: {arguments}",
        call.tool.manifest.title, question.reason
    );
    for (what, which) in [("Addresses", &question.urls), ("It", &question.reaches)] {
        if !which.is_empty() {
            message.push_str(&format!("\n{what}: {}", which.join(", ")));
        }
    }
    let schema = json!({
        "type": "object",
        "properties": {"allow": {"type": "boolean", "title": "Allow this call"}},
        "required": ["allow"],
    });
    Form { message, schema }
}

/// What a tool wants to know; none for what no form can hold.
pub(super) fn input_form(asked: &Asked) -> Option<Form> {
    let schema = if is_form(&asked.schema) {
        asked.schema.clone()
    } else if is_plain(&asked.schema) {
        json!({"type": "object", "properties": {KEY: asked.schema}, "required": [KEY]})
    } else {
        return None;
    };
    let message = asked.prompt.clone();
    Some(Form { message, schema })
}

/// Puts the answer to [`leave_form`] into the call, and into the audit log.
pub(super) async fn take_leave(
    tools: &Tools,
    call: &mut ToolRequest,
    question: &Question,
    answer: &Value,
) {
    let is_yes = accepted(answer).is_some_and(|content| content["allow"] == true);
    tools.write_down_answer(call, question, is_yes).await;
    if is_yes {
        call.consent.allowance = Some(question.allow());
    } else {
        call.consent.refusal = Some(NO.to_owned());
    }
}

/// The value in the answer to [`input_form`].
///
/// # Errors
/// How the call ends where the person did not answer its tool.
pub(super) fn take_input(asked: &Asked, answer: &Value) -> Result<Value, ToolOutcome> {
    let value = match accepted(answer) {
        Some(content) if is_form(&asked.schema) => Ok(content),
        Some(content) => Ok(&content[KEY]),
        None => Err(NO.to_owned()),
    };
    let fitting = value.and_then(|value| {
        let fits = schema::validate(&asked.schema, value);
        fits.map(|()| value.clone())
            .map_err(|error| format!("it does not fit: {error}"))
    });
    fitting.map_err(|why| ToolOutcome::Failed {
        failure: "input-required".to_owned(),
        message: format!("the tool asks: {}\nThere is no answer: {why}", asked.prompt),
    })
}

const NO: &str = "the person said no";

/// What was filled in, where the form was not declined or closed.
fn accepted(answer: &Value) -> Option<&Value> {
    (answer["action"] == "accept").then(|| &answer["content"])
}

/// Whether a schema is a form as it stands: an object of plain values.
fn is_form(schema: &Value) -> bool {
    schema["type"] == "object"
        && schema["properties"]
            .as_object()
            .is_some_and(|members| !members.is_empty() && members.values().all(is_plain))
}

fn is_plain(schema: &Value) -> bool {
    let plain = ["string", "integer", "number", "boolean"];
    schema["type"]
        .as_str()
        .is_some_and(|kind| plain.contains(&kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_hold_plain_values() {
        let form = json!({"type": "object", "properties": {"year": {"type": "integer"}}});
        assert!(is_form(&form) && !is_plain(&form));
        let nested = json!({"type": "object", "properties": {"a": {"type": "array"}}});
        assert!(!is_form(&nested) && is_plain(&json!({"type": "string"})));
    }

    #[test]
    fn a_client_without_forms_is_not_asked() {
        for can in [
            json!({"elicitation": {}}),
            json!({"elicitation": {"form": {}, "url": {}}}),
        ] {
            assert!(asks(&can), "{can}");
        }
        for cannot in [
            json!({}),
            json!({"elicitation": {"url": {}}}),
            json!({"elicitation": true}),
            json!(null),
        ] {
            assert!(!asks(&cannot), "{cannot}");
        }
    }
}
