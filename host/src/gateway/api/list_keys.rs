//! `GET /api/keys`.

use std::sync::Arc;

use alcove_api_types::ApiKey;
use axum::extract::State;

use crate::app::App;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;

/// The caller's own keys, without their secrets.
pub(in crate::gateway) async fn list_keys(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
) -> Result<Json<Vec<ApiKey>>, ApiError> {
    Ok(Json(app.accounts.list_keys(&principal).await?))
}
