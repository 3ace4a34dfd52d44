//! Reading an asset: chunk by chunk, opened and checked.

use std::io::Read as _;
use std::sync::Arc;

use alcove_core::ids::BlobId;
use cap_std::fs::File;

use super::AssetError;
use super::files::{BlobFiles, CHUNK_BYTES, blocking};
use crate::store::log::StoredAsset;
use crate::vault::{RowKey, SEAL_BYTES};

/// The bytes of an asset, from the beginning.
pub struct AssetBytes {
    blob: BlobId,
    key: RowKey,
    file: Arc<File>,
    size: u64,
    /// Bytes that were read from the file, before they were opened.
    read: u64,
    chunks: u64,
    /// Opened, and not handed out yet.
    pending: Vec<u8>,
    handed_out: usize,
}

impl AssetBytes {
    pub(super) async fn open(
        files: &BlobFiles,
        asset: StoredAsset,
    ) -> Result<AssetBytes, AssetError> {
        Ok(AssetBytes {
            file: Arc::new(files.read(asset.blob).await?),
            blob: asset.blob,
            key: asset.blob_key,
            size: asset.size,
            read: 0,
            chunks: 0,
            pending: Vec::new(),
            handed_out: 0,
        })
    }

    /// The next bytes, at most `most`; empty at the end.
    pub async fn next(&mut self, most: usize) -> Result<Vec<u8>, AssetError> {
        let mut bytes = Vec::new();
        while bytes.len() < most {
            if self.handed_out == self.pending.len() && !self.fill().await? {
                break;
            }
            let left = &self.pending[self.handed_out..];
            let taken = left.len().min(most - bytes.len());
            bytes.extend_from_slice(&left[..taken]);
            self.handed_out += taken;
        }
        Ok(bytes)
    }

    /// Opens the next chunk that holds anything; `false` at the end.
    async fn fill(&mut self) -> Result<bool, AssetError> {
        let left = self.size - self.read;
        if left == 0 {
            return Ok(false);
        }
        let plain = left.min(CHUNK_BYTES as u64);
        let sealed_bytes = usize::try_from(plain).unwrap_or(CHUNK_BYTES) + SEAL_BYTES;
        let file = Arc::clone(&self.file);
        let sealed = blocking("read", move || {
            let mut sealed = vec![0; sealed_bytes];
            (&*file).read_exact(&mut sealed)?;
            Ok(sealed)
        })
        .await?;
        self.read += plain;
        let is_last = self.read == self.size;
        self.pending = self
            .key
            .open_chunk(self.chunks, is_last, &sealed)
            .map_err(|_| AssetError::Altered { blob: self.blob })?;
        self.chunks += 1;
        self.handed_out = 0;
        Ok(true)
    }
}
