//! `GET /api/keys/{id}`.

use std::sync::Arc;

use alcove_api_types::ShownApiKey;
use axum::extract::{Path, State};

use super::key_id;
use crate::app::App;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;

/// One of the caller's own keys, with its policies.
pub(in crate::gateway) async fn show_key(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Path(id): Path<String>,
) -> Result<Json<ShownApiKey>, ApiError> {
    let shown = app.accounts.show_key(&principal, key_id(&id)?);
    Ok(Json(shown.await?))
}
