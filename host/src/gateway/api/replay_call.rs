//! `POST /api/calls/{id}/replay`.

use std::sync::Arc;

use alcove_api_types::CallReplay;
use axum::extract::{Path, State};

use super::get_call::call_id;
use crate::app::App;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;
use crate::tools::KeptCall;

/// Runs a call of one's own again from its record: it reaches nothing, and changes nothing.
pub(in crate::gateway) async fn replay_call(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Path(id): Path<String>,
) -> Result<Json<CallReplay>, ApiError> {
    let kept = KeptCall::read(&app.log, &principal, call_id(&id)?).await?;
    Ok(Json(app.tools.replay(&kept).await?))
}
