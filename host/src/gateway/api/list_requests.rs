//! `GET /api/requests`.

use std::sync::Arc;

use alcove_api_types::GrantRequest;
use axum::extract::State;

use crate::app::App;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;

/// What is asked for and not granted yet: all of it for an admin, else one's own.
pub(in crate::gateway) async fn list_requests(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
) -> Result<Json<Vec<GrantRequest>>, ApiError> {
    Ok(Json(app.tools.grant_requests(&principal).await?))
}
