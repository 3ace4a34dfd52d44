//! Where a run belongs, and what is there already.

use std::sync::Arc;

use alcove_core::{
    ids::{ConversationId, ResponseId},
    item::Item,
};

use super::{Runs, StartError, Target, ValidRequest};
use crate::{
    accounts::Principal,
    store::log::{At, LogError, Target as LogTarget},
    workspaces::Place,
};

/// What is known about where the run belongs, before anything is stored.
pub(super) struct Before {
    pub(super) target: LogTarget,
    /// The branch that has what the run goes on from, where it goes on from anything.
    pub(super) place: Option<Place>,
    /// Whether the run grows a new branch in place of that one.
    pub(super) forks: bool,
    /// Root to head.
    pub(super) items: Vec<Item>,
}

impl Runs {
    /// What is there already where the run belongs.
    pub(super) async fn before(
        &self,
        principal: &Principal,
        request: &ValidRequest,
    ) -> Result<Before, StartError> {
        let log = &self.inner.log;
        let fail = |error| self.refused(error, request);
        match request.target {
            Target::New if request.store => {
                let target = LogTarget::New(ConversationId::generate());
                Ok(Before {
                    target,
                    place: None,
                    forks: false,
                    items: Vec::new(),
                })
            }
            Target::New => Ok(Before {
                target: LogTarget::NotStored,
                place: None,
                forks: false,
                items: Vec::new(),
            }),
            Target::Conversation(id) => {
                let view = log.conversation(principal, id).await.map_err(fail)?;
                let items = log.path(principal, id, At::Current).await.map_err(fail)?;
                let target = LogTarget::Conversation(id);
                Ok(Before {
                    target,
                    place: Some(Place {
                        conversation: id,
                        branch: view.branch.id,
                    }),
                    forks: false,
                    items,
                })
            }
            Target::After(id) => {
                let stored = log.response(principal, id).await.map_err(fail)?;
                let Some(conversation) = stored.conversation else {
                    return Err(unknown_response(id));
                };
                // A response that is still being produced can't be gone on from: its branch is
                // busy with it.
                if let Some(run) = self.inner.registry.get(id)
                    && !run.is_ended()
                {
                    return Err(StartError::Busy { running: id });
                }
                let view = log
                    .conversation(principal, conversation)
                    .await
                    .map_err(fail)?;
                let is_head = view.last_response == Some(id);
                let items = log
                    .path(principal, conversation, At::Response(id))
                    .await
                    .map_err(fail)?;
                Ok(Before {
                    target: LogTarget::Previous(id),
                    place: stored.branch.map(|branch| Place {
                        conversation,
                        branch,
                    }),
                    forks: !is_head,
                    items,
                })
            }
        }
    }

    pub(super) fn refused(&self, error: LogError, request: &ValidRequest) -> StartError {
        match (error, request.target) {
            (LogError::NotFound { .. }, Target::Conversation(id)) => StartError::NotFound {
                param: "conversation",
                message: format!("there is no conversation {id}"),
            },
            (LogError::NotFound { .. }, Target::After(id)) => unknown_response(id),
            (LogError::Running(running), _) => StartError::Busy { running },
            (LogError::IdempotencyMismatch, _) => StartError::IdempotencyMismatch,
            (error, _) => StartError::Internal(Arc::new(error)),
        }
    }
}

pub(super) fn unknown_response(id: ResponseId) -> StartError {
    StartError::NotFound {
        param: "previous_response_id",
        message: format!("there is no response {id}"),
    }
}
