//! Checkpoints: names for manifests. Both are sealed; a name is found by its keyed hash.

use alcove_core::ids::{AssetId, BranchId, CheckpointId, ConversationId, OrganisationId, UserId};
use async_trait::async_trait;

use super::{StoreError, Text, WrappedRowKey};

/// A checkpoint, with its row's key.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct CheckpointRow {
    /// Its id.
    pub id: Text<CheckpointId>,
    /// Its conversation.
    pub conversation_id: Text<ConversationId>,
    /// Which of those with its name.
    pub version: i64,
    /// Name, note and what a list shows, sealed.
    pub label: Vec<u8>,
    /// When it was saved.
    pub created_at_ms: i64,
    /// The row's key, wrapped.
    pub wrapped: Vec<u8>,
}

/// A checkpoint to be saved.
#[derive(Debug, Clone)]
pub struct NewCheckpoint {
    /// Its id.
    pub id: CheckpointId,
    /// The organisation.
    pub organisation: OrganisationId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// The keyed hash of its name.
    pub name_hash: [u8; 32],
    /// Name, note and what a list shows, sealed.
    pub label: Vec<u8>,
    /// Sealed.
    pub manifest: Vec<u8>,
    /// The row's key, which says whose it is.
    pub key: WrappedRowKey,
    /// The assets that hold its files.
    pub packs: Vec<AssetId>,
    /// Now.
    pub now_ms: i64,
    /// The most checkpoints that the conversation may have.
    pub most: i64,
}

/// Checkpoints.
#[async_trait]
pub trait Checkpoints {
    /// Saves a checkpoint as the next of its name; answers its version, or nothing where the
    /// conversation has as many as it may.
    async fn insert_checkpoint(&self, new: &NewCheckpoint) -> Result<Option<i64>, StoreError>;

    /// A user's checkpoint.
    async fn checkpoint(
        &self,
        user: UserId,
        checkpoint: CheckpointId,
    ) -> Result<Option<CheckpointRow>, StoreError>;

    /// The sealed manifest of a user's checkpoint.
    async fn checkpoint_manifest(
        &self,
        user: UserId,
        checkpoint: CheckpointId,
    ) -> Result<Option<Vec<u8>>, StoreError>;

    /// That version of a name, or the last one.
    async fn checkpoint_named(
        &self,
        user: UserId,
        conversation: ConversationId,
        name_hash: &[u8],
        version: Option<i64>,
    ) -> Result<Option<CheckpointRow>, StoreError>;

    /// A conversation's checkpoints, the last one first.
    async fn checkpoints(
        &self,
        user: UserId,
        conversation: ConversationId,
    ) -> Result<Vec<CheckpointRow>, StoreError>;

    /// Deletes a checkpoint: its key, its row, and the packs that no other one needs. Answers
    /// whether there was one.
    async fn delete_checkpoint(
        &self,
        user: UserId,
        checkpoint: CheckpointId,
    ) -> Result<bool, StoreError>;

    /// Makes a branch the one that a conversation goes on with. Answers whether it has it.
    async fn set_current_branch(
        &self,
        user: UserId,
        conversation: ConversationId,
        branch: BranchId,
        now_ms: i64,
    ) -> Result<bool, StoreError>;
}
