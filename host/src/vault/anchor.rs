//! How far this server's audit chain goes, noted beside the keys: a chain that was cut at its end
//! is whole, and only somebody who knows how long it was can tell.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::VaultError;
use super::master::failed;

const ANCHOR_FILE: &str = "audit-tail.json";
/// A longer file is something else.
const MAX_FILE_BYTES: u64 = 64 << 10;
/// The most gaps that are remembered; the newest are.
const MAX_GAPS: usize = 256;

/// What this server knows of its audit chain without the database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditAnchor {
    /// The last entry that it has written.
    pub last: i64,
    /// Entries that it had written and did not find again.
    pub gaps: Vec<AuditGap>,
}

/// Entries that are gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditGap {
    /// The first of them.
    pub from: i64,
    /// The last of them.
    pub to: i64,
    /// When that was noticed.
    pub at_ms: i64,
}

impl AuditAnchor {
    /// The entries that are missing where the chain in the database ends with `last`.
    pub fn missing_after(&self, last: i64, at_ms: i64) -> Option<AuditGap> {
        (last < self.last).then(|| AuditGap {
            from: last + 1,
            to: self.last,
            at_ms,
        })
    }

    /// Remembers a gap. The chain goes on behind it: its places are not taken again.
    pub fn remember(&mut self, gap: AuditGap) {
        self.gaps.push(gap);
        let above = self.gaps.len().saturating_sub(MAX_GAPS);
        self.gaps.drain(..above);
    }

    pub(super) fn read(folder: &Path) -> Result<AuditAnchor, VaultError> {
        let path = folder.join(ANCHOR_FILE);
        let length = match fs::metadata(&path) {
            Ok(meta) => meta.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(AuditAnchor::default());
            }
            Err(error) => return Err(failed("read", &path)(error)),
        };
        if length > MAX_FILE_BYTES {
            return Err(VaultError::NotAKey { path });
        }
        let bytes = fs::read(&path).map_err(failed("read", &path))?;
        serde_json::from_slice(&bytes).map_err(|_| VaultError::NotAKey { path })
    }

    /// Replaces the file. It is not synced: the entries are, before, so that what a power failure
    /// leaves of it is never ahead of them.
    pub(super) fn write(&self, folder: &Path) -> Result<(), VaultError> {
        let path = folder.join(ANCHOR_FILE);
        let written = || -> io::Result<()> {
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            file.write_all(&serde_json::to_vec(self)?)?;
            file.persist(&path).map_err(|error| error.error)?;
            Ok(())
        };
        written().map_err(failed("write", &path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_and_is_gone_is_a_gap_that_stays_known() {
        let folder = tempfile::tempdir().unwrap();
        let mut anchor = AuditAnchor::read(folder.path()).unwrap();
        assert_eq!(anchor.missing_after(0, 5), None);
        anchor.last = 90;
        anchor.write(folder.path()).unwrap();
        let mut anchor = AuditAnchor::read(folder.path()).unwrap();
        assert_eq!(anchor.missing_after(90, 5), None);
        let gap = anchor.missing_after(57, 5).unwrap();
        assert_eq!((gap.from, gap.to), (58, 90));
        for _ in 0..2 * MAX_GAPS {
            anchor.remember(gap.clone());
        }
        anchor.write(folder.path()).unwrap();
        let anchor = AuditAnchor::read(folder.path()).unwrap();
        assert_eq!((anchor.last, anchor.gaps.len()), (90, MAX_GAPS));
    }

    #[test]
    fn another_file_in_its_place_is_named() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["", "{}", "{\"last\":1,\"gaps\":[],\"more\":1}"] {
            fs::write(folder.path().join(ANCHOR_FILE), text).unwrap();
            let read = AuditAnchor::read(folder.path());
            assert!(matches!(read, Err(VaultError::NotAKey { .. })), "{text}");
        }
    }
}
