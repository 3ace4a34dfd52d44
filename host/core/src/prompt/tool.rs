//! A tool as the model sees it, and a call of it with its result.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Message, json_opening, parameters};

/// A tool that may be called in this turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// What the model calls it: unique in the turn, never `none`.
    pub name: String,
    /// What it is for, in one line.
    pub line: String,
    /// JSON Schema of its arguments.
    pub input: Value,
    /// Where one argument is code that the model writes as a fenced block.
    pub code: Option<CodeForm>,
    /// Questions of users for which it is the right tool.
    pub questions: Vec<String>,
}

/// The argument that is code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeForm {
    /// The argument's name.
    pub argument: String,
    /// The language of the fence, such as `python`.
    pub language: String,
}

/// How a call is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallForm {
    /// Code behind an open fence, up to the closing one.
    Fenced {
        /// The argument it becomes.
        argument: String,
        /// The fence's language.
        language: String,
    },
    /// The rest of a JSON array of calls behind what [`ToolSpec::opening`] begins: the arguments
    /// of the first under this schema, and more calls of the same tool where there are any.
    Json {
        /// The arguments' schema.
        schema: Value,
        /// What stands before the arguments of each further call.
        next: String,
    },
}

impl CallForm {
    /// The text that ends a call of this form, where the form itself does not.
    pub fn stop(&self) -> Option<&'static str> {
        match self {
            CallForm::Fenced { .. } => Some("```"),
            CallForm::Json { .. } => None,
        }
    }

    /// The arguments of each call in what the model wrote; none where it is no call.
    pub fn arguments(&self, written: &str) -> Vec<Value> {
        match self {
            CallForm::Fenced { argument, .. } => {
                let code = written.trim_end();
                if code.trim().is_empty() {
                    return Vec::new();
                }
                let map = serde_json::Map::from_iter([(argument.clone(), Value::from(code))]);
                vec![Value::Object(map)]
            }
            CallForm::Json { .. } => {
                let whole = format!("[{{\"arguments\": {written}");
                let calls: Vec<Written> = serde_json::from_str(&whole).unwrap_or_default();
                let arguments: Vec<Value> = calls.into_iter().map(|call| call.arguments).collect();
                match arguments.iter().all(Value::is_object) {
                    true => arguments,
                    false => Vec::new(),
                }
            }
        }
    }
}

/// A call in an array of calls.
#[derive(Deserialize)]
struct Written {
    arguments: Value,
}

/// Most characters of a tool's line: a small model reads every one of them before each answer.
const LINE_CHARS: usize = 400;

impl ToolSpec {
    /// A tool from its manifest: the line is the description's first sentence or so, and the
    /// questions are the author's examples or, where they are none, ones that fit its form.
    pub fn new(
        name: String,
        description: &str,
        input: Value,
        code: Option<CodeForm>,
        questions: Vec<String>,
    ) -> ToolSpec {
        let mut spec = ToolSpec {
            name,
            line: first_line(description),
            input,
            code,
            questions,
        };
        if spec.questions.is_empty() {
            let known = spec.known_questions();
            spec.questions = known.iter().map(|&question| question.to_owned()).collect();
        }
        spec
    }

    /// Questions for the two kinds of tool whose example turns were measured: one that runs
    /// Python, and one whose only required argument is a URL.
    fn known_questions(&self) -> &'static [&'static str] {
        let takes_python = self
            .code
            .as_ref()
            .is_some_and(|code| code.language == "python");
        let required = self.input.get("required").and_then(Value::as_array);
        let takes_url =
            required.is_some_and(|names| names.len() == 1 && names[0].as_str() == Some("url"));
        if takes_python {
            &[
                "What is 4871 * 239?",
                "How many days are there from 3 March 2025 to 19 July 2026?",
            ]
        } else if takes_url {
            &[
                "Summarise https://example.org/news/42 for me.",
                "What does example.com/about say?",
            ]
        } else {
            &[]
        }
    }

    /// How a call of it is written. A tool whose schema requires more than its code gets JSON,
    /// since the fence has no place for the rest.
    pub fn form(&self) -> CallForm {
        let json = || CallForm::Json {
            schema: parameters::closed(&self.input),
            next: format!(", {}", json_opening(&self.name)),
        };
        let Some(code) = &self.code else {
            return json();
        };
        let required = self.input.get("required").and_then(Value::as_array);
        let only_code = required.is_none_or(|names| {
            names
                .iter()
                .all(|name| name.as_str() == Some(&code.argument))
        });
        if only_code {
            CallForm::Fenced {
                argument: code.argument.clone(),
                language: code.language.clone(),
            }
        } else {
            json()
        }
    }

    /// What the model's message begins with where it is a call of this tool. It ends before the
    /// space in front of the arguments, which is part of the token that opens them.
    pub fn opening(&self) -> String {
        match self.form() {
            CallForm::Fenced { language, .. } => format!("```{language}\n"),
            CallForm::Json { .. } => {
                let first = json_opening(&self.name);
                format!("```json\n[{}", first.trim_end())
            }
        }
    }
}

/// The first line of a description, and of that the sentences that fit.
fn first_line(description: &str) -> String {
    let line = description.trim().lines().next().unwrap_or_default().trim();
    if line.chars().count() <= LINE_CHARS {
        return line.to_owned();
    }
    let head: String = line.chars().take(LINE_CHARS).collect();
    match head.rfind(". ") {
        Some(end) => head[..=end].to_owned(),
        None => format!("{}…", head.trim_end()),
    }
}

/// A call and what came of it, as the model reads both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// The tool's name.
    pub tool: String,
    /// The call as the model's own message.
    pub call: String,
    /// What came of it.
    pub result: ResultText,
}

/// What a tool returned, in words for the model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultText {
    /// Whether the tool returned a result.
    pub ok: bool,
    /// The result, or why there is none.
    pub text: String,
    /// The number of its first passage, where it has numbered ones that the answer may cite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cite: Option<u32>,
}

impl Exchange {
    /// The call as the model's message and the result as the user's. Small models repeat a call
    /// whose result comes in a role of its own, and answer when the user hands it to them.
    pub fn messages(&self) -> [Message; 2] {
        let text = format!("{}\n{}", self.report(), self.request());
        [Message::assistant(&self.call), Message::user(text)]
    }

    /// What the tool returned, without a request to answer.
    pub fn report(&self) -> String {
        let Exchange { tool, result, .. } = self;
        match (result.ok, result.text.trim_matches('\n')) {
            (true, "") => format!("The tool `{tool}` ended and printed nothing."),
            (true, text) => format!("The tool `{tool}` printed:\n```\n{text}\n```"),
            (false, text) => format!("The tool `{tool}` failed:\n```\n{text}\n```"),
        }
    }

    fn request(&self) -> String {
        match (self.result.ok, self.result.cite) {
            (true, None) => "Now answer my question.".to_owned(),
            (true, Some(number)) => format!(
                "Now answer my question in short. End each sentence with the number in brackets of the passage that says it, such as [{number}]."
            ),
            (false, _) => {
                "Say what went wrong and answer as well as you can without it.".to_owned()
            }
        }
    }
}

/// A call as the model would have written it: for the history of later turns.
pub fn call_text(name: &str, arguments: &Value, code: Option<&CodeForm>) -> String {
    let written = code.and_then(|form| {
        let text = arguments.get(&form.argument)?.as_str()?;
        Some(format!("```{}\n{}\n```", form.language, text.trim_end()))
    });
    written.unwrap_or_else(|| format!("```json\n[{}{arguments}}}]\n```", json_opening(name)))
}
