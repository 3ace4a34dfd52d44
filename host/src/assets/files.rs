//! The files of the assets' folder, by name.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::Arc;

use alcove_core::ids::BlobId;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, OpenOptions, OpenOptionsExt as _};

use super::AssetError;

/// Bytes of one chunk before it is sealed.
pub(super) const CHUNK_BYTES: usize = 64 << 10;

/// The folder.
pub(super) struct BlobFiles {
    dir: Arc<Dir>,
}

impl BlobFiles {
    pub(super) fn open(folder: &Path) -> Result<BlobFiles, AssetError> {
        let open = || {
            use std::os::unix::fs::DirBuilderExt as _;
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)?;
            Dir::open_ambient_dir(folder, ambient_authority())
        };
        let dir = open().map_err(|source| AssetError::File {
            attempt: "open",
            source,
        })?;
        Ok(BlobFiles { dir: Arc::new(dir) })
    }

    /// A new file, for its owner alone.
    pub(super) async fn create(&self, blob: BlobId) -> Result<File, AssetError> {
        self.with("make", move |dir| {
            let mut options = OpenOptions::new();
            options.write(true).create_new(true).mode(0o600);
            dir.open_with(blob.to_string(), &options)
        })
        .await
    }

    pub(super) async fn read(&self, blob: BlobId) -> Result<File, AssetError> {
        self.with("open", move |dir| dir.open(blob.to_string()))
            .await
    }

    /// Removes files. What cannot be removed is swept up at the next start.
    pub(super) async fn remove(&self, blobs: Vec<BlobId>) {
        if blobs.is_empty() {
            return;
        }
        let removed = self.with("remove", move |dir| {
            for blob in blobs {
                match dir.remove_file(blob.to_string()) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            Ok(())
        });
        if let Err(error) = removed.await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a file of an asset is left"
            );
        }
    }

    /// Removes a file that was begun: one call to the system, and nobody waits for it.
    pub(super) fn remove_now(&self, blob: BlobId) {
        if let Err(error) = self.dir.remove_file(blob.to_string()) {
            tracing::warn!(%error, "a file of an asset is left");
        }
    }

    /// Removes every file that is not in use.
    pub(super) async fn keep_only(&self, used: Vec<BlobId>) -> Result<(), AssetError> {
        self.with("remove", move |dir| {
            let used: HashSet<String> = used.iter().map(ToString::to_string).collect();
            for entry in dir.entries()? {
                let name = entry?.file_name();
                let name = name.to_string_lossy();
                // What is not ours is left alone.
                if name.parse::<BlobId>().is_ok() && !used.contains(name.as_ref()) {
                    dir.remove_file(name.as_ref())?;
                }
            }
            Ok(())
        })
        .await
    }

    /// Runs what works on the folder away from the async threads.
    async fn with<T: Send + 'static>(
        &self,
        attempt: &'static str,
        work: impl FnOnce(&Dir) -> io::Result<T> + Send + 'static,
    ) -> Result<T, AssetError> {
        let dir = Arc::clone(&self.dir);
        blocking(attempt, move || work(&dir)).await
    }
}

/// Runs what reads or writes a file away from the async threads.
pub(super) async fn blocking<T: Send + 'static>(
    attempt: &'static str,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, AssetError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(io::Error::other(error)))
        .map_err(|source| AssetError::File { attempt, source })
}
