//! `DELETE /api/keys/{id}`.

use std::sync::Arc;

use axum::extract::{Path, State};
use http::StatusCode;

use crate::app::App;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;

/// Ends one of the caller's own keys, at once.
pub(in crate::gateway) async fn revoke_key(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let shown: String = id.chars().take(64).collect();
    let unknown = || ApiError::NotFound(format!("there is no key {shown}"));
    let id = id.parse().map_err(|_| unknown())?;
    app.accounts.revoke_key(&principal, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
