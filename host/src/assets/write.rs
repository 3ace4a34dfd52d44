//! Writing an asset: chunk by chunk, sealed before it reaches the disk.

use std::io::Write as _;
use std::sync::Arc;

use alcove_core::ids::BlobId;
use cap_std::fs::File;

use super::files::{BlobFiles, CHUNK_BYTES, blocking};
use super::{AssetError, MAX_ASSET_BYTES};
use crate::store::log::{LogError, NewBlob, WrittenBlob};

/// An asset that is being written. Dropped before its end, it leaves nothing behind.
pub struct NewAssetBytes {
    blob: NewBlob,
    file: Arc<File>,
    unfinished: Unfinished,
    hasher: blake3::Hasher,
    /// Less than a chunk, or a whole one that may turn out to be the last.
    pending: Vec<u8>,
    chunks: u64,
    size: u64,
}

impl NewAssetBytes {
    pub(super) async fn create(
        files: &Arc<BlobFiles>,
        blob: NewBlob,
        hasher: blake3::Hasher,
    ) -> Result<NewAssetBytes, AssetError> {
        Ok(NewAssetBytes {
            file: Arc::new(files.create(blob.id).await?),
            unfinished: Unfinished {
                files: Arc::clone(files),
                blob: Some(blob.id),
            },
            blob,
            hasher,
            pending: Vec::with_capacity(CHUNK_BYTES),
            chunks: 0,
            size: 0,
        })
    }

    /// How many bytes it has so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds bytes.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<(), AssetError> {
        self.size += bytes.len() as u64;
        if self.size > MAX_ASSET_BYTES {
            return Err(AssetError::TooLarge);
        }
        self.hasher.update(bytes);
        let mut sealed = Vec::new();
        while !bytes.is_empty() {
            if self.pending.len() == CHUNK_BYTES {
                self.seal(false, &mut sealed)?;
            }
            let room = CHUNK_BYTES - self.pending.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.pending.extend_from_slice(now);
            bytes = later;
        }
        self.put(sealed).await
    }

    /// Writes the last chunk, and waits until all of it is on the disk.
    pub(super) async fn end(mut self) -> Result<WrittenBlob, AssetError> {
        let mut sealed = Vec::new();
        self.seal(true, &mut sealed)?;
        self.put(sealed).await?;
        let file = Arc::clone(&self.file);
        blocking("write", move || file.sync_all()).await?;
        self.unfinished.blob = None;
        Ok(WrittenBlob {
            blob: self.blob,
            address: *self.hasher.finalize().as_bytes(),
            size: self.size,
        })
    }

    fn seal(&mut self, is_last: bool, to: &mut Vec<u8>) -> Result<(), AssetError> {
        let key = &self.blob.key;
        let chunk = key.seal_chunk(self.chunks, is_last, &self.pending);
        to.extend_from_slice(&chunk.map_err(LogError::from)?);
        self.pending.clear();
        self.chunks += 1;
        Ok(())
    }

    async fn put(&self, sealed: Vec<u8>) -> Result<(), AssetError> {
        if sealed.is_empty() {
            return Ok(());
        }
        let file = Arc::clone(&self.file);
        blocking("write", move || (&*file).write_all(&sealed)).await
    }
}

/// A file that goes unless its writing ends well.
struct Unfinished {
    files: Arc<BlobFiles>,
    blob: Option<BlobId>,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(blob) = self.blob {
            self.files.remove_now(blob);
        }
    }
}
