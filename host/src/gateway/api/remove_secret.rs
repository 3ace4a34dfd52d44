//! `DELETE /api/secrets/{scope}/{name}`.

use std::sync::Arc;

use alcove_api_types::SecretScope;
use axum::extract::{Path, State};
use http::StatusCode;

use crate::app::App;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;

/// Removes one of the caller's own secrets, or one of the organisation's (admin).
pub(in crate::gateway) async fn remove_secret(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Path((scope, name)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let scope = match scope.as_str() {
        "organisation" => SecretScope::Organisation,
        "user" => SecretScope::User,
        _ => {
            let message = "the scope is `organisation` or `user`".to_owned();
            return Err(ApiError::NotFound(message));
        }
    };
    app.secrets.remove(&principal, scope, &name).await?;
    app.tools.forget_sessions().await;
    Ok(StatusCode::NO_CONTENT)
}
