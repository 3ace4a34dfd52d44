//! `DELETE /api/plugins/{id}`.

use std::sync::Arc;

use axum::extract::{Path, State};
use http::StatusCode;

use crate::app::App;
use crate::gateway::caller::Admin;
use crate::gateway::error::ApiError;

/// Removes a plugin that nobody is granted.
pub(in crate::gateway) async fn remove_plugin(
    State(app): State<Arc<App>>,
    Admin(_): Admin,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    app.tools.remove(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}
