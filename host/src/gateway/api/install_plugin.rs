//! `POST /api/plugins`.

use std::path::Path;
use std::sync::Arc;

use alcove_api_types::InstallPlugin;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::app::App;
use crate::gateway::caller::Admin;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;

/// Installs from a path on this machine; nothing is granted by it.
pub(in crate::gateway) async fn install_plugin(
    State(app): State<Arc<App>>,
    Admin(_): Admin,
    Json(install): Json<InstallPlugin>,
) -> Result<Response, ApiError> {
    let InstallPlugin {
        path,
        accept_generated,
    } = install;
    let plugin = app
        .tools
        .install(Path::new(&path), accept_generated)
        .await?;
    Ok((StatusCode::CREATED, Json(plugin)).into_response())
}
