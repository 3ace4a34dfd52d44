//! `GET /api/conversations/{id}`.

use std::collections::HashSet;
use std::sync::Arc;

use alcove_api_types::{
    Conversation, ConversationSummary, Ended, IncompleteDetails, ResponseStatus,
};
use axum::extract::{Path, State};

use super::conversation_id;
use crate::app::App;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;
use crate::store::log::{At, StoredResponse, Summary};
use crate::store::wire;

/// The path from the root to the head of the branch that last grew, and the run that goes on.
pub(in crate::gateway) async fn get_conversation(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Path(id): Path<String>,
) -> Result<Json<Conversation>, ApiError> {
    let id = conversation_id(&id)?;
    // The run first: one that ends while the path is read would otherwise be missing from both.
    let running = app
        .runs
        .running_in(id)
        .filter(|run| run.user() == principal.user);
    let view = app.log.conversation(&principal, id).await?;
    let path = app.log.path(&principal, id, At::Current).await?;
    let running = running.map(|run| run.snapshot());
    let ended = match view.last_response.filter(|_| running.is_none()) {
        Some(last) => ended(app.log.response(&principal, last).await?),
        None => None,
    };
    let of_the_run: HashSet<&str> = running
        .iter()
        .flat_map(|response| response.output.iter().map(|item| item.id()))
        .collect();
    let items = path
        .iter()
        .map(wire::item)
        .filter(|item| !of_the_run.contains(item.id()))
        .collect();
    Ok(Json(Conversation {
        last_response_id: view.last_response.map(|id| id.to_string()),
        summary: summary(view.summary),
        items,
        running,
        ended,
    }))
}

/// What is to be said of a response that did not come to its end.
fn ended(last: StoredResponse) -> Option<Ended> {
    let status = last.status;
    let is_short = matches!(
        status,
        ResponseStatus::Failed | ResponseStatus::Cancelled | ResponseStatus::Incomplete
    );
    is_short.then(|| Ended {
        response_id: last.id.to_string(),
        status,
        error: last.error,
        incomplete_details: last.incomplete.map(|reason| IncompleteDetails { reason }),
    })
}

pub(super) fn summary(row: Summary) -> ConversationSummary {
    let Summary {
        id,
        title,
        created_at_ms,
        updated_at_ms,
    } = row;
    ConversationSummary {
        id: id.to_string(),
        title,
        created_at_ms,
        updated_at_ms,
    }
}
