//! In the stateless revision a call that needs somebody is answered with a question
//! (`input_required`), and is made again with the answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use alcove_api_types::ToolOutcome;
use alcove_core::ids::UserId;
use serde_json::{Value, json};

use super::{Form, KEY, MAX_QUESTIONS, MAX_WAIT, asks, input_form, leave_form};
use super::{take_input, take_leave};
use crate::accounts::Principal;
use crate::mcp::Request;
use crate::tools::{Allowance, Asked, Question, ToolRequest, Tools};

const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

/// Whether the client of a request can be asked.
pub(in crate::mcp) fn can_ask_again(request: &Request) -> bool {
    request.meta(CAPABILITIES).is_some_and(asks)
}

/// The questions that wait; beyond the most, the oldest is forgotten. Cheap to clone.
#[derive(Clone, Default)]
pub(in crate::mcp) struct Questions {
    waiting: Arc<Mutex<HashMap<String, Waiting>>>,
}

struct Waiting {
    user: UserId,
    since: Instant,
    about: About,
}

/// What a question is about.
enum About {
    /// Whether the call may run.
    Approval(Box<Question>),
    /// Something that the tool wants to know.
    Input {
        /// The call.
        hash: [u8; 32],
        asked: Asked,
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
    pub(in crate::mcp) async fn take_answer(
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
        match about {
            Some(About::Approval(question)) if tools.call_hash(call) == question.hash => {
                take_leave(tools, call, &question, answer).await;
            }
            Some(About::Input {
                hash,
                asked,
                allowance,
            }) if tools.call_hash(call) == hash => {
                call.consent.answer = Some(take_input(&asked, answer)?);
                call.consent.allowance = allowance;
            }
            Some(_) | None => {}
        }
        Ok(())
    }

    /// The result that asks whether a call may run.
    pub(in crate::mcp) fn ask_leave(
        &self,
        call: &ToolRequest,
        question: Box<Question>,
    ) -> Option<Value> {
        let form = leave_form(call, &question);
        self.ask(&call.principal, About::Approval(question), &form)
    }

    /// The result that asks what a tool wants to know; none for what no form can hold.
    pub(in crate::mcp) fn ask_input(
        &self,
        tools: &Tools,
        call: &ToolRequest,
        asked: &Asked,
    ) -> Option<Value> {
        let form = input_form(asked)?;
        let about = About::Input {
            hash: tools.call_hash(call),
            asked: asked.clone(),
            allowance: call.consent.allowance,
        };
        self.ask(&call.principal, about, &form)
    }

    fn ask(&self, of: &Principal, about: About, form: &Form) -> Option<Value> {
        let state = self.put(of.user, about)?;
        let params =
            json!({"mode": "form", "message": form.message, "requestedSchema": form.schema});
        let requests = json!({KEY: {"method": "elicitation/create", "params": params}});
        Some(json!({
            "resultType": "input_required",
            "inputRequests": requests,
            "requestState": state,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about() -> About {
        About::Input {
            hash: [0; 32],
            asked: Asked {
                prompt: String::new(),
                schema: Value::Null,
            },
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
}
