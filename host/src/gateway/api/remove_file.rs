//! `DELETE /api/conversations/{id}/files/{path}`.

use std::sync::Arc;

use axum::extract::{Path, State};
use http::StatusCode;

use super::{blocking, conversation_id, place};
use crate::app::App;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;
use crate::workspaces::FilePath;

/// Removes a file of a conversation.
pub(in crate::gateway) async fn remove_file(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Path((id, path)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let id = conversation_id(&id)?;
    let place = place(&app, &principal, id).await?;
    let path = FilePath::parse(&path)?;
    let workspaces = app.workspaces.clone();
    blocking(move || workspaces.remove_file(place, &path)).await?;
    Ok(StatusCode::NO_CONTENT)
}
