//! `POST /api/checkpoints/{id}/restore`.

use std::sync::Arc;

use alcove_api_types::RestoredCheckpoint;
use axum::extract::{Path, State};

use super::checkpoints::{found, refuse_running};
use crate::app::App;
use crate::checkpoints::{drift_to_wire, to_wire};
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;

/// Opens a new branch as the conversation was at a checkpoint, and goes on with it.
pub(in crate::gateway) async fn restore_checkpoint(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Path(id): Path<String>,
) -> Result<Json<RestoredCheckpoint>, ApiError> {
    let checkpoint = found(&app, &principal, &id).await?;
    refuse_running(&app, checkpoint.conversation)?;
    let before = app.log.conversation(&principal, checkpoint.conversation);
    let before = before.await?;
    let restored = app.checkpoints.restore(&principal, checkpoint).await?;
    let (fidelity, drift) = drift_to_wire(restored.drift);
    Ok(Json(RestoredCheckpoint {
        checkpoint: to_wire(restored.checkpoint),
        branch_id: restored.place.branch.to_string(),
        previous_branch_id: before.branch.id.to_string(),
        fidelity,
        drift,
    }))
}
