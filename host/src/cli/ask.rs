//! A call that waits, in the terminal: what it is about, and the answer from lines that are typed.

use alcove_api_types::{Answer, ApprovalQuestion, Awaiting, Choice, InputQuestion, ToolCall};
use serde_json::{Map, Value};

use super::output;

/// A question that is being answered.
pub(super) struct Asking {
    id: String,
    question: Question,
}

enum Question {
    Approval(Vec<Choice>),
    Input(Form),
}

/// The fields of an answer, asked for one after the other.
struct Form {
    /// Name, schema, whether it must be there.
    fields: Vec<(String, Value, bool)>,
    given: Map<String, Value>,
    next: usize,
}

/// What a line led to.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// To be shown before the next line.
    Prompt(String),
    /// The answer is whole.
    Answer(Answer),
}

impl Asking {
    /// The question, and what is shown before the first line.
    pub(super) fn new(call: &ToolCall, awaiting: &Awaiting) -> (Asking, String) {
        let (question, text) = match awaiting {
            Awaiting::Approval(question) => (
                Question::Approval(question.choices.clone()),
                approval(call, question),
            ),
            Awaiting::Input(question) => {
                let form = Form::new(&question.schema);
                let text = input(call, question);
                (Question::Input(form), text)
            }
        };
        let asking = Asking {
            id: awaiting.id().to_owned(),
            question,
        };
        let text = format!("{}\n{}", output::clean(&text), asking.prompt());
        (asking, text)
    }

    /// Where the answer goes.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// What is asked for next.
    pub(super) fn prompt(&self) -> String {
        match &self.question {
            Question::Approval(choices) if choices.contains(&Choice::Conversation) => {
                "Allow? [o]nce, in this [c]hat, or [n]o and why: ".to_owned()
            }
            Question::Approval(_) => "Allow? [o]nce, or [n]o and why: ".to_owned(),
            Question::Input(form) => form.prompt(),
        }
    }

    /// Takes what was typed.
    pub(super) fn take(&mut self, line: &str) -> Step {
        let line = line.trim();
        match &mut self.question {
            Question::Approval(choices) => {
                let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
                let answer = match word.to_lowercase().as_str() {
                    "o" | "once" | "y" | "yes" => Some(Answer::Once),
                    "c" | "chat" if choices.contains(&Choice::Conversation) => {
                        Some(Answer::Conversation)
                    }
                    "n" | "no" | "deny" => {
                        let rest = rest.trim();
                        let reason = (!rest.is_empty()).then(|| rest.to_owned());
                        Some(Answer::Deny { reason })
                    }
                    _ => None,
                };
                answer.map_or_else(|| Step::Prompt(self.prompt()), Step::Answer)
            }
            Question::Input(form) => match form.take(line) {
                Ok(Some(answer)) => Step::Answer(answer),
                Ok(None) => Step::Prompt(self.prompt()),
                Err(problem) => Step::Prompt(format!("{problem}\n{}", self.prompt())),
            },
        }
    }
}

impl Form {
    fn new(schema: &Value) -> Form {
        let required = schema["required"].as_array();
        let is_required =
            |name: &str| required.is_some_and(|names| names.iter().any(|known| known == name));
        let mut fields: Vec<(String, Value, bool)> = schema["properties"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, schema)| (name.clone(), schema.clone(), is_required(name)))
            .collect();
        fields.sort_by_key(|(_, _, required)| !required);
        Form {
            fields,
            given: Map::new(),
            next: 0,
        }
    }

    fn prompt(&self) -> String {
        let Some((name, schema, required)) = self.fields.get(self.next) else {
            return "Press Enter to answer, or type /no: ".to_owned();
        };
        let kind = match (&schema["enum"], schema["type"].as_str()) {
            (Value::Array(values), _) => values
                .iter()
                .filter_map(Value::as_str)
                .collect::<Vec<_>>()
                .join(" | "),
            (_, Some("integer")) => "whole number".to_owned(),
            (_, Some("boolean")) => "yes | no".to_owned(),
            (_, kind) => kind.unwrap_or("JSON").to_owned(),
        };
        let optional = if *required { "" } else { ", may be empty" };
        output::clean(&format!("{name} ({kind}{optional}; /no gives no answer): "))
    }

    /// The whole answer after the last field.
    fn take(&mut self, line: &str) -> Result<Option<Answer>, String> {
        if let Some(reason) = line.strip_prefix("/no") {
            let reason = reason.trim();
            let reason = (!reason.is_empty()).then(|| reason.to_owned());
            return Ok(Some(Answer::Deny { reason }));
        }
        if let Some((name, schema, required)) = self.fields.get(self.next) {
            if line.is_empty() && *required {
                return Err("It is needed.".to_owned());
            }
            if !line.is_empty() {
                self.given.insert(name.clone(), typed(schema, line)?);
            }
            self.next += 1;
        }
        if self.next < self.fields.len() {
            return Ok(None);
        }
        // Should the server refuse it, everything is asked again.
        self.next = 0;
        let value = Value::Object(std::mem::take(&mut self.given));
        Ok(Some(Answer::Input { value }))
    }
}

