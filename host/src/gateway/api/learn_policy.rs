//! `POST /api/plugins/{id}/learn`.

use std::sync::Arc;

use alcove_api_types::Learned;
use axum::extract::{Path, State};

use crate::app::App;
use crate::gateway::caller::Admin;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;

/// Runs a plugin's examples and writes the smallest policy for them; grants nothing.
pub(in crate::gateway) async fn learn_policy(
    State(app): State<Arc<App>>,
    Admin(principal): Admin,
    Path(id): Path<String>,
) -> Result<Json<Learned>, ApiError> {
    Ok(Json(app.tools.learn(&id, &principal).await?))
}
