//! What the endpoints of checkpoints share.

use std::sync::Arc;

use alcove_core::ids::{CheckpointId, ConversationId};

use crate::accounts::Principal;
use crate::app::App;
use crate::checkpoints::{CheckpointError, Reference};
use crate::gateway::error::ApiError;
use crate::store::log::Checkpoint;

/// The caller's checkpoint with that id.
pub(super) async fn found(
    app: &App,
    principal: &Principal,
    id: &str,
) -> Result<Checkpoint, ApiError> {
    let shown: String = id.chars().take(64).collect();
    let missing = || ApiError::NotFound(format!("there is no checkpoint {shown}"));
    let id: CheckpointId = id.parse().map_err(|_| missing())?;
    let reference = Reference::Id(id);
    let found = app.checkpoints.find(principal, None, &reference).await;
    match found.map_err(ApiError::from) {
        Err(ApiError::NotFound(_)) => Err(missing()),
        found => found,
    }
}

/// Refuses while a response is being produced in the conversation: it would go on elsewhere.
pub(super) fn refuse_running(app: &Arc<App>, id: ConversationId) -> Result<(), ApiError> {
    match app.runs.running_in(id) {
        Some(run) => Err(CheckpointError::Running(run.id()).into()),
        None => Ok(()),
    }
}

impl From<CheckpointError> for ApiError {
    fn from(error: CheckpointError) -> ApiError {
        let message = error.to_string();
        let at_fault = |param: Option<&str>| ApiError::Unprocessable {
            param: param.map(str::to_owned),
            message: message.clone(),
        };
        match error {
            CheckpointError::Name => at_fault(Some("name")),
            CheckpointError::Note => at_fault(Some("note")),
            CheckpointError::TooMuch
            | CheckpointError::Damaged(_)
            | CheckpointError::Manifest(_) => at_fault(None),
            CheckpointError::Running(_) => ApiError::Conflict(message),
            CheckpointError::Log(error) => error.into(),
            CheckpointError::Asset(error) => error.into(),
            CheckpointError::Workspace(error) => error.into(),
            CheckpointError::Tools(error) => error.into(),
            CheckpointError::Canonical(error) => ApiError::internal(error),
        }
    }
}
