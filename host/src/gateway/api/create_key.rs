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
        within,
    } = body;
    let made = app
        .accounts
        .create_key(&principal, &name, expires_in_days, within.as_deref());
    let (key, secret) = made.await?;
    let mut warnings = Vec::new();
    for plugin in key.within.iter().flatten() {
        // It may be installed later, and the policy holds then.
        if !app.tools.is_installed(plugin).await? {
            warnings.push(format!(
                "{plugin} is not installed: the key can use it once it is installed and granted to you"
            ));
        }
    }
    let created = Json(CreatedApiKey {
        key,
        secret,
        warnings,
    });
    Ok((StatusCode::CREATED, created).into_response())
}
