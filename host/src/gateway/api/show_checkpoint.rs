//! `GET /api/checkpoints/{id}`.

use std::sync::Arc;

use alcove_api_types::ShownCheckpoint;
use axum::extract::{Path, State};

use super::checkpoints::found;
use crate::app::App;
use crate::checkpoints::{drift_to_wire, to_wire};
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;

/// What a checkpoint holds, and whether restoring it now would bring back all of it.
pub(in crate::gateway) async fn show_checkpoint(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Path(id): Path<String>,
) -> Result<Json<ShownCheckpoint>, ApiError> {
    let checkpoint = found(&app, &principal, &id).await?;
    let (manifest, drift) = app.checkpoints.show(&principal, &checkpoint).await?;
    let (fidelity, drift) = drift_to_wire(drift);
    Ok(Json(ShownCheckpoint {
        checkpoint: to_wire(checkpoint),
        fidelity,
        drift,
        manifest: serde_json::to_value(manifest).map_err(ApiError::internal)?,
    }))
}
