//! What a run needs of checkpoints: to begin at one, and to save one when it has ended.

use alcove_core::ids::ConversationId;
use async_trait::async_trait;

use crate::accounts::Principal;
use crate::checkpoints::{CheckpointError, Checkpoints, Reference, Restored};
use crate::store::log::Checkpoint;
use crate::workspaces::Place;

/// Checkpoints that a run may load and save.
#[async_trait]
pub trait Moments: Send + Sync + 'static {
    /// Restores a checkpoint, of that conversation where one is named. Answers it, and where the
    /// conversation was going on before.
    async fn load(
        &self,
        principal: &Principal,
        conversation: Option<ConversationId>,
        reference: &Reference,
    ) -> Result<(Restored, Place), CheckpointError>;

    /// Goes on where the conversation was before.
    async fn unload(&self, principal: &Principal, before: Place) -> Result<(), CheckpointError>;

    /// Saves what a conversation is now.
    async fn save(
        &self,
        principal: &Principal,
        conversation: ConversationId,
        name: &str,
    ) -> Result<Checkpoint, CheckpointError>;
}

#[async_trait]
impl Moments for Checkpoints {
    async fn load(
        &self,
        principal: &Principal,
        conversation: Option<ConversationId>,
        reference: &Reference,
    ) -> Result<(Restored, Place), CheckpointError> {
        let found = self.find(principal, conversation, reference).await?;
        let before = self.place(principal, found.conversation).await?;
        Ok((self.restore(principal, found).await?, before))
    }

    async fn unload(&self, principal: &Principal, before: Place) -> Result<(), CheckpointError> {
        self.switch(principal, before).await
    }

    async fn save(
        &self,
        principal: &Principal,
        conversation: ConversationId,
        name: &str,
    ) -> Result<Checkpoint, CheckpointError> {
        Checkpoints::save(self, principal, conversation, name, "").await
    }
}
