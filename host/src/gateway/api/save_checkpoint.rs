//! `POST /api/conversations/{id}/checkpoints`.

use std::sync::Arc;

use alcove_api_types::SaveCheckpoint;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use super::checkpoints::refuse_running;
use super::conversation_id;
use crate::app::App;
use crate::checkpoints::to_wire;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;

/// Saves what the conversation is now under a name.
pub(in crate::gateway) async fn save_checkpoint(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Path(id): Path<String>,
    Json(SaveCheckpoint { name, note }): Json<SaveCheckpoint>,
) -> Result<Response, ApiError> {
    let id = conversation_id(&id)?;
    // Whose it is comes first: nobody learns what runs in another's conversation.
    app.log.conversation(&principal, id).await?;
    refuse_running(&app, id)?;
    let saved = app.checkpoints.save(&principal, id, &name, &note).await?;
    Ok((StatusCode::CREATED, Json(to_wire(saved))).into_response())
}
