//! How a call stands.

use alcove_api_types::{Awaiting, ItemStatus, ToolCall, ToolOutcome};

/// How a call stands, as one thing to draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    Writing,
    /// It waits for leave to run.
    Asking,
    /// It waits for an answer to its own question.
    Waiting,
    Running,
    Ok,
    Failed,
    Denied,
    Limit(String),
    Trapped,
    /// It ended without an outcome: stopped, or lost with the server.
    Interrupted,
}

impl State {
    pub(super) fn of(call: &ToolCall, is_live: bool) -> State {
        match &call.outcome {
            Some(ToolOutcome::Ok) => State::Ok,
            Some(ToolOutcome::Failed { .. }) => State::Failed,
            Some(ToolOutcome::Denied { .. }) => State::Denied,
            Some(ToolOutcome::Limit { limit, .. }) => State::Limit(limit.clone()),
            Some(ToolOutcome::Trapped { .. }) => State::Trapped,
            None if call.status != ItemStatus::InProgress || !is_live => State::Interrupted,
            None if matches!(call.awaiting, Some(Awaiting::Approval(_))) => State::Asking,
            None if call.awaiting.is_some() => State::Waiting,
            None if call.arguments.is_empty() => State::Writing,
            None => State::Running,
        }
    }

    pub(super) fn class(&self) -> &'static str {
        match self {
            State::Writing | State::Running => "call running",
            State::Asking | State::Waiting => "call asking",
            State::Ok => "call ok",
            State::Failed => "call failed",
            State::Denied => "call denied",
            State::Limit(limit) if limit == "stopped" => "call interrupted",
            State::Limit(limit) if limit == "revoked" => "call denied",
            State::Limit(_) => "call limit",
            State::Trapped => "call trapped",
            State::Interrupted => "call interrupted",
        }
    }

    pub(super) fn words(&self) -> &'static str {
        match self {
            State::Writing => "writing",
            State::Asking => "needs your approval",
            State::Waiting => "needs your answer",
            State::Running => "running",
            State::Ok => "done",
            State::Failed => "failed",
            State::Denied => "denied",
            State::Limit(limit) => match limit.as_str() {
                "memory" => "memory limit",
                "cpu" => "CPU limit",
                "wall" => "time limit",
                "output" => "output limit",
                "calls" => "too many calls",
                "concurrency" => "too many at once",
                "stopped" => "stopped",
                "revoked" => "grant revoked",
                _ => "limit reached",
            },
            State::Trapped => "crashed",
            State::Interrupted => "interrupted",
        }
    }

    pub(super) fn is_live(&self) -> bool {
        matches!(self, State::Writing | State::Running)
    }
}
