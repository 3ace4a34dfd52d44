//! `GET /api/secrets`.

use std::sync::Arc;

use alcove_api_types::SecretInfo;
use axum::extract::State;

use crate::app::App;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;

/// The names of the organisation's secrets and of the caller's own; never a value.
pub(in crate::gateway) async fn list_secrets(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
) -> Result<Json<Vec<SecretInfo>>, ApiError> {
    Ok(Json(app.secrets.list(&principal).await?))
}
