//! `PUT /api/conversations/{id}/branch`.

use std::sync::Arc;

use alcove_api_types::{Branch, SwitchBranch};
use axum::extract::{Path, State};

use super::checkpoints::refuse_running;
use super::conversation_id;
use super::list_branches::to_wire;
use crate::app::App;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;

/// Goes on with another branch of the conversation.
pub(in crate::gateway) async fn switch_branch(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Path(id): Path<String>,
    Json(SwitchBranch { branch_id }): Json<SwitchBranch>,
) -> Result<Json<Branch>, ApiError> {
    let id = conversation_id(&id)?;
    app.log.conversation(&principal, id).await?;
    refuse_running(&app, id)?;
    let missing = || ApiError::NotFound("there is no such branch".to_owned());
    let branch = branch_id.parse().map_err(|_| missing())?;
    app.log.switch(&principal, id, branch).await?;
    let branches = app.log.branches(&principal, id).await?;
    let switched = branches.into_iter().find(|found| found.id == branch);
    Ok(Json(to_wire(switched.ok_or_else(missing)?, branch)))
}
