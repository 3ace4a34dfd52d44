//! `GET /api/calls/{id}/passages/{number}`: a passage with the text of its source.

use std::sync::Arc;

use alcove_api_types::OpenedPassage;
use axum::extract::{Path, State};

use super::get_call::call_id;
use crate::app::App;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;

/// What a call brought and an answer may cite, for the person whose call it was.
pub(in crate::gateway) async fn get_passage(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Path((id, number)): Path<(String, String)>,
) -> Result<Json<OpenedPassage>, ApiError> {
    let call = call_id(&id)?;
    let number = number
        .parse()
        .map_err(|_| ApiError::NotFound(format!("the call {call} has no such passage")))?;
    Ok(Json(app.tools.passage(&principal, call, number).await?))
}
