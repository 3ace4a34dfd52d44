//! How much more a guest may write into a folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use crate::refusal::Refusal;
use crate::report::LimitHit;
use crate::shared::Shared;
use crate::show;

/// What every file and folder counts beside its content, so that empty ones are bounded too.
pub(super) const ENTRY_BYTES: u64 = 4 << 10;

/// The name of the limit.
pub(crate) const LIMIT: &str = "files";

/// The room of one folder. What is written is added up; when that reaches the quota, the folder is
/// looked at again, since something may have been removed or written over.
#[derive(Debug, Clone)]
pub(super) struct Room(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    mount: String,
    quota: u64,
    used: Mutex<Option<u64>>,
}

impl Room {
    pub(super) fn new(folder: PathBuf, mount: String, quota: u64) -> Room {
        Room(Arc::new(Inner {
            folder,
            mount,
            quota,
            used: Mutex::new(None),
        }))
    }

    /// Takes so many bytes of it, before they are written.
    pub(super) fn take(&self, bytes: u64, shared: &Shared) -> Result<(), ErrorCode> {
        let Inner {
            folder,
            mount,
            quota,
            used,
        } = &*self.0;
        let mut used = used.lock().unwrap_or_else(PoisonError::into_inner);
        let after = |used: u64| used.saturating_add(bytes);
        let now = match *used {
            Some(used) if after(used) <= *quota => used,
            _ => measure(folder, *quota),
        };
        if after(now) > *quota {
            *used = None;
            shared.refuse(Refusal::Limit(LimitHit {
                name: LIMIT,
                allowed: format!("{} in {mount}", show::bytes(*quota)),
            }));
            return Err(ErrorCode::Quota);
        }
        *used = Some(after(now));
        Ok(())
    }
}

/// The bytes of a folder and of all that is in it, counted until they are more than `enough`. What
/// cannot be read counts as empty: the guest cannot write there either.
fn measure(folder: &Path, enough: u64) -> u64 {
    let mut bytes = 0u64;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            bytes = bytes.saturating_add(ENTRY_BYTES);
            // Of the entry itself: a link's target is not followed.
            if let Ok(metadata) = entry.metadata() {
                if metadata.is_dir() {
                    folders.push(entry.path());
                } else {
                    bytes = bytes.saturating_add(metadata.len());
                }
            }
            if bytes > enough {
                return bytes;
            }
        }
    }
    bytes
}
