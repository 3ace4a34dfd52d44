//! `POST /api/plugins/{id}/requests/decline`.

use std::sync::Arc;

use alcove_api_types::{DeclineRequest, GrantRequest};
use axum::extract::{Path, State};

use crate::app::App;
use crate::gateway::caller::Admin;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;

/// Says no to a person who asked for a plugin.
pub(in crate::gateway) async fn decline_request(
    State(app): State<Arc<App>>,
    Admin(principal): Admin,
    Path(id): Path<String>,
    Json(body): Json<DeclineRequest>,
) -> Result<Json<GrantRequest>, ApiError> {
    let declined = app.tools.decline_request(&id, body, &principal);
    Ok(Json(declined.await?))
}
