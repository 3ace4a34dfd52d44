//! `GET /api/bindings`.

use std::sync::Arc;

use alcove_api_types::Binding;
use axum::extract::State;

use crate::app::App;
use crate::gateway::caller::Admin;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;

/// Who may use which plugin under which policy.
pub(in crate::gateway) async fn list_bindings(
    State(app): State<Arc<App>>,
    Admin(_): Admin,
) -> Result<Json<Vec<Binding>>, ApiError> {
    Ok(Json(app.tools.bindings().await?))
}
