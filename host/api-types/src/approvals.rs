//! What a call asks of its person before it goes on: leave to run, or an answer to the tool.

use serde::{Deserialize, Serialize};

use crate::ToolCall;

/// What a call waits for. It holds no instance meanwhile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Awaiting {
    /// Leave to run.
    Approval(ApprovalQuestion),
    /// An answer that the tool asks for.
    Input(InputQuestion),
}

impl Awaiting {
    /// The question's id: where its answer is posted, `/api/approvals/{id}`.
    pub fn id(&self) -> &str {
        match self {
            Awaiting::Approval(question) => &question.id,
            Awaiting::Input(question) => &question.id,
        }
    }
}

/// May this call run, with exactly these arguments?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalQuestion {
    /// `ask_` and a UUIDv7.
    pub id: String,
    /// Why it is asked, in words.
    pub reason: String,
    /// Addresses in the arguments that nothing in the conversation brought, whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// What the call may reach, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reaches: Vec<String>,
    /// What may be answered beside `deny`: `once`, and `conversation` where that is possible.
    pub choices: Vec<Choice>,
    /// When it ends unanswered, which is a denial.
    pub until_ms: i64,
}

/// How far a yes goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// This call alone.
    Once,
    /// This tool, at this digest and under this grant, for the rest of the conversation.
    Conversation,
}

/// A question of the tool itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InputQuestion {
    /// `ask_` and a UUIDv7.
    pub id: String,
    /// The tool's own words.
    pub prompt: String,
    /// The JSON Schema of the answer: an object of texts, numbers, booleans and choices.
    pub schema: serde_json::Value,
    /// When it ends unanswered, which leaves the call failed.
    pub until_ms: i64,
}

/// `POST /api/approvals/{id}`. The same answer again is the same; another one is a conflict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case", deny_unknown_fields)]
pub enum Answer {
    /// Yes, for this call alone.
    Once,
    /// Yes, for the rest of the conversation.
    Conversation,
    /// No.
    Deny {
        /// Why; the model reads it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// What the tool asked for.
    Input {
        /// Fits the question's schema.
        value: serde_json::Value,
    },
}

/// How a question ended: what the answer to `POST /api/approvals/{id}` says, and what stays on
/// the call's item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// The question's id.
    pub id: String,
    /// How it ended.
    pub answer: AnswerKind,
    /// When.
    pub at_ms: i64,
}

/// How a question ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerKind {
    /// Allowed, this call alone.
    Once,
    /// Allowed for the rest of the conversation.
    Conversation,
    /// The person said no.
    Denied,
    /// The person answered the tool.
    Input,
    /// Nobody answered in time.
    Unanswered,
    /// The person stopped the run instead.
    Stopped,
    /// The server ended first.
    Interrupted,
}

/// A row of `GET /api/approvals`: a call of the caller's own that waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WaitingCall {
    /// The run that waits.
    pub response_id: String,
    /// Its conversation; absent with `store: false`.
    pub conversation_id: Option<String>,
    /// The call, with what it waits for in `awaiting`.
    pub call: ToolCall,
}
