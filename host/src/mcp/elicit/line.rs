//! In the revisions that begin with `initialize` the server sends a request of its own
//! (`elicitation/create`) on the way that a call's answer takes, and the call waits for what the
//! client answers to it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alcove_core::ids::UserId;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{Form, MAX_QUESTIONS};
use crate::mcp::{Id, Response};

/// The server's requests that clients have yet to answer, by their ids, which nobody can guess.
/// Cheap to clone.
#[derive(Clone, Default)]
pub(in crate::mcp) struct Unanswered {
    waiting: Arc<Mutex<HashMap<String, Waiting>>>,
}

struct Waiting {
    user: UserId,
    answer: oneshot::Sender<Response>,
}

/// A request that waits for as long as this is held.
struct Pending {
    unanswered: Unanswered,
    id: String,
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.unanswered.lock().remove(&self.id);
    }
}

impl Unanswered {
    fn begin(&self, user: UserId) -> Option<(Pending, oneshot::Receiver<Response>)> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).ok()?;
        let id = hex::encode(bytes);
        let (answer, answered) = oneshot::channel();
        let mut waiting = self.lock();
        if waiting.len() >= MAX_QUESTIONS {
            return None;
        }
        waiting.insert(id.clone(), Waiting { user, answer });
        let unanswered = self.clone();
        Some((Pending { unanswered, id }, answered))
    }

    /// Takes what a client answers. What nobody waits for, or not from this user, is dropped.
    pub(in crate::mcp) fn take(&self, user: UserId, response: Response) {
        let Some(Id::Text(id)) = &response.id else {
            return;
        };
        let mut waiting = self.lock();
        if waiting.get(id).is_some_and(|waiting| waiting.user == user)
            && let Some(waiting) = waiting.remove(id)
        {
            // The call may have been stopped at this moment.
            let _ = waiting.answer.send(response);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The way to the person at a client, for as long as one of its calls is in flight.
pub(in crate::mcp) struct Line {
    pub(in crate::mcp) unanswered: Unanswered,
    pub(in crate::mcp) user: UserId,
    /// What is sent to the client.
    pub(in crate::mcp) outbox: mpsc::Sender<Value>,
    /// Ends the call.
    pub(in crate::mcp) cancel: CancellationToken,
    /// How long a question waits.
    pub(in crate::mcp) wait: Duration,
}

impl Line {
    /// Puts a form before the person and waits for the answer.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub(in crate::mcp) async fn ask(&self, form: &Form) -> Result<Value, String> {
        let asked = self.unanswered.begin(self.user);
        let (pending, answered) =
            asked.ok_or("too many questions wait for an answer: try again later")?;
        let request = json!({
            "jsonrpc": "2.0",
            "id": pending.id,
            "method": "elicitation/create",
            "params": {"message": form.message, "requestedSchema": form.schema},
        });
        let answer = async {
            self.outbox.send(request).await.ok()?;
            answered.await.ok()
        };
        let answer = tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err("the call was stopped before".to_owned()),
            () = self.outbox.closed() => Err("the client left".to_owned()),
            answer = tokio::time::timeout(self.wait, answer) => match answer {
                Ok(Some(response)) => return response.outcome.map_err(|error| {
                    let error: String = error.chars().take(200).collect();
                    format!("the client could not ask its person: {error}")
                }),
                Ok(None) => Err("the client left".to_owned()),
                Err(_) => Err(format!(
                    "nobody answered within {} min, which is a no",
                    self.wait.as_secs() / 60
                )),
            },
        };
        // A client that does not read loses it: nobody takes its answer any more.
        let _ = self.outbox.try_send(json!({
            "jsonrpc": "2.0",
            "method": "notifications/cancelled",
            "params": {"requestId": pending.id, "reason": "the call has ended"},
        }));
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn yes(id: &str) -> Response {
        Response {
            id: Some(Id::Text(id.to_owned())),
            outcome: Ok(json!({"action": "accept", "content": {"allow": true}})),
        }
    }

    fn line() -> (Line, mpsc::Receiver<Value>) {
        let (outbox, sent) = mpsc::channel(8);
        let line = Line {
            unanswered: Unanswered::default(),
            user: UserId::generate(),
            outbox,
            cancel: CancellationToken::new(),
            wait: Duration::from_secs(60),
        };
        (line, sent)
    }

    fn form() -> Form {
        Form {
            message: "May it?".to_owned(),
            schema: json!({}),
        }
    }

    #[tokio::test]
    async fn only_whom_it_was_put_to_answers_a_question() {
        let (line, mut sent) = line();
        let (form, unanswered) = (form(), line.unanswered.clone());
        let answering = async {
            let id = sent.recv().await.unwrap()["id"]
                .as_str()
                .unwrap()
                .to_owned();
            unanswered.take(UserId::generate(), yes(&id));
            unanswered.take(line.user, yes("0123456789abcdef"));
            assert_eq!(unanswered.lock().len(), 1, "neither was its answer");
            unanswered.take(line.user, yes(&id));
        };
        let (answer, ()) = tokio::join!(line.ask(&form), answering);
        assert_eq!(answer.unwrap()["action"], "accept");
        assert!(unanswered.lock().is_empty());
    }

    #[tokio::test]
    async fn neither_a_timeout_nor_the_end_of_the_call_is_a_yes() {
        for is_stopped in [false, true] {
            let (mut line, mut sent) = line();
            line.wait = Duration::from_millis(20);
            if is_stopped {
                line.cancel.cancel();
            }
            let why = line.ask(&form()).await.unwrap_err();
            let expected = match is_stopped {
                true => "was stopped",
                false => "nobody answered",
            };
            assert!(why.contains(expected), "{why}");
            let mut last = Value::Null;
            while let Ok(message) = sent.try_recv() {
                last = message;
            }
            assert_eq!(last["method"], "notifications/cancelled", "{last}");
            assert!(line.unanswered.lock().is_empty());
        }
    }
}
