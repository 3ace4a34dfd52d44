//! The append-only tree of items.

use alcove_core::ids::{BranchId, ConversationId, ItemId, OrganisationId, ResponseId, UserId};
use async_trait::async_trait;

use super::{EndRow, StoreError, Text};

/// An item. There is no way to change one.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ItemRow {
    /// Its id.
    pub id: Text<ItemId>,
    /// The organisation.
    pub organisation_id: Text<OrganisationId>,
    /// Whose it is.
    pub user_id: Text<UserId>,
    /// Its conversation.
    pub conversation_id: Text<ConversationId>,
    /// The item before it.
    pub parent_id: Option<Text<ItemId>>,
    /// The response that it is part of.
    pub response_id: Option<Text<ResponseId>>,
    /// How many items are before it.
    pub depth: i64,
    /// `message` or `tool_call`.
    pub kind: String,
    /// Sealed.
    pub payload: Vec<u8>,
    /// Keyed hash over the item and its parent's hash.
    pub hash: Vec<u8>,
    /// When it was made.
    pub created_at_ms: i64,
}

/// An item as it is read, with its key.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct SealedItem {
    /// The item.
    #[sqlx(flatten)]
    pub row: ItemRow,
    /// The row's key, wrapped; absent where the item was forgotten.
    pub wrapped: Option<Vec<u8>>,
}

/// A new row's key, wrapped.
#[derive(Debug, Clone)]
pub struct WrappedRowKey {
    /// The row's id.
    pub row: String,
    /// Whose key wraps it.
    pub user: UserId,
    /// The key.
    pub wrapped: Vec<u8>,
}

/// What appending one item writes, all of it or nothing.
#[derive(Debug, Clone)]
pub struct AppendRows {
    /// The item.
    pub item: ItemRow,
    /// Its key.
    pub key: WrappedRowKey,
    /// The branch that it is appended to. Its head must be the item's parent.
    pub branch: BranchId,
    /// The sealed host record of a tool call.
    pub record: Option<Vec<u8>>,
    /// How the item's response ends, where it is the response's last.
    pub end: Option<EndRow>,
}

/// The append-only tree of items.
#[async_trait]
pub trait Items {
    /// Appends an item: the item with key and record, the branch's new head, the conversation's
    /// time, the removal of the item's draft, and the end of its response where given.
    ///
    /// [`StoreError::BranchMoved`] where the branch's head is not the item's parent,
    /// [`StoreError::NoConversation`] where conversation or branch are gone, and
    /// [`StoreError::Ended`] where the response had ended before.
    async fn append(&self, rows: &AppendRows) -> Result<(), StoreError>;

    /// One item.
    async fn item(&self, user: UserId, item: ItemId) -> Result<Option<SealedItem>, StoreError>;

    /// The path from the root to an item, oldest first; empty where there is no such item.
    async fn path(&self, user: UserId, head: ItemId) -> Result<Vec<SealedItem>, StoreError>;

    /// Every item of a conversation, parents before children.
    async fn items_of_conversation(
        &self,
        user: UserId,
        conversation: ConversationId,
    ) -> Result<Vec<SealedItem>, StoreError>;

    /// The sealed host record of an item.
    async fn record(&self, user: UserId, item: ItemId) -> Result<Option<Vec<u8>>, StoreError>;
}
