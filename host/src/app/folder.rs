//! The data folder: made on the first start, private to its owner, used by one server at a time.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt as _};

/// The data folder, held for as long as this lives.
#[derive(Debug)]
pub(super) struct DataFolder {
    path: PathBuf,
    dir: Dir,
    /// Its lock goes with the file, however the process ends.
    _lock: Lock,
}

/// Why the data folder can't be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It can't be made, opened or written.
    #[error("cannot {attempt} the data folder {}: set another with `data_dir`", path.display())]
    Unusable {
        /// What was tried.
        attempt: &'static str,
        /// Which folder.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// Another server works on it.
    #[error(
        "another Alcove server{} uses the data folder {}: stop it, or set another folder with `data_dir`",
        process(*pid), path.display()
    )]
    InUse {
        /// Which folder.
        path: PathBuf,
        /// The other server's process, where it said so.
        pid: Option<u32>,
    },
}

fn process(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
}

const LOCK: &str = "server.lock";

impl DataFolder {
    /// Makes the folder where there is none, and takes it for this process.
    pub(super) fn open(path: &Path) -> Result<DataFolder, FolderError> {
        let unusable = |attempt| {
            move |source| FolderError::Unusable {
                attempt,
                path: path.to_owned(),
                source,
            }
        };
        make_private(path).map_err(unusable("make"))?;
        // The database and the model read their files by path: a later change of the working
        // folder must not move it.
        let path = std::path::absolute(path).map_err(unusable("find"))?;
        let dir = Dir::open_ambient_dir(&path, ambient_authority()).map_err(unusable("open"))?;
        let lock = lock(&dir, &path)?;
        Ok(DataFolder {
            path,
            dir,
            _lock: lock,
        })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder itself.
    pub(super) fn dir(&self) -> &Dir {
        &self.dir
    }
}

fn make_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}

/// Locks `server.lock` and writes this process into it.
fn lock(dir: &Dir, path: &Path) -> Result<Lock, FolderError> {
    let unusable = |source| FolderError::Unusable {
        attempt: "lock",
        path: path.to_owned(),
        source,
    };
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).mode(0o600);
    let file = dir.open_with(LOCK, &options).map_err(unusable)?;
    let mut file = file.into_std();
    match file.try_lock() {
        Ok(()) => {}
        Err(std::fs::TryLockError::WouldBlock) => {
            return Err(FolderError::InUse {
                path: path.to_owned(),
                pid: holder(&mut file),
            });
        }
        Err(std::fs::TryLockError::Error(source)) => return Err(unusable(source)),
    }
    let write = |file: &mut File| -> std::io::Result<()> {
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())
    };
    write(&mut file).map_err(unusable)?;
    Ok(Lock(file))
}

/// The lock on a folder.
#[derive(Debug)]
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file would not do: a process that was forked and not yet replaced by its
        // program holds the file, and the lock with it. Where it fails, closing is what is left.
        let _ = self.0.unlock();
    }
}

/// The process that wrote itself into the lock file.
fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// Replaces a file of the folder in one step; only its owner may read it.
pub(super) fn write_whole(dir: &Dir, name: &str, text: &str) -> std::io::Result<()> {
    let temporary = format!("{name}.new");
    match dir.remove_file(&temporary) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = dir.open_with(&temporary, &options)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    dir.rename(&temporary, dir, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_free_once_it_is_dropped_whoever_still_holds_the_file() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("data");
        let folder = DataFolder::open(&path).unwrap();
        // What a process has that was forked a moment ago.
        let forked = folder._lock.0.try_clone().unwrap();
        assert!(matches!(
            DataFolder::open(&path),
            Err(FolderError::InUse { .. })
        ));
        drop(folder);
        DataFolder::open(&path).unwrap();
        drop(forked);
    }

    #[test]
    fn one_server_at_a_time() {
        let home = tempfile::tempdir().expect("a temporary folder");
        let path = home.path().join("data");
        let first = DataFolder::open(&path).expect("free");
        let message = DataFolder::open(&path).expect_err("taken").to_string();
        let me = format!("(process {})", std::process::id());
        assert!(message.contains(&me), "{message}");
        assert!(message.contains("`data_dir`"), "{message}");
        drop(first);
        DataFolder::open(&path).expect("free again");
    }

    #[test]
    fn is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().expect("a temporary folder");
        let path = home.path().join("data");
        let folder = DataFolder::open(&path).expect("free");
        write_whole(folder.dir(), "x", "1").expect("written");
        write_whole(folder.dir(), "x", "2").expect("written again");
        let mode = |path: &Path| {
            let metadata = std::fs::metadata(path).expect("there");
            metadata.permissions().mode() & 0o777
        };
        assert_eq!(mode(&path), 0o700);
        assert_eq!(mode(&path.join("x")), 0o600);
        assert_eq!(std::fs::read_to_string(path.join("x")).expect("text"), "2");
    }

    #[test]
    fn a_file_in_its_place_is_refused() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let message = DataFolder::open(file.path())
            .expect_err("a file")
            .to_string();
        assert!(message.contains("`data_dir`"), "{message}");
    }
}
