//! Remembers that a model file was checked, so that it is hashed again only after it changed.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What a file looked like when its sha256 was found right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stamp {
    sha256: String,
    bytes: u64,
    inode: u64,
    modified_ns: i128,
    changed_ns: i128,
}

impl Stamp {
    /// The stamp's place, for the model file `target`.
    pub(super) fn path_of(target: &Path) -> PathBuf {
        let mut name = target.as_os_str().to_owned();
        name.push(".verified");
        PathBuf::from(name)
    }

    /// Writes that `target` was found to have this sha256.
    pub(super) fn write(target: &Path, sha256: &str) -> io::Result<()> {
        let stamp = Stamp::of(&fs::metadata(target)?, sha256);
        fs::write(Self::path_of(target), serde_json::to_vec(&stamp)?)
    }

    /// Whether `target` was found to have this sha256 (any, where there is none) and has not
    /// changed since.
    pub(super) fn holds(target: &Path, sha256: Option<&str>) -> bool {
        let compare = || -> Option<bool> {
            let stamp = Stamp::read(target)?;
            let sha256 = sha256.unwrap_or(&stamp.sha256);
            Some(stamp == Stamp::of(&fs::metadata(target).ok()?, sha256))
        };
        compare().unwrap_or(false)
    }

    /// The sha256 that `target` had when it was last found right.
    pub(super) fn sha256_of(target: &Path) -> Option<String> {
        Stamp::read(target).map(|stamp| stamp.sha256)
    }

    fn read(target: &Path) -> Option<Stamp> {
        serde_json::from_slice(&fs::read(Self::path_of(target)).ok()?).ok()
    }

    fn of(metadata: &Metadata, sha256: &str) -> Stamp {
        let nanoseconds =
            |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
        Stamp {
            sha256: sha256.to_owned(),
            bytes: metadata.len(),
            inode: metadata.ino(),
            modified_ns: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            changed_ns: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_loses_its_stamp() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("model.gguf");
        fs::write(&file, b"abc").unwrap();
        assert!(!Stamp::holds(&file, Some("aa")));
        Stamp::write(&file, "aa").unwrap();
        assert!(Stamp::holds(&file, Some("aa")));
        assert!(!Stamp::holds(&file, Some("bb")));
        assert!(Stamp::holds(&file, None));
        assert_eq!(Stamp::sha256_of(&file).as_deref(), Some("aa"));
        fs::write(&file, b"abd").unwrap();
        assert!(!Stamp::holds(&file, Some("aa")));
    }
}