/// What a line means under a schema.
fn typed(schema: &Value, line: &str) -> Result<Value, String> {
    match schema["type"].as_str() {
        Some("string") => Ok(line.into()),
        Some("integer") => line
            .parse::<i64>()
            .map(Value::from)
            .map_err(|_| "That is no whole number.".to_owned()),
        Some("number") => line
            .parse::<f64>()
            .ok()
            .filter(|number| number.is_finite())
            .map(Value::from)
            .ok_or_else(|| "That is no number.".to_owned()),
        Some("boolean") => match line.to_lowercase().as_str() {
            "y" | "yes" | "true" => Ok(true.into()),
            "n" | "no" | "false" => Ok(false.into()),
            _ => Err("Type yes or no.".to_owned()),
        },
        _ => serde_json::from_str(line).map_err(|_| "That is no JSON.".to_owned()),
    }
}

/// Everything that there is to decide about, whole.
fn approval(call: &ToolCall, question: &ApprovalQuestion) -> String {
    let mut lines = vec![
        format!(
            "┌ {} ({} of {}) needs your approval",
            call.title, call.tool, call.plugin
        ),
        format!("│ {}", question.reason),
        format!("│ digest {}", call.digest),
    ];
    lines.extend(call.arguments.lines().map(|line| format!("│ → {line}")));
    lines.extend(question.urls.iter().map(|url| format!("│ sends to {url}")));
    lines.extend(
        question
            .reaches
            .iter()
            .map(|reach| format!("│ may reach {reach}")),
    );
    lines.push("└ no answer is a no".to_owned());
    lines.join("\n")
}

fn input(call: &ToolCall, question: &InputQuestion) -> String {
    format!(
        "┌ {} ({} of {}) asks\n└ {}",
        call.title, call.tool, call.plugin, question.prompt
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    use serde_json::json;

    fn asking(question: Question) -> Asking {
        Asking {
            id: "ask_1".into(),
            question,
        }
    }

    #[test]
    fn only_what_is_offered_is_an_answer() {
        let mut once = asking(Question::Approval(vec![Choice::Once]));
        assert!(matches!(once.take(""), Step::Prompt(_)));
        assert!(matches!(once.take("c"), Step::Prompt(_)));
        assert!(matches!(once.take("sure"), Step::Prompt(_)));
        assert_eq!(once.take(" Yes "), Step::Answer(Answer::Once));
        let why = Answer::Deny {
            reason: Some("not that site".into()),
        };
        assert_eq!(once.take("n not that site"), Step::Answer(why));
        let mut chat = asking(Question::Approval(vec![Choice::Once, Choice::Conversation]));
        assert_eq!(chat.take("c"), Step::Answer(Answer::Conversation));
    }

    #[test]
    fn a_form_is_filled_in_line_by_line() {
        let schema = json!({
            "type": "object",
            "properties": {"year": {"type": "integer"}, "a_note": {"type": "string"}},
            "required": ["year"],
        });
        let mut form = asking(Question::Input(Form::new(&schema)));
        assert!(form.prompt().contains("year (whole number"));
        assert!(
            matches!(form.take("last"), Step::Prompt(text) if text.contains("no whole number"))
        );
        assert!(matches!(form.take("2026"), Step::Prompt(text) if text.contains("a_note")));
        let value = json!({"year": 2026});
        assert_eq!(form.take(""), Step::Answer(Answer::Input { value }));
        assert_eq!(
            form.take("/no"),
            Step::Answer(Answer::Deny { reason: None })
        );
    }
}
