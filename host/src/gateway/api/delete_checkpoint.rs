//! `DELETE /api/checkpoints/{id}`.

use std::sync::Arc;

use axum::extract::{Path, State};
use http::StatusCode;

use super::checkpoints::found;
use crate::app::App;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;

/// Deletes a checkpoint, and the files that it alone kept.
pub(in crate::gateway) async fn delete_checkpoint(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let checkpoint = found(&app, &principal, &id).await?;
    app.checkpoints.delete(&principal, &checkpoint).await?;
    Ok(StatusCode::NO_CONTENT)
}
