//! Errors: RFC 9457 on `/api/*`, OpenAI's shape on `/v1/*`.

use serde::{Deserialize, Serialize};

/// `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A stable name, such as `/problems/not-found`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The same for every problem of this type.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened and what to do.
    pub detail: String,
    /// The request's id, to be found in the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
}

/// `{"error": …}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenAiError {
    /// The error.
    pub error: OpenAiErrorBody,
}

/// OpenAI's error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenAiErrorBody {
    /// What happened and what to do.
    pub message: String,
    /// `invalid_request`, `not_found`, `too_many_requests`, `model_error`, `server_error`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The field that is at fault.
    pub param: Option<String>,
    /// A finer code.
    pub code: Option<String>,
}
