//! `POST /api/approvals/{id}`: allow, deny, or answer a tool.

use std::sync::Arc;

use alcove_api_types::{Answer, Answered};
use axum::extract::{Path, State};

use crate::app::App;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;
use crate::runs::AnswerError;

/// Answers a question of the caller's own run; only the first answer counts.
pub(in crate::gateway) async fn answer_approval(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Path(id): Path<String>,
    Json(answer): Json<Answer>,
) -> Result<Json<Answered>, ApiError> {
    let shown = || id.chars().take(64).collect::<String>();
    let id = id
        .parse()
        .map_err(|_| ApiError::NotFound(format!("there is no question {}", shown())))?;
    Ok(Json(app.runs.answer(&principal, id, answer).await?))
}

impl From<AnswerError> for ApiError {
    fn from(error: AnswerError) -> ApiError {
        let message = error.to_string();
        match error {
            AnswerError::NotFound(_) => ApiError::NotFound(message),
            AnswerError::Invalid { param, .. } => ApiError::Unprocessable {
                param: Some(param.to_owned()),
                message,
            },
            AnswerError::Conflict(_) => ApiError::Conflict(message),
            AnswerError::Internal(cause) => ApiError::Internal(cause),
        }
    }
}
