//! `POST /api/conversations`.

use std::sync::Arc;

use alcove_api_types::CreateConversation;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use super::get_conversation::summary;
use super::rename_conversation::checked_title;
use crate::app::App;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;

/// Makes an empty conversation: files can be put into it before the first message.
pub(in crate::gateway) async fn create_conversation(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Json(CreateConversation { title }): Json<CreateConversation>,
) -> Result<Response, ApiError> {
    let title = checked_title(&title)?;
    let id = app.log.create_conversation(&principal, title).await?;
    let view = app.log.conversation(&principal, id).await?;
    Ok((StatusCode::CREATED, Json(summary(view.summary))).into_response())
}
