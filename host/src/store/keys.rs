//! Wrapped keys: one per user, one per row. What is sealed is forgotten by deleting one.

use alcove_core::ids::{ItemId, UserId};
use async_trait::async_trait;

use super::StoreError;

/// Wrapped keys.
#[async_trait]
pub trait Keys {
    /// A user's wrapped key.
    async fn user_key(&self, user: UserId) -> Result<Option<Vec<u8>>, StoreError>;

    /// Stores a user's wrapped key where there is none; answers the one that is there afterwards.
    async fn set_user_key_once(
        &self,
        user: UserId,
        wrapped: &[u8],
        now_ms: i64,
    ) -> Result<Vec<u8>, StoreError>;

    /// Whether there is any user's key.
    async fn has_user_keys(&self) -> Result<bool, StoreError>;

    /// A row's wrapped key.
    async fn row_key(&self, row: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Forgets one item: its key and its record. Answers whether there was a key.
    async fn forget_item(&self, user: UserId, item: ItemId) -> Result<bool, StoreError>;

    /// Erases a user: the user's key, the keys of all rows, and the drafts. The account stays.
    async fn erase_user(&self, user: UserId) -> Result<(), StoreError>;
}
