//! `POST /api/plugins/{id}/requests`.

use std::sync::Arc;

use alcove_api_types::{GrantRequest, RequestGrant};
use axum::extract::{Path, State};

use crate::app::App;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;

/// Asks an admin for a plugin.
pub(in crate::gateway) async fn request_grant(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Path(id): Path<String>,
    Json(body): Json<RequestGrant>,
) -> Result<Json<GrantRequest>, ApiError> {
    let asked = app.tools.request_grant(&id, &body.reason, &principal);
    Ok(Json(asked.await?))
}
