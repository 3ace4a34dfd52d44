//! `GET /api/plugins`.

use std::sync::Arc;

use alcove_api_types::Plugin;
use axum::extract::State;

use crate::app::App;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;

/// What is installed, with what its binaries are proven able to ask for.
pub(in crate::gateway) async fn list_plugins(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
) -> Result<Json<Vec<Plugin>>, ApiError> {
    Ok(Json(app.tools.list_for(&principal).await?))
}
