//! `POST /api/mcp-servers`.

use std::sync::Arc;

use alcove_api_types::AddMcpServer;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::app::App;
use crate::gateway::caller::Admin;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;

/// Makes a plugin of a server's tools; nothing is granted by it.
pub(in crate::gateway) async fn add_mcp_server(
    State(app): State<Arc<App>>,
    Admin(_): Admin,
    Json(add): Json<AddMcpServer>,
) -> Result<Response, ApiError> {
    let added = app.tools.add_mcp(add).await?;
    Ok((StatusCode::CREATED, Json(added)).into_response())
}
