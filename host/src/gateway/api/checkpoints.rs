//! Checkpoints on the wire.

use std::sync::Arc;

use alcove_api_types as wire;
use alcove_core::checkpoint::{Drift, DriftKind};
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

pub(super) fn to_wire(checkpoint: Checkpoint) -> wire::Checkpoint {
    let label = checkpoint.label;
    wire::Checkpoint {
        id: checkpoint.id.to_string(),
        conversation_id: checkpoint.conversation.to_string(),
        name: label.name,
        version: checkpoint.version,
        note: label.note,
        hash: label.hash,
        items: label.items,
        files: label.files,
        created_at_ms: checkpoint.created_at_ms,
    }
}

/// What is not as it was, and whether anything is not.
pub(super) fn drift_to_wire(drift: Vec<Drift>) -> (wire::Fidelity, Vec<wire::Drift>) {
    let fidelity = match drift.is_empty() {
        true => wire::Fidelity::Exact,
        false => wire::Fidelity::Degraded,
    };
    let drift = drift.into_iter().map(|drift| wire::Drift {
        kind: match drift.kind {
            DriftKind::Item => "item",
            DriftKind::Model => "model",
            DriftKind::Grant => "grant",
            DriftKind::Component => "component",
            DriftKind::Asset => "asset",
        }
        .to_owned(),
        subject: drift.subject,
        message: drift.message,
    });
    (fidelity, drift.collect())
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
