//! A run that goes on from a checkpoint: it is restored first, and left again where the run does
//! not start.

use std::sync::Arc;

use alcove_api_types::{LoadedCheckpoint, UsedCheckpoint};

use super::{InvalidRequest, Runs, StartError, Target, ValidRequest};
use crate::{
    accounts::Principal,
    checkpoints::{CheckpointError, Restored, drift_to_wire, to_wire},
    store::log::LogError,
    workspaces::Place,
};

/// A checkpoint that was restored for a run.
pub(super) struct Loaded {
    restored: Restored,
    before: Place,
}

impl Loaded {
    pub(super) fn to_wire(&self) -> UsedCheckpoint {
        let (fidelity, drift) = drift_to_wire(self.restored.drift.clone());
        UsedCheckpoint {
            loaded: Some(LoadedCheckpoint {
                checkpoint: to_wire(self.restored.checkpoint.clone()),
                fidelity,
                drift,
            }),
            ..UsedCheckpoint::default()
        }
    }
}

impl Runs {
    /// Restores the checkpoint that the request names. The request then goes on from there.
    pub(super) async fn load(
        &self,
        principal: &Principal,
        mut request: ValidRequest,
    ) -> Result<(ValidRequest, Option<Loaded>), StartError> {
        let Some(reference) = &request.load else {
            return Ok((request, None));
        };
        let conversation = match request.target {
            Target::Conversation(id) => Some(id),
            Target::New | Target::After(_) => None,
        };
        if let Some(running) = conversation.and_then(|id| self.running_in(id)) {
            return Err(StartError::Busy {
                running: running.id(),
            });
        }
        let loading = self.inner.moments.load(principal, conversation, reference);
        let (restored, before) = loading.await.map_err(refused)?;
        request.target = Target::Conversation(restored.place.conversation);
        Ok((request, Some(Loaded { restored, before })))
    }

    /// Goes on where the conversation was before.
    pub(super) async fn unload(&self, principal: &Principal, loaded: Option<Loaded>) {
        let Some(loaded) = loaded else {
            return;
        };
        let unloaded = self.inner.moments.unload(principal, loaded.before).await;
        if let Err(error) = unloaded {
            tracing::warn!(%error, "a conversation stays at the checkpoint that was loaded");
        }
    }
}

fn refused(error: CheckpointError) -> StartError {
    let message = error.to_string();
    match error {
        CheckpointError::Log(LogError::NotFound { .. }) => StartError::NotFound {
            param: "alcove:checkpoint",
            message: "there is no such checkpoint: see `GET /api/conversations/{id}/checkpoints`"
                .to_owned(),
        },
        CheckpointError::Damaged(_) | CheckpointError::Manifest(_) => {
            InvalidRequest::new("alcove:checkpoint", message).into()
        }
        error => StartError::Internal(Arc::new(error)),
    }
}
