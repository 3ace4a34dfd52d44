//! `DELETE /api/keys/{id}`.

use std::sync::Arc;

use axum::extract::{Path, State};
use http::StatusCode;

use super::key_id;
use crate::app::App;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;

/// Ends one of the caller's own keys, at once.
pub(in crate::gateway) async fn revoke_key(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    app.accounts.revoke_key(&principal, key_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
