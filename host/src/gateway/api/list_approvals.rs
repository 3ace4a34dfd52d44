//! `GET /api/approvals`: what waits for the caller.

use std::sync::Arc;

use alcove_api_types::WaitingCall;
use axum::extract::State;

use crate::app::App;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;

/// The caller's own calls that wait, oldest first.
pub(in crate::gateway) async fn list_approvals(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
) -> Result<Json<Vec<WaitingCall>>, ApiError> {
    Ok(Json(app.runs.waiting(&principal)))
}
