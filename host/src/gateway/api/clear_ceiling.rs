//! `DELETE /api/policy/ceiling`.

use std::sync::Arc;

use alcove_api_types::Revoked;
use axum::extract::State;

use crate::app::App;
use crate::gateway::caller::Admin;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;

/// Takes the ceiling away.
pub(in crate::gateway) async fn clear_ceiling(
    State(app): State<Arc<App>>,
    Admin(principal): Admin,
) -> Result<Json<Revoked>, ApiError> {
    Ok(Json(app.tools.clear_ceiling(&principal).await?))
}
