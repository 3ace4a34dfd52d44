//! `DELETE /api/bindings/{id}`: revokes.

use std::sync::Arc;

use alcove_api_types::Revoked;
use axum::extract::{Path, State};

use crate::app::App;
use crate::gateway::caller::Admin;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;

/// Revokes a binding, or all of a plugin's, and stops the calls that run under them.
pub(in crate::gateway) async fn revoke_binding(
    State(app): State<Arc<App>>,
    Admin(principal): Admin,
    Path(id): Path<String>,
) -> Result<Json<Revoked>, ApiError> {
    Ok(Json(app.tools.revoke(&id, &principal).await?))
}
