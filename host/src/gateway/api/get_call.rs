//! `GET /api/calls/{id}`: the receipt of a tool call.

use std::sync::Arc;

use alcove_api_types::CallReceipt;
use alcove_core::ids::ItemId;
use axum::extract::{Path, State};

use crate::app::App;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;
use crate::tools::KeptCall;

/// What ran, under what, what it was told and how it ended. A call is its owner's alone: what an
/// administrator sees of it is in the audit log.
pub(in crate::gateway) async fn get_call(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Path(id): Path<String>,
) -> Result<Json<CallReceipt>, ApiError> {
    let kept = KeptCall::read(&app.log, &principal, call_id(&id)?).await?;
    Ok(Json(kept.receipt(&principal)))
}

/// An id that does not parse can't exist: it is as unknown as any other.
pub(super) fn call_id(text: &str) -> Result<ItemId, ApiError> {
    let shown = || text.chars().take(64).collect::<String>();
    text.parse()
        .map_err(|_| ApiError::NotFound(format!("there is no call {}", shown())))
}
