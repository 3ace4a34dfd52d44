//! `GET /api/checkpoints/{id}/difference`.

use std::sync::Arc;

use alcove_api_types::{CheckpointDifference, ShownMessage};
use axum::extract::{Path, State};
use serde::Deserialize;

use super::checkpoints::found;
use crate::app::App;
use crate::checkpoints::Message;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;
use crate::gateway::query::Query;

/// The query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::gateway) struct Options {
    /// Another checkpoint of the conversation; what there is now where absent.
    to: Option<String>,
}

/// What differs between a checkpoint and another one, or now.
pub(in crate::gateway) async fn compare_checkpoint(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Path(id): Path<String>,
    Query(Options { to }): Query<Options>,
) -> Result<Json<CheckpointDifference>, ApiError> {
    let from = found(&app, &principal, &id).await?;
    let to = match to {
        Some(to) => Some(found(&app, &principal, &to).await?),
        None => None,
    };
    if let Some(to) = &to
        && to.conversation != from.conversation
    {
        return Err(ApiError::invalid(
            "to",
            "both checkpoints must be of one conversation",
        ));
    }
    let found = app.checkpoints.compare(&principal, &from, to.as_ref());
    let found = found.await?;
    let shown = |messages: Vec<Message>| messages.into_iter().map(shown).collect();
    Ok(Json(CheckpointDifference {
        common_items: found.common,
        only_here: shown(found.only_first),
        only_there: shown(found.only_second),
        files_added: found.files.added,
        files_removed: found.files.removed,
        files_changed: found.files.changed,
        models: found.models,
        grants: found.grants,
    }))
}

fn shown(message: Message) -> ShownMessage {
    ShownMessage {
        speaker: message.speaker.to_owned(),
        text: message.text,
    }
}
