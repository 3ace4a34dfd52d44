//! `POST /api/bindings`: grants.

use std::sync::Arc;

use alcove_api_types::CreateBinding;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::app::App;
use crate::gateway::caller::Admin;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;

/// Grants a plugin under a policy.
pub(in crate::gateway) async fn create_binding(
    State(app): State<Arc<App>>,
    Admin(principal): Admin,
    Json(body): Json<CreateBinding>,
) -> Result<Response, ApiError> {
    let binding = app.tools.grant(body, &principal).await?;
    Ok((StatusCode::CREATED, Json(binding)).into_response())
}
