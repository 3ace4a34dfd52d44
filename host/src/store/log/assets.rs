//! Assets in clear: this seals and opens what is said of them, and hands out the keys of their
//! files.

use alcove_core::canonical;
use alcove_core::ids::{AssetId, BlobId, ConversationId};
use serde::{Deserialize, Serialize};

use super::{ItemLog, LogError};
use crate::accounts::Principal;
use crate::store::{NewAsset, WrappedRowKey, now_ms};
use crate::vault::{RowKey, VaultError};

/// What is said of an asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetDetail {
    /// Such as `image/png`.
    pub media_type: String,
    /// What it would be called as a file.
    pub name: Option<String>,
}

/// A file that is to be written: its name and its key.
pub struct NewBlob {
    /// The file's name.
    pub id: BlobId,
    /// The key that seals it.
    pub key: RowKey,
    wrapped: WrappedRowKey,
}

/// A file that was written.
pub struct WrittenBlob {
    /// The file.
    pub blob: NewBlob,
    /// The keyed hash of what is in it, made with [`ItemLog::asset_hasher`].
    pub address: [u8; 32],
    /// Its size.
    pub size: u64,
}

/// An asset as the log read it.
pub struct StoredAsset {
    /// The conversation that holds it.
    pub conversation: Option<ConversationId>,
    /// What is said of it.
    pub detail: AssetDetail,
    /// Its size.
    pub size: u64,
    /// The file.
    pub blob: BlobId,
    /// The key that opens it.
    pub blob_key: RowKey,
}

impl ItemLog {
    /// A new file's name and key.
    pub async fn new_blob(&self, principal: &Principal) -> Result<NewBlob, LogError> {
        let id = BlobId::generate();
        let row = id.to_string();
        let (key, wrapped) = self.user_key(principal.user).await?.new_row_key(&row)?;
        Ok(NewBlob {
            id,
            key,
            wrapped: WrappedRowKey {
                row,
                user: principal.user,
                wrapped,
            },
        })
    }

    /// Hashes what is in a user's files, so that the same bytes are found again. Nobody without the
    /// user's key can tell from it what they are.
    pub async fn asset_hasher(&self, principal: &Principal) -> Result<blake3::Hasher, LogError> {
        let user = self.user_key(principal.user).await?;
        Ok(blake3::Hasher::new_keyed(
            &user.derive("alcove 1 address of an asset"),
        ))
    }

    /// Adds an asset, which is not kept yet. Answers its id and the file that has its bytes, which
    /// is another one where the user had the same bytes before.
    pub async fn add_asset(
        &self,
        principal: &Principal,
        conversation: Option<ConversationId>,
        plugin: &str,
        detail: &AssetDetail,
        written: &WrittenBlob,
    ) -> Result<(AssetId, BlobId), LogError> {
        let id = AssetId::generate();
        let row = id.to_string();
        let (key, wrapped) = self.user_key(principal.user).await?.new_row_key(&row)?;
        let detail = key.seal("detail", canonical::json(detail)?.as_bytes())?;
        let asset = NewAsset {
            id,
            organisation: principal.organisation,
            user: principal.user,
            conversation,
            plugin: plugin.to_owned(),
            detail,
            key: WrappedRowKey {
                row,
                user: principal.user,
                wrapped,
            },
            blob: written.blob.id,
            blob_key: written.blob.wrapped.clone(),
            address: written.address,
            size_bytes: i64::try_from(written.size).unwrap_or(i64::MAX),
            now_ms: now_ms(),
        };
        let blob = self.store.insert_asset(&asset).await?;
        Ok((id, blob))
    }

    /// One asset of a person.
    pub async fn asset(
        &self,
        principal: &Principal,
        asset: AssetId,
    ) -> Result<Option<StoredAsset>, LogError> {
        let (Some(user), Some(row)) = (
            self.existing_user_key(principal.user).await?,
            self.store.asset(principal.user, asset).await?,
        ) else {
            return Ok(None);
        };
        let tampered = || LogError::TamperedRow {
            row: asset.to_string(),
        };
        let altered = |error| match error {
            VaultError::Altered => tampered(),
            other => LogError::Vault(other),
        };
        let blob = row.blob_id.0;
        let detail = user
            .open_row_key(&asset.to_string(), &row.wrapped)
            .and_then(|key| key.open("detail", &row.detail))
            .map_err(altered)?;
        Ok(Some(StoredAsset {
            conversation: row.conversation_id.map(|id| id.0),
            detail: serde_json::from_slice(&detail).map_err(|_| tampered())?,
            size: u64::try_from(row.size_bytes).map_err(|_| tampered())?,
            blob,
            blob_key: user
                .open_row_key(&blob.to_string(), &row.blob_wrapped)
                .map_err(altered)?,
        }))
    }

    /// Keeps assets that a call gave back.
    pub async fn keep_assets(
        &self,
        principal: &Principal,
        assets: &[AssetId],
    ) -> Result<(), LogError> {
        Ok(self.store.keep_assets(principal.user, assets).await?)
    }

    /// Removes assets that a call made and did not give back; answers the files that nothing needs
    /// any more.
    pub async fn drop_assets(
        &self,
        principal: &Principal,
        assets: &[AssetId],
    ) -> Result<Vec<BlobId>, LogError> {
        self.store.drop_assets(principal.user, assets).await?;
        Ok(self.store.drop_unused_blobs().await?)
    }

    /// Removes what no call gave back and what no conversation holds, from before a moment; answers
    /// the files that nothing needs any more.
    pub async fn drop_passing_assets(&self, before_ms: i64) -> Result<Vec<BlobId>, LogError> {
        self.store.drop_passing_assets(before_ms).await?;
        Ok(self.store.drop_unused_blobs().await?)
    }

    /// Removes the rows and keys of files that no asset names any more; answers which.
    pub async fn drop_unused_blobs(&self) -> Result<Vec<BlobId>, LogError> {
        Ok(self.store.drop_unused_blobs().await?)
    }

    /// The files that are in use.
    pub async fn blobs(&self) -> Result<Vec<BlobId>, LogError> {
        Ok(self.store.blobs().await?)
    }
}
