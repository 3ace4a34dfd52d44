//! Assets: rows that say whose they are, beside files with their sealed bytes.

use alcove_core::ids::{AssetId, BlobId, ConversationId, OrganisationId, UserId};
use async_trait::async_trait;

use super::{StoreError, Text, WrappedRowKey};

/// One asset.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct AssetRow {
    /// Its id.
    pub id: Text<AssetId>,
    /// The conversation that holds it.
    pub conversation_id: Option<Text<ConversationId>>,
    /// The file.
    pub blob_id: Text<BlobId>,
    /// Its size.
    pub size_bytes: i64,
    /// Media type and name, sealed.
    pub detail: Vec<u8>,
    /// The wrapped key of the row.
    pub wrapped: Vec<u8>,
    /// The wrapped key of the file.
    pub blob_wrapped: Vec<u8>,
}

/// An asset to be kept track of. It is kept once [`Assets::keep_assets`] says so.
#[derive(Debug, Clone)]
pub struct NewAsset {
    /// Its id.
    pub id: AssetId,
    /// The organisation.
    pub organisation: OrganisationId,
    /// The user.
    pub user: UserId,
    /// The conversation.
    pub conversation: Option<ConversationId>,
    /// The plugin that made it.
    pub plugin: String,
    /// Media type and name, sealed.
    pub detail: Vec<u8>,
    /// The row's key.
    pub key: WrappedRowKey,
    /// The file that was written for it.
    pub blob: BlobId,
    /// The file's key.
    pub blob_key: WrappedRowKey,
    /// The keyed hash of what is in it.
    pub address: [u8; 32],
    /// Its size.
    pub size_bytes: i64,
    /// Now.
    pub now_ms: i64,
}

/// Assets.
#[async_trait]
pub trait Assets {
    /// Adds an asset. Answers the file that has its bytes: the new one, or one that the user had
    /// before with the same bytes.
    async fn insert_asset(&self, asset: &NewAsset) -> Result<BlobId, StoreError>;

    /// One asset of a user.
    async fn asset(&self, user: UserId, asset: AssetId) -> Result<Option<AssetRow>, StoreError>;

    /// Keeps assets that a call gave back.
    async fn keep_assets(&self, user: UserId, assets: &[AssetId]) -> Result<(), StoreError>;

    /// Removes assets of a user that are not kept.
    async fn drop_assets(&self, user: UserId, assets: &[AssetId]) -> Result<(), StoreError>;

    /// Removes what no call gave back, and what no conversation holds, from before a moment.
    async fn drop_passing_assets(&self, before_ms: i64) -> Result<(), StoreError>;

    /// Removes the rows and keys of files that no asset names any more; answers which.
    async fn drop_unused_blobs(&self) -> Result<Vec<BlobId>, StoreError>;

    /// The files that are in use.
    async fn blobs(&self) -> Result<Vec<BlobId>, StoreError>;
}
