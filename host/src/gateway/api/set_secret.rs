//! `POST /api/secrets`.

use std::sync::Arc;

use alcove_api_types::{SecretInfo, SetSecret};
use axum::extract::State;

use crate::app::App;
use crate::config::Secret;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;

/// Sets one of the caller's own secrets, or one of the organisation's (admin).
pub(in crate::gateway) async fn set_secret(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Json(body): Json<SetSecret>,
) -> Result<Json<SecretInfo>, ApiError> {
    let SetSecret { name, value, scope } = body;
    let value = Secret::new(value);
    let set = app.secrets.set(&principal, scope, &name, &value).await?;
    app.tools.forget_sessions().await;
    Ok(Json(set))
}
