//! `POST /v1/responses/{id}/cancel`: Stop.

use std::sync::Arc;

use alcove_api_types::Response;
use axum::extract::{Path, State};

use super::get_response::parse_id;
use crate::app::App;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;

/// Stops the model and the tool, and answers with what there is. One that ended is left as it is.
pub(in crate::gateway) async fn cancel_response(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Path(id): Path<String>,
) -> Result<Json<Response>, ApiError> {
    let id = parse_id(&id)?;
    Ok(Json(app.runs.stop(&principal, id).await?))
}
