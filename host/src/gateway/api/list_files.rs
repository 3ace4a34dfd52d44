//! `GET /api/conversations/{id}/files`.

use std::sync::Arc;

use alcove_api_types::WorkspaceFiles;
use axum::extract::{Path, State};

use super::{blocking, conversation_id, place};
use crate::app::App;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;

/// The files of a conversation: what the person put there, and what tools wrote.
pub(in crate::gateway) async fn list_files(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Path(id): Path<String>,
) -> Result<Json<WorkspaceFiles>, ApiError> {
    let id = conversation_id(&id)?;
    let place = place(&app, &principal, id).await?;
    let workspaces = app.workspaces.clone();
    Ok(Json(blocking(move || workspaces.list(place)).await?))
}
