//! Finding and stopping: from memory while it lasts, then from the store.

use std::sync::Arc;

use alcove_api_types::{
    ConversationRef, IncompleteDetails, Response, Route, ToolsOffered, UsedCheckpoint,
};
use alcove_core::ids::ResponseId;
use serde::Deserialize as _;

use super::{FindError, Run, Runs};
use crate::{
    accounts::Principal,
    store::{
        log::{LogError, StoredResponse},
        wire,
    },
};

/// A response that was found.
#[derive(Debug, Clone)]
pub enum Found {
    /// In progress, or ended a short while ago: its events can be read.
    Run(Run),
    /// Ended; only the response is left.
    Finished(Box<Response>),
}

impl Runs {
    /// The response with that id, if it is this person's.
    pub async fn find(&self, principal: &Principal, id: ResponseId) -> Result<Found, FindError> {
        let inner = &self.inner;
        inner.registry.sweep(inner.limits.retention);
        if let Some(run) = inner.registry.get(id) {
            // Somebody else's run gets the answer of an unknown one.
            return if run.user() == principal.user {
                Ok(Found::Run(run))
            } else {
                Err(FindError::NotFound(id.to_string()))
            };
        }
        match inner.log.response(principal, id).await {
            Ok(stored) => Ok(Found::Finished(Box::new(response(&stored)))),
            Err(LogError::NotFound { .. }) => Err(FindError::NotFound(id.to_string())),
            Err(error) => Err(FindError::Internal(Arc::new(error))),
        }
    }

    /// Stops a run and waits until what there is of it is stored. One that ended stays as it is.
    pub async fn stop(&self, principal: &Principal, id: ResponseId) -> Result<Response, FindError> {
        match self.find(principal, id).await? {
            Found::Run(run) => {
                run.stop_token().cancel();
                Ok(run.finished().await)
            }
            Found::Finished(response) => Ok(*response),
        }
    }
}

/// A stored response on the wire.
fn response(stored: &StoredResponse) -> Response {
    let metadata = stored
        .request
        .get(super::start::METADATA)
        .and_then(|value| value.as_object());
    let offered = stored.request.get(super::start::TOOLS_OFFERED);
    let route = stored.request.get(super::start::ROUTE);
    let checkpoint = stored.request.get(super::start::CHECKPOINT);
    Response {
        id: stored.id.to_string(),
        object: "response".to_owned(),
        created_at: stored.created_at_ms / 1000,
        status: stored.status,
        model: stored.model.clone(),
        output: stored.output.iter().map(wire::item).collect(),
        error: stored.error.clone(),
        incomplete_details: stored.incomplete.as_ref().map(|reason| IncompleteDetails {
            reason: reason.clone(),
        }),
        usage: stored.usage,
        conversation: stored
            .conversation
            .map(|id| ConversationRef::Object { id: id.to_string() }),
        previous_response_id: stored.previous.map(|id| id.to_string()),
        metadata: metadata.cloned().unwrap_or_default(),
        // What an older server stored has none.
        tools_offered: offered.and_then(|offered| ToolsOffered::deserialize(offered).ok()),
        route: route.and_then(|route| Route::deserialize(route).ok()),
        checkpoint: checkpoint.and_then(|used| UsedCheckpoint::deserialize(used).ok()),
    }
}
