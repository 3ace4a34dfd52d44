//! `DELETE /api/session`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};

use crate::app::App;
use crate::gateway::cookie;
use crate::gateway::error::ApiError;

/// Ends the session that the cookie names; without one there is nothing to end.
pub(in crate::gateway) async fn sign_out(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if let Some(token) = cookie::token(&app.config, &headers) {
        let ended = app.accounts.sign_out(token).await;
        ended.map_err(ApiError::internal)?;
    }
    let clear = cookie::clear(&app.config)?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, clear)]).into_response())
}
