//! Asking the person at the client, in the stateless revision: a call that needs somebody is
//! answered with a question (`input_required`), and is made again with the answer.
//!
//! A question is answered once, by the one it was put to, and its yes is one to exactly the call
//! that it was about. One that is not answered in time is forgotten: nothing runs by that.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use alcove_api_types::ToolOutcome;
use alcove_core::ids::UserId;
use alcove_policies::schema;
use serde_json::{Value, json};

use super::Request;
use crate::accounts::Principal;
use crate::tools::{Allowance, Asked, Question, ToolRequest, Tools};

/// Questions that wait; beyond, the oldest is forgotten.
const MAX_QUESTIONS: usize = 1024;
/// How long one waits.
const MAX_WAIT: Duration = Duration::from_secs(30 * 60);
/// What the one question of an answer is called.
const KEY: &str = "answer";
/// How much of the arguments a question shows, in characters.
const MAX_SHOWN_CHARS: usize = 2000;
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

/// The questions that wait. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Questions {
    waiting: Arc<Mutex<HashMap<String, Waiting>>>,
}

struct Waiting {
    user: UserId,
    since: Instant,
    about: About,
}

/// What a question is about.
pub(super) enum About {
    /// Whether the call may run.
    Approval(Box<Question>),
    /// Something that the tool wants to know.
    Input {
        /// The call.
        hash: [u8; 32],
        /// What it asks.
        prompt: String,
        /// What an answer looks like.
        schema: Value,
        /// The yes that the call had.
        allowance: Option<Allowance>,
    },
}

impl Questions {
    /// Keeps a question; answers the name by which it is answered.
    fn put(&self, user: UserId, about: About) -> Option<String> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).ok()?;
        let name = hex::encode(bytes);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|_, question| question.since.elapsed() < MAX_WAIT);
        if waiting.len() >= MAX_QUESTIONS {
            let oldest = waiting.iter().min_by_key(|(_, question)| question.since);
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                waiting.remove(&oldest);
            }
        }
        let question = Waiting {
            user,
            since: Instant::now(),
            about,
        };
        waiting.insert(name.clone(), question);
        Some(name)
    }

    /// Takes a question of a person's own: it is answered once.
    fn take(&self, user: UserId, name: &str) -> Option<About> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let question = waiting.get(name)?;
        if question.user != user {
            return None;
        }
        let question = waiting.remove(name)?;
        (question.since.elapsed() < MAX_WAIT).then_some(question.about)
    }

    /// Puts the answer that a request brings into the call. An answer to another call is none.
    ///
    /// # Errors
    /// How the call ends where the person did not answer its tool.
    pub(super) async fn take_answer(
        &self,
        tools: &Tools,
        request: &Request,
        call: &mut ToolRequest,
    ) -> Result<(), ToolOutcome> {
        let state = request.params.get("requestState").and_then(Value::as_str);
        let about = state.and_then(|state| self.take(call.principal.user, state));
        let answer = match request.params.get("inputResponses") {
            Some(answers) => &answers[KEY],
            None => &Value::Null,
        };
        let accepted = (answer["action"] == "accept").then(|| &answer["content"]);
        match about {
            Some(About::Approval(question)) if tools.call_hash(call) == question.hash => {
                let is_yes = accepted.is_some_and(|content| content["allow"] == true);
                tools.write_down_answer(call, &question, is_yes).await;
                if is_yes {
                    call.consent.allowance = Some(question.allow());
                } else {
                    call.consent.refusal = Some("the person said no".to_owned());
                }
            }
            Some(About::Input {
                hash,
                prompt,
                schema,
                allowance,
            }) if tools.call_hash(call) == hash => {
                let value = match accepted {
                    Some(content) if is_form(&schema) => Ok(content),
                    Some(content) => Ok(&content[KEY]),
                    None => Err("the person said no".to_owned()),
                };
                let fitting = value.and_then(|value| {
                    let fits = schema::validate(&schema, value);
                    fits.map(|()| value.clone())
                        .map_err(|error| format!("it does not fit: {error}"))
                });
                let value = fitting.map_err(|why| ToolOutcome::Failed {
                    failure: "input-required".to_owned(),
                    message: format!("the tool asks: {prompt}\nThere is no answer: {why}"),
                })?;
                call.consent.answer = Some(value);
                call.consent.allowance = allowance;
            }
            Some(_) | None => {}
        }
        Ok(())
    }

    /// The result that asks whether a call may run.
    pub(super) fn ask_leave(&self, call: &ToolRequest, question: Question) -> Option<Value> {
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
        let form = json!({
            "type": "object",
            "properties": {"allow": {"type": "boolean", "title": "Allow this call"}},
            "required": ["allow"],
        });
        let about = About::Approval(Box::new(question));
        self.ask(&call.principal, about, &message, form)
    }

    /// The result that asks what a tool wants to know; none for what no form can hold.
    pub(super) fn ask_input(
        &self,
        tools: &Tools,
        call: &ToolRequest,
        asked: &Asked,
    ) -> Option<Value> {
        let form = if is_form(&asked.schema) {
            asked.schema.clone()
        } else if is_plain(&asked.schema) {
            json!({"type": "object", "properties": {KEY: asked.schema}, "required": [KEY]})
        } else {
            return None;
        };
        let about = About::Input {
            hash: tools.call_hash(call),
            prompt: asked.prompt.clone(),
            schema: asked.schema.clone(),
            allowance: call.consent.allowance,
        };
        self.ask(&call.principal, about, &asked.prompt, form)
    }

    fn ask(&self, of: &Principal, about: About, message: &str, form: Value) -> Option<Value> {
        let state = self.put(of.user, about)?;
        let params = json!({"mode": "form", "message": message, "requestedSchema": form});
        let requests = json!({KEY: {"method": "elicitation/create", "params": params}});
        Some(json!({
            "resultType": "input_required",
            "inputRequests": requests,
            "requestState": state,
        }))
    }
}

/// Whether the client can put a form before its person.
pub(super) fn can_ask(request: &Request) -> bool {
    let elicitation = request
        .meta(CAPABILITIES)
        .and_then(|capabilities| capabilities.get("elicitation"))
        .and_then(Value::as_object);
    // Without a word on forms or URLs it is forms.
    elicitation.is_some_and(|can| can.get("form").is_some() || !can.contains_key("url"))
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

    fn about() -> About {
        About::Input {
            hash: [0; 32],
            prompt: String::new(),
            schema: Value::Null,
            allowance: None,
        }
    }

    #[test]
    fn a_question_is_answered_once_by_whom_it_was_put_to() {
        let questions = Questions::default();
        let (ann, bob) = (UserId::generate(), UserId::generate());
        let name = questions.put(ann, about()).unwrap();
        assert!(questions.take(bob, &name).is_none());
        assert!(questions.take(ann, "another").is_none());
        assert!(questions.take(ann, &name).is_some());
        assert!(questions.take(ann, &name).is_none());
        for _ in 0..MAX_QUESTIONS + 10 {
            questions.put(ann, about()).unwrap();
        }
        assert_eq!(questions.waiting.lock().unwrap().len(), MAX_QUESTIONS);
    }

    #[test]
    fn forms_hold_plain_values() {
        let form = json!({"type": "object", "properties": {"year": {"type": "integer"}}});
        assert!(is_form(&form) && !is_plain(&form));
        let nested = json!({"type": "object", "properties": {"a": {"type": "array"}}});
        assert!(!is_form(&nested) && is_plain(&json!({"type": "string"})));
    }
}
