//! `POST /api/keys`.

use std::sync::Arc;

use alcove_api_types::{CreateApiKey, CreatedApiKey};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::app::App;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;

/// Makes a key; this answer is the only place where its secret is shown.
pub(in crate::gateway) async fn create_key(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Json(body): Json<CreateApiKey>,
) -> Result<Response, ApiError> {
    let CreateApiKey {
        name,
        expires_in_days,
    } = body;
    let made = app.accounts.create_key(&principal, &name, expires_in_days);
    let (key, secret) = made.await?;
    let created = Json(CreatedApiKey { key, secret });
    Ok((StatusCode::CREATED, created).into_response())
}
