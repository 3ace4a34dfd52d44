//! `DELETE /api/conversations/{id}`.

use std::sync::Arc;

use axum::extract::{Path, State};
use http::StatusCode;

use super::{blocking, conversation_id};
use crate::app::App;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;

/// Stops what runs in the conversation, removes its files, then destroys the keys of all its items.
pub(in crate::gateway) async fn delete_conversation(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let id = conversation_id(&id)?;
    // Whose it is comes first, or anybody could stop a run by naming its conversation.
    app.log.conversation(&principal, id).await?;
    if let Some(run) = app.runs.running_in(id) {
        app.runs.stop(&principal, run.id()).await?;
    }
    // The files first: a conversation that still is there can be deleted again.
    let branches = app.log.branches(&principal, id).await?;
    let branches: Vec<_> = branches.iter().map(|branch| branch.id).collect();
    let workspaces = app.workspaces.clone();
    blocking(move || workspaces.remove(id, &branches)).await?;
    app.log.delete(&principal, id).await?;
    // Its assets are unreadable by now; where their files can't be removed, the next start does it.
    if let Err(error) = app.assets.sweep().await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "the files of a deleted conversation are left"
        );
    }
    Ok(StatusCode::NO_CONTENT)
}
