//! What can go wrong when a run is asked for: each says what to do.

use alcove_core::ids::ResponseId;

use crate::{inference::InferenceError, ledger::Exceeded};

/// A request that can't be run as it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidRequest {
    /// The field at fault.
    pub param: &'static str,
    /// What is wrong and what to do, for the client.
    pub message: String,
}

impl InvalidRequest {
    pub(crate) fn new(param: &'static str, message: impl Into<String>) -> InvalidRequest {
        InvalidRequest {
            param,
            message: message.into(),
        }
    }
}

/// Why a run did not start. Nothing of it was kept.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The request can't be run as it stands (400).
    #[error(transparent)]
    Invalid(#[from] InvalidRequest),
    /// No such conversation, response or model, or it belongs to somebody else (404).
    #[error("{message}")]
    NotFound {
        /// The field at fault.
        param: &'static str,
        /// What is unknown and what to do.
        message: String,
    },
    /// The input does not fit in the model's context (400, `context_length_exceeded`).
    #[error(
        "the input has about {tokens} tokens, and {available} of the model's context of {context} \
         are left for it: shorten it, or start a new conversation"
    )]
    TooLong {
        /// Tokens of the input.
        tokens: u32,
        /// Tokens that there is room for.
        available: u32,
        /// The model's whole context.
        context: u32,
    },
    /// This branch of the conversation has a run already (409).
    #[error(
        "response {running} is still being produced on this branch of the conversation: wait for \
         it, stop it, or go on from an earlier response"
    )]
    Busy {
        /// The run that is in the way.
        running: ResponseId,
    },
    /// The same idempotency key came with another body (422).
    #[error("this Idempotency-Key was used for another request: use a new key")]
    IdempotencyMismatch,
    /// A cap on runs is reached (429).
    #[error("{whose} {limit} runs are in progress or waiting, which is the most: try again later")]
    TooManyRuns {
        /// `your`, or `the server's`.
        whose: &'static str,
        /// The cap.
        limit: usize,
    },
    /// Too few tokens are left of the day's quota (429).
    #[error("{0}: shorten the conversation, or wait until then")]
    Quota(Exceeded),
    /// There is no model to answer (503).
    #[error(transparent)]
    Inference(#[from] InferenceError),
    /// The server is going down (503).
    #[error("the server is shutting down: try again in a moment")]
    ShuttingDown,
    /// Something inside failed; the cause is in the log and never in an answer (500).
    #[error("the server could not start the run")]
    Internal(#[source] InternalError),
}

/// Why a response could not be found or stopped.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// No such response, or it belongs to somebody else (404).
    #[error("there is no response {0}")]
    NotFound(String),
    /// Something inside failed; the cause is in the log and never in an answer (500).
    #[error("the server could not read the response")]
    Internal(#[source] InternalError),
}

/// An error of the store or of the vault, with its own chain of causes.
pub type InternalError = std::sync::Arc<dyn std::error::Error + Send + Sync + 'static>;
