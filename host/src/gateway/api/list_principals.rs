//! `GET /api/principals`.

use std::sync::Arc;

use alcove_api_types::Principals;
use axum::extract::State;

use crate::app::App;
use crate::gateway::caller::Admin;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;

/// To whom a plugin can be granted.
pub(in crate::gateway) async fn list_principals(
    State(app): State<Arc<App>>,
    Admin(principal): Admin,
) -> Result<Json<Principals>, ApiError> {
    Ok(Json(app.accounts.principals(&principal).await?))
}
