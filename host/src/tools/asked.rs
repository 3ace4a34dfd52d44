//! A tool that asks its person: a failure of the kind `input-required`, whose message is the
//! question.

use alcove_api_types::ToolOutcome;
use alcove_policies::schema;
use serde_json::Value;

use super::ToolResult;

/// The longest prompt of a tool that is shown, in characters.
const MAX_PROMPT_CHARS: usize = 2000;
/// The largest schema of an answer, in bytes.
const MAX_SCHEMA_BYTES: usize = 16 << 10;
/// The kind of a failure that asks a question.
const INPUT_REQUIRED: &str = "input-required";

/// What a tool asks.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The question.
    pub prompt: String,
    /// The schema of an answer.
    pub schema: Value,
}

/// The question in a failure that asks one. What does not fit is a failure like any other.
pub fn input_question(result: &ToolResult) -> Option<Asked> {
    let ToolOutcome::Failed { failure, message } = &result.outcome else {
        return None;
    };
    if failure != INPUT_REQUIRED || message.len() > MAX_SCHEMA_BYTES {
        return None;
    }
    let mut asked: serde_json::Map<String, Value> = serde_json::from_str(message).ok()?;
    let prompt = asked.get("prompt")?.as_str()?;
    let prompt: String = prompt.chars().take(MAX_PROMPT_CHARS).collect();
    let schema = asked.remove("schema")?;
    schema::check(&schema).ok()?;
    Some(Asked { prompt, schema })
}

/// A call whose question got no answer: the model reads what was asked, in words.
pub fn unanswered(mut result: ToolResult, asked: &Asked, why: &str) -> ToolResult {
    result.outcome = ToolOutcome::Failed {
        failure: INPUT_REQUIRED.to_owned(),
        message: format!("the tool asks: {}\nThere is no answer: {why}", asked.prompt),
    };
    result
}
