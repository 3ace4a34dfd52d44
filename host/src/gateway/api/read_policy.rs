//! `POST /api/plugins/{id}/policy`.

use std::sync::Arc;

use alcove_api_types::{PolicyRead, ReadPolicy};
use axum::extract::{Path, State};

use crate::app::App;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;

/// What a policy would grant a plugin, beside what its author asks for; grants nothing.
pub(in crate::gateway) async fn read_policy(
    State(app): State<Arc<App>>,
    Caller(_): Caller,
    Path(id): Path<String>,
    Json(body): Json<ReadPolicy>,
) -> Result<Json<PolicyRead>, ApiError> {
    let read = app.tools.read_policy(&id, body.policy.as_deref());
    Ok(Json(read.await?))
}
