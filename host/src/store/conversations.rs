//! Conversations and their branches.

use alcove_core::ids::{BranchId, ConversationId, ItemId, OrganisationId, UserId};
use async_trait::async_trait;

use super::{StoreError, Text, WrappedRowKey};

/// A conversation, with its row's key.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ConversationRow {
    /// Its id.
    pub id: Text<ConversationId>,
    /// The organisation.
    pub organisation_id: Text<OrganisationId>,
    /// Whose it is.
    pub user_id: Text<UserId>,
    /// Sealed.
    pub title: Vec<u8>,
    /// The branch that last grew.
    pub current_branch_id: Text<BranchId>,
    /// When it began.
    pub created_at_ms: i64,
    /// When it last grew.
    pub updated_at_ms: i64,
    /// The row's key, wrapped.
    pub wrapped: Vec<u8>,
}

/// A branch: a named head.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct BranchRow {
    /// Its id.
    pub id: Text<BranchId>,
    /// The organisation.
    pub organisation_id: Text<OrganisationId>,
    /// Whose it is.
    pub user_id: Text<UserId>,
    /// Its conversation.
    pub conversation_id: Text<ConversationId>,
    /// Its name, unique in the conversation.
    pub name: String,
    /// Its last item; absent while it has none.
    pub head_item_id: Option<Text<ItemId>>,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it last grew.
    pub updated_at_ms: i64,
}

/// A conversation to be made, with its first branch.
#[derive(Debug, Clone)]
pub struct NewConversation {
    /// Its id.
    pub id: ConversationId,
    /// Sealed.
    pub title: Vec<u8>,
    /// The row's key.
    pub key: WrappedRowKey,
    /// The first branch, which becomes the current one.
    pub branch: BranchRow,
}

/// Conversations and their branches.
#[async_trait]
pub trait Conversations {
    /// Makes a conversation with its first branch.
    async fn insert_conversation(&self, new: &NewConversation) -> Result<(), StoreError>;

    /// A user's conversation.
    async fn conversation(
        &self,
        user: UserId,
        conversation: ConversationId,
    ) -> Result<Option<ConversationRow>, StoreError>;

    /// A user's conversations, the one that grew last first, from the one after `after` (when it
    /// last grew, and its id) on.
    async fn conversations(
        &self,
        user: UserId,
        after: Option<(i64, ConversationId)>,
        limit: u32,
    ) -> Result<Vec<ConversationRow>, StoreError>;

    /// Replaces a sealed title. Answers whether there is such a conversation.
    async fn set_title(
        &self,
        user: UserId,
        conversation: ConversationId,
        title: &[u8],
    ) -> Result<bool, StoreError>;

    /// Deletes a conversation: first the keys of all its rows, then the rows. Answers whether
    /// there was one.
    async fn delete_conversation(
        &self,
        user: UserId,
        conversation: ConversationId,
    ) -> Result<bool, StoreError>;

    /// A user's branch.
    async fn branch(&self, user: UserId, branch: BranchId)
    -> Result<Option<BranchRow>, StoreError>;

    /// A conversation's branches, oldest first.
    async fn branches(
        &self,
        user: UserId,
        conversation: ConversationId,
    ) -> Result<Vec<BranchRow>, StoreError>;

    /// Adds a branch. [`StoreError::Conflict`] where the name is taken.
    async fn insert_branch(&self, branch: &BranchRow) -> Result<(), StoreError>;
}
