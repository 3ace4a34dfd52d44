//! Saving.

use alcove_core::checkpoint::{FORMAT, Manifest};
use alcove_core::ids::ConversationId;

use super::name::{checked_name, checked_note};
use super::{CheckpointError, Checkpoints, Reference};
use crate::accounts::Principal;
use crate::store::log::{At, AuditEntry, Checkpoint, CheckpointLabel, LogError};

impl Checkpoints {
    /// Saves what a conversation is on the branch that it goes on with, as the next checkpoint of
    /// that name. Nothing runs on the branch meanwhile: the caller has seen to it.
    pub async fn save(
        &self,
        principal: &Principal,
        conversation: ConversationId,
        name: &str,
        note: &str,
    ) -> Result<Checkpoint, CheckpointError> {
        let (name, note) = (checked_name(name)?, checked_note(note)?);
        let place = self.place(principal, conversation).await?;
        let mut files = self.files(place).await?;
        let last = self.log.checkpoints(principal, conversation).await?;
        let last = match last.first() {
            Some(last) => self.log.manifest(principal, last.id).await?.ok(),
            None => None,
        };
        let (packed, pack) = self
            .pack(principal, place, &mut files, last.as_ref())
            .await?;
        let at = At::Branch(place.branch);
        let (state, _) = self.capture(principal, conversation, at, files).await?;
        let label = CheckpointLabel {
            name,
            note,
            hash: state.hash()?,
            items: state.head.as_ref().map_or(0, |head| head.items),
            files: state.files.len() as u64,
        };
        let manifest = Manifest {
            format: FORMAT,
            conversation,
            branch: place.branch,
            state,
            packed,
        };
        // Before the row that names it, or the row could name what is swept up.
        let pack: Vec<_> = pack.into_iter().collect();
        self.assets.settle(principal, &pack, &pack).await?;
        let saved = match self.log.save_checkpoint(principal, label, &manifest).await {
            Ok(saved) => saved,
            Err(error) => {
                self.assets.settle(principal, &pack, &[]).await?;
                return Err(error.into());
            }
        };
        self.write_down("checkpoint_save", principal, &saved)
            .await?;
        Ok(saved)
    }

    /// The checkpoint that is meant; a name is one of the conversation's.
    pub async fn find(
        &self,
        principal: &Principal,
        conversation: Option<ConversationId>,
        reference: &Reference,
    ) -> Result<Checkpoint, CheckpointError> {
        let missing = LogError::NotFound { what: "checkpoint" };
        let found = match (reference, conversation) {
            (Reference::Id(id), _) => self.log.checkpoint(principal, *id).await?,
            (Reference::Name(name), Some(conversation)) => {
                let named = self.log.checkpoint_named(principal, conversation, name);
                named.await?
            }
            (Reference::Name(_), None) => return Err(missing.into()),
        };
        match conversation.is_none_or(|conversation| conversation == found.conversation) {
            true => Ok(found),
            false => Err(missing.into()),
        }
    }

    /// Deletes a checkpoint, and what it alone kept.
    pub async fn delete(
        &self,
        principal: &Principal,
        checkpoint: &Checkpoint,
    ) -> Result<(), CheckpointError> {
        self.log.delete_checkpoint(principal, checkpoint.id).await?;
        self.assets.sweep().await?;
        self.write_down("checkpoint_delete", principal, checkpoint)
            .await
    }

    pub(super) async fn write_down(
        &self,
        action: &'static str,
        principal: &Principal,
        checkpoint: &Checkpoint,
    ) -> Result<(), CheckpointError> {
        let label = &checkpoint.label;
        let entry = AuditEntry {
            organisation: principal.organisation,
            user: principal.user,
            action,
            subject: checkpoint.id.to_string(),
            outcome: "ok".to_owned(),
            conversation: Some(checkpoint.conversation),
            item: None,
            detail: serde_json::json!({
                "name": label.name,
                "version": checkpoint.version,
                "hash": label.hash,
            }),
        };
        Ok(self.log.audit(entry).await?)
    }
}
