//! `GET /api/conversations/{id}/checkpoints`.

use std::sync::Arc;

use alcove_api_types::Checkpoint;
use axum::extract::{Path, State};

use super::conversation_id;
use crate::app::App;
use crate::checkpoints::to_wire;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;

/// A conversation's checkpoints, the last one first.
pub(in crate::gateway) async fn list_checkpoints(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Path(id): Path<String>,
) -> Result<Json<Vec<Checkpoint>>, ApiError> {
    let id = conversation_id(&id)?;
    let found = app.log.checkpoints(&principal, id).await?;
    Ok(Json(found.into_iter().map(to_wire).collect()))
}
