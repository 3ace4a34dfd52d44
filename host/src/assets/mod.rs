//! Assets: files that tools make and read, in a folder of the data folder.
//!
//! A file is sealed in chunks with a key of its own, which the user's key wraps: erasing the user
//! leaves noise. The same bytes of the same user are there once, found by a keyed hash.

mod files;
mod read;
mod write;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use alcove_core::ids::{AssetId, BlobId, ConversationId};

use crate::accounts::Principal;
use crate::store::log::{ItemLog, LogError, StoredAsset};
use crate::store::now_ms;

pub use crate::store::log::AssetDetail;
pub use read::AssetBytes;
pub use write::NewAssetBytes;

use files::BlobFiles;

/// What a call without a conversation made is there for this long, for whoever asked to fetch it;
/// so is what a call made that never came to its end.
const PASSING: Duration = Duration::from_secs(24 * 60 * 60);
/// The largest asset.
pub const MAX_ASSET_BYTES: u64 = 1 << 30;

/// What can go wrong with assets.
#[derive(Debug, thiserror::Error)]
pub enum AssetError {
    /// Their rows or keys.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Their files.
    #[error("cannot {attempt} a file of the assets' folder")]
    File {
        /// What was tried.
        attempt: &'static str,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A file is not what was written.
    #[error(
        "the file {blob} is not what was written: it was altered or damaged; restore it from a backup"
    )]
    Altered {
        /// Which.
        blob: BlobId,
    },
    /// More than an asset may have.
    #[error("an asset has at most {MAX_ASSET_BYTES} bytes")]
    TooLarge,
}

/// The assets of this server: a cheap handle.
#[derive(Clone)]
pub struct AssetStore {
    log: ItemLog,
    files: Arc<BlobFiles>,
}

impl AssetStore {
    /// Opens the folder; it is made the first time.
    pub fn open(folder: &Path, log: ItemLog) -> Result<AssetStore, AssetError> {
        Ok(AssetStore {
            log,
            files: Arc::new(BlobFiles::open(folder)?),
        })
    }

    /// Removes what is too old, and the files without a row that a killed server left.
    pub async fn recover_at_start(&self) -> Result<(), AssetError> {
        self.log.drop_passing_assets(oldest_ms()).await?;
        let used = self.log.blobs().await?;
        self.files.keep_only(used).await
    }

    /// Begins an asset.
    pub async fn create(&self, principal: &Principal) -> Result<NewAssetBytes, AssetError> {
        // Old passing ones make room first; where that fails they lie there until the next time.
        match self.log.drop_passing_assets(oldest_ms()).await {
            Ok(unused) => self.files.remove(unused).await,
            Err(error) => tracing::warn!(%error, "old assets could not be removed"),
        }
        let blob = self.log.new_blob(principal).await?;
        let hasher = self.log.asset_hasher(principal).await?;
        NewAssetBytes::create(&self.files, blob, hasher).await
    }

    /// Ends an asset that was written. It goes after a day unless it is kept.
    pub async fn finish(
        &self,
        principal: &Principal,
        conversation: Option<ConversationId>,
        plugin: &str,
        detail: &AssetDetail,
        bytes: NewAssetBytes,
    ) -> Result<AssetId, AssetError> {
        let written = bytes.end().await?;
        let own = written.blob.id;
        let added = self
            .log
            .add_asset(principal, conversation, plugin, detail, &written)
            .await;
        match added {
            Ok((asset, blob)) => {
                if blob != own {
                    self.files.remove(vec![own]).await;
                }
                Ok(asset)
            }
            Err(error) => {
                self.files.remove(vec![own]).await;
                Err(error.into())
            }
        }
    }

    /// Looks up an asset of a person.
    pub async fn find(
        &self,
        principal: &Principal,
        asset: AssetId,
    ) -> Result<Option<StoredAsset>, AssetError> {
        Ok(self.log.asset(principal, asset).await?)
    }

    /// Opens the bytes of an asset, from the beginning.
    pub async fn read(&self, asset: StoredAsset) -> Result<AssetBytes, AssetError> {
        AssetBytes::open(&self.files, asset).await
    }

    /// At the end of a call: keeps what it gave back, and removes the rest of what it made.
    pub async fn settle(
        &self,
        principal: &Principal,
        made: &[AssetId],
        returned: &[AssetId],
    ) -> Result<(), AssetError> {
        self.log.keep_assets(principal, returned).await?;
        let dropped: Vec<AssetId> = made
            .iter()
            .filter(|asset| !returned.contains(asset))
            .copied()
            .collect();
        if !dropped.is_empty() {
            let unused = self.log.drop_assets(principal, &dropped).await?;
            self.files.remove(unused).await;
        }
        Ok(())
    }

    /// Removes the files that nothing names any more, such as those of a deleted conversation.
    pub async fn sweep(&self) -> Result<(), AssetError> {
        let unused = self.log.drop_unused_blobs().await?;
        self.files.remove(unused).await;
        Ok(())
    }
}

/// What passes and was made before this moment is gone.
fn oldest_ms() -> i64 {
    now_ms() - i64::try_from(PASSING.as_millis()).unwrap_or(i64::MAX)
}
