//! `/v1`: the endpoints that have a standard.

pub(super) mod cancel_response;
pub(super) mod connect;
pub(super) mod create_chat_completion;
pub(super) mod create_embeddings;
pub(super) mod create_response;
pub(super) mod get_response;
pub(super) mod list_models;

mod fields;
mod sse;

use crate::gateway::error::ApiError;
use crate::runs::{FindError, InvalidRequest, StartError};

impl From<InvalidRequest> for ApiError {
    fn from(error: InvalidRequest) -> ApiError {
        let InvalidRequest { param, message } = error;
        ApiError::invalid(param, message)
    }
}

impl From<StartError> for ApiError {
    fn from(error: StartError) -> ApiError {
        let message = error.to_string();
        match error {
            StartError::Invalid(invalid) => invalid.into(),
            StartError::NotFound { .. } => ApiError::NotFound(message),
            StartError::TooLong { .. } => ApiError::Invalid {
                param: Some("input".to_owned()),
                code: Some("context-length-exceeded"),
                message,
            },
            StartError::Busy { .. } => ApiError::Conflict(message),
            StartError::IdempotencyMismatch => ApiError::Unprocessable {
                param: Some("Idempotency-Key".to_owned()),
                message,
            },
            StartError::TooManyRuns { .. } => ApiError::TooMany {
                message,
                retry_after: RETRY_RUN,
            },
            StartError::Quota(exceeded) => ApiError::OverQuota {
                message,
                retry_after: exceeded.resets_in(),
            },
            StartError::Inference(_) | StartError::ShuttingDown => ApiError::Unavailable {
                message,
                retry_after: Some(RETRY_RUN),
            },
            StartError::Internal(cause) => ApiError::Internal(cause),
        }
    }
}

impl From<FindError> for ApiError {
    fn from(error: FindError) -> ApiError {
        let message = error.to_string();
        match error {
            FindError::NotFound(_) => ApiError::NotFound(message),
            FindError::Internal(cause) => ApiError::Internal(cause),
        }
    }
}

/// When a client may ask again where all runs are taken, or the model is being loaded.
const RETRY_RUN: std::time::Duration = std::time::Duration::from_secs(5);
