//! `GET /api/plugins/{id}/bindings`.

use std::sync::Arc;

use alcove_api_types::Binding;
use axum::extract::{Path, State};

use crate::app::App;
use crate::gateway::caller::Admin;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;

/// Every version of what is and was granted of a plugin.
pub(in crate::gateway) async fn plugin_history(
    State(app): State<Arc<App>>,
    Admin(_): Admin,
    Path(id): Path<String>,
) -> Result<Json<Vec<Binding>>, ApiError> {
    Ok(Json(app.tools.history(&id).await?))
}
