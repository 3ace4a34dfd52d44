//! `POST /api/setup`: claims the server with the one-time token.

use std::sync::Arc;

use alcove_api_types::SetUp;
use axum::extract::State;
use axum::response::Response;

use super::sign_in::with_cookie;
use crate::app::App;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;

/// Gives the first account its name and password, and signs in. The token works once.
pub(in crate::gateway) async fn set_up(
    State(app): State<Arc<App>>,
    Json(body): Json<SetUp>,
) -> Result<Response, ApiError> {
    let SetUp {
        token,
        username,
        password,
    } = body;
    let principal = app.accounts.set_up(&token, &username, &password).await?;
    tracing::info!(user = %principal.user, "the server was claimed");
    with_cookie(&app, app.accounts.begin_session(principal).await?)
}
