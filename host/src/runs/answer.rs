//! Answering a run's question: once, by the person whose run it is.

use std::sync::Arc;

use alcove_api_types::{Answer, Answered, Awaiting, Choice, Item, WaitingCall};
use alcove_core::ids::ApprovalId;
use alcove_policies::schema;

use super::{Run, Runs, ask::kind_of};
use crate::{
    accounts::Principal,
    runs::InternalError,
    store::{log::LogError, wire::answer_kind_to_wire},
};

/// The longest reason of a no, in characters.
const MAX_REASON_CHARS: usize = 1000;

/// Why an answer was not taken.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// No such question, or it is somebody else's (404).
    #[error("there is no question {0}")]
    NotFound(String),
    /// It does not answer what was asked (422).
    #[error("{message}")]
    Invalid {
        /// The field at fault.
        param: &'static str,
        /// What is wrong and what would do.
        message: String,
    },
    /// The question has ended otherwise (409).
    #[error("{0}")]
    Conflict(String),
    /// Something inside failed; the cause is in the log and never in an answer (500).
    #[error("the server could not take the answer")]
    Internal(#[source] InternalError),
}

impl From<LogError> for AnswerError {
    fn from(error: LogError) -> AnswerError {
        AnswerError::Internal(Arc::new(error))
    }
}

impl Runs {
    /// The calls of this person that wait, oldest first.
    pub fn waiting(&self, principal: &Principal) -> Vec<WaitingCall> {
        let mut runs: Vec<Run> = self.inner.registry.running();
        runs.retain(|run| run.user() == principal.user);
        runs.sort_by_key(Run::id);
        let waiting = |run: Run| {
            // Once answered it waits no more, though the call shows it until the run goes on.
            run.question()?;
            let output = run.snapshot().output;
            let call = output.into_iter().find_map(|item| match item {
                Item::ToolCall(call) if call.awaiting.is_some() => Some(call),
                Item::ToolCall(_) | Item::Message(_) => None,
            });
            Some(WaitingCall {
                response_id: run.id().to_string(),
                conversation_id: run.conversation().map(|id| id.to_string()),
                call: call?,
            })
        };
        runs.into_iter().filter_map(waiting).collect()
    }

    /// Answers a question. The same answer again says the same; another one is a conflict.
    pub async fn answer(
        &self,
        principal: &Principal,
        id: ApprovalId,
        answer: Answer,
    ) -> Result<Answered, AnswerError> {
        let kind = kind_of(&answer);
        let ended = |at_ms| Answered {
            id: id.to_string(),
            answer: answer_kind_to_wire(kind),
            at_ms,
        };
        let log = &self.inner.log;
        if let Some((run, awaiting)) = self.asking(principal, id) {
            check(&awaiting, &answer)?;
            let words = match &answer {
                Answer::Deny { reason } => reason.as_deref(),
                Answer::Once | Answer::Conversation | Answer::Input { .. } => None,
            };
            // The row first: what is answered is on disk before anything runs.
            if let Some(at_ms) = log.end_approval(principal, id, kind, words).await? {
                run.reply(&id.to_string(), (answer, at_ms));
                return Ok(ended(at_ms));
            }
        }
        match log.approval(principal, id).await {
            Ok(approval) => match approval.ended {
                Some((earlier, at_ms)) if earlier == kind => Ok(ended(at_ms)),
                Some((earlier, _)) => Err(AnswerError::Conflict(format!(
                    "this question ended before, as `{}`: nothing was changed",
                    earlier.name()
                ))),
                None => Err(AnswerError::Conflict(
                    "the run that asks is not on this server, or is just ending: read it again"
                        .to_owned(),
                )),
            },
            Err(LogError::NotFound { .. }) => Err(AnswerError::NotFound(id.to_string())),
            Err(error) => Err(error.into()),
        }
    }

    fn asking(&self, principal: &Principal, id: ApprovalId) -> Option<(Run, Awaiting)> {
        let id = id.to_string();
        let mine = |run: &Run| run.user() == principal.user;
        self.inner
            .registry
            .running()
            .into_iter()
            .filter(mine)
            .find_map(|run| {
                let awaiting = run.question()?;
                (awaiting.id() == id).then_some((run, awaiting))
            })
    }
}

/// Whether an answer is one to this question.
fn check(awaiting: &Awaiting, answer: &Answer) -> Result<(), AnswerError> {
    let unfit = |param, message: String| Err(AnswerError::Invalid { param, message });
    if let Answer::Deny {
        reason: Some(reason),
    } = answer
        && reason.chars().count() > MAX_REASON_CHARS
    {
        return unfit(
            "reason",
            format!("the reason is longer than {MAX_REASON_CHARS} characters"),
        );
    }
    match (awaiting, answer) {
        (_, Answer::Deny { .. }) => Ok(()),
        (Awaiting::Approval(question), Answer::Once | Answer::Conversation) => {
            let choice = match answer {
                Answer::Conversation => Choice::Conversation,
                _ => Choice::Once,
            };
            if question.choices.contains(&choice) {
                return Ok(());
            }
            unfit(
                "answer",
                "this call can be allowed once only, not for the conversation".to_owned(),
            )
        }
        (Awaiting::Input(question), Answer::Input { value }) => {
            match schema::validate(&question.schema, value) {
                Ok(()) => Ok(()),
                Err(error) => unfit("value", error.to_string()),
            }
        }
        (Awaiting::Approval(_), Answer::Input { .. }) => unfit(
            "answer",
            "this is a question of leave: answer `once`, `conversation` or `deny`".to_owned(),
        ),
        (Awaiting::Input(_), Answer::Once | Answer::Conversation) => unfit(
            "answer",
            "this is a question of the tool: answer `input` with a `value`, or `deny`".to_owned(),
        ),
    }
}
