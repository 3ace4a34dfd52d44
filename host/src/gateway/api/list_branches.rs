//! `GET /api/conversations/{id}/branches`.

use std::sync::Arc;

use alcove_api_types as wire;
use alcove_core::ids::BranchId;
use axum::extract::{Path, State};

use super::conversation_id;
use crate::app::App;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;
use crate::store::log::Branch;

/// A conversation's branches, oldest first.
pub(in crate::gateway) async fn list_branches(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Path(id): Path<String>,
) -> Result<Json<Vec<wire::Branch>>, ApiError> {
    let id = conversation_id(&id)?;
    let current = app.log.conversation(&principal, id).await?.branch.id;
    let branches = app.log.branches(&principal, id).await?;
    let branches = branches.into_iter();
    Ok(Json(
        branches.map(|branch| to_wire(branch, current)).collect(),
    ))
}

pub(super) fn to_wire(branch: Branch, current: BranchId) -> wire::Branch {
    wire::Branch {
        id: branch.id.to_string(),
        name: branch.name,
        head_item_id: branch.head.map(|head| head.to_string()),
        is_current: branch.id == current,
        created_at_ms: branch.created_at_ms,
        updated_at_ms: branch.updated_at_ms,
    }
}
