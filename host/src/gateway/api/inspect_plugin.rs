//! `GET /api/plugins/{id}`.

use std::sync::Arc;

use alcove_api_types::Plugin;
use axum::extract::{Path, State};

use crate::app::App;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;

/// One plugin; the slash in its id is percent-encoded.
pub(in crate::gateway) async fn inspect_plugin(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Path(id): Path<String>,
) -> Result<Json<Plugin>, ApiError> {
    Ok(Json(app.tools.inspect_for(&id, &principal).await?))
}
