//! `PUT /api/policy/ceiling`.

use std::sync::Arc;

use alcove_api_types::{Revoked, SetCeiling};
use axum::extract::State;

use crate::app::App;
use crate::gateway::caller::Admin;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;

/// Sets the ceiling; calls that run under the old one are stopped.
pub(in crate::gateway) async fn set_ceiling(
    State(app): State<Arc<App>>,
    Admin(principal): Admin,
    Json(body): Json<SetCeiling>,
) -> Result<Json<Revoked>, ApiError> {
    Ok(Json(app.tools.set_ceiling(body, &principal).await?))
}
