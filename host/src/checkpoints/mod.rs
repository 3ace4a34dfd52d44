//! Checkpoints: saving what a conversation is under a name, comparing, and going back.
//!
//! Restoring opens a new branch and leaves every other one as it is, so switching back undoes it.
//! No tool runs again for it: results come from the log, files from what was saved. What is granted
//! then is what is granted; the answer says what is not as it was.

mod capture;
mod compare;
mod error;
mod name;
mod pack;
mod restore;
mod save;
mod wire;

use alcove_core::checkpoint::Drift;

use alcove_core::ids::ConversationId;

use crate::accounts::Principal;
use crate::assets::AssetStore;
use crate::inference::Models;
use crate::store::log::{Checkpoint, ItemLog};
use crate::tools::Tools;
use crate::workspaces::{Place, Workspaces};

pub use compare::{Comparison, Message};
pub use error::CheckpointError;
pub use name::{Reference, checked_name};
pub use wire::{drift_to_wire, to_wire};

/// Checkpoints: a cheap handle.
#[derive(Clone)]
pub struct Checkpoints {
    log: ItemLog,
    assets: AssetStore,
    workspaces: Workspaces,
    models: Models,
    tools: Tools,
}

/// What was restored.
#[derive(Debug)]
pub struct Restored {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// The new branch, which the conversation goes on with.
    pub place: Place,
    /// What is not as it was; nothing where all is.
    pub drift: Vec<Drift>,
}

impl Checkpoints {
    /// The branch that a conversation goes on with.
    pub async fn place(
        &self,
        principal: &Principal,
        conversation: ConversationId,
    ) -> Result<Place, CheckpointError> {
        let view = self.log.conversation(principal, conversation).await?;
        Ok(Place {
            conversation,
            branch: view.branch.id,
        })
    }

    /// Goes on with another branch.
    pub async fn switch(&self, principal: &Principal, to: Place) -> Result<(), CheckpointError> {
        let switched = self.log.switch(principal, to.conversation, to.branch);
        Ok(switched.await?)
    }

    /// Checkpoints over these.
    pub fn new(
        log: ItemLog,
        assets: AssetStore,
        workspaces: Workspaces,
        models: Models,
        tools: Tools,
    ) -> Checkpoints {
        Checkpoints {
            log,
            assets,
            workspaces,
            models,
            tools,
        }
    }
}
