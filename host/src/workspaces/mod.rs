//! The files of conversations: what people put there, and what tools see as `/workspace`. Each
//! branch of a conversation has its own.
//!
//! A guest writes here too, so names and links are hostile: everything goes through a handle of the
//! conversation's folder, which no path and no link leaves.

mod fork;
mod place;
mod restore;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use alcove_api_types::{WorkspaceFile, WorkspaceFiles};
use alcove_core::ids::{BranchId, ConversationId};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, DirEntry, File, Metadata};
use tempfile::TempDir;

pub use place::Place;

/// The most that people may put into one conversation's folder, with what is there already.
pub const MAX_WORKSPACE_BYTES: u64 = 256 << 20;
/// The most files that are listed.
pub const MAX_LISTED_FILES: usize = 1_000;
/// The most files that are looked at for one of a kind.
const MAX_VISITED_FILES: usize = 20_000;
/// How deep folders are looked into.
const MAX_DEPTH: usize = 16;
/// The longest path.
const MAX_PATH_BYTES: usize = 512;
/// What begins the name of a file that is being written.
const UNFINISHED: &str = ".alcove-upload-";

/// What can go wrong with a conversation's files.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// No such file.
    #[error("this conversation has no file `{0}`")]
    NotFound(String),
    /// A path that cannot be.
    #[error("{0}")]
    Path(&'static str),
    /// No room.
    #[error(
        "a conversation's files have at most {} MiB together: remove some first",
        MAX_WORKSPACE_BYTES >> 20
    )]
    Full,
    /// The disk.
    #[error("cannot {attempt} the conversation's files")]
    Disk {
        /// What was tried.
        attempt: &'static str,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

fn disk(attempt: &'static str) -> impl FnOnce(io::Error) -> WorkspaceError {
    move |source| WorkspaceError::Disk { attempt, source }
}

/// The folders of all conversations, `workspaces/` in the data folder: a cheap handle.
#[derive(Debug, Clone)]
pub struct Workspaces {
    root: Arc<Path>,
}

/// A path within a conversation's folder that is one: no root, no `..`, nothing unprintable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePath(String);

impl FilePath {
    /// Checks it.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(path: &str) -> Result<FilePath, WorkspaceError> {
        let parts: Vec<&str> = path.split('/').collect();
        if path.is_empty() || path.len() > MAX_PATH_BYTES || parts.len() > MAX_DEPTH {
            return Err(WorkspaceError::Path(
                "a file's path has 1 to 512 bytes and at most 16 parts",
            ));
        }
        if parts.iter().any(|part| matches!(*part, "" | "." | ".."))
            || path.chars().any(|char| char.is_control() || char == '\\')
            || parts.iter().any(|part| part.starts_with(UNFINISHED))
        {
            return Err(WorkspaceError::Path(
                "a file's path is relative, such as `data/table.csv`, without `..`, backslashes or control characters",
            ));
        }
        Ok(FilePath(path.to_owned()))
    }

    /// Its last part.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    fn parent(&self) -> Option<&str> {
        self.0.rsplit_once('/').map(|(parent, _)| parent)
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Workspaces {
    /// Those in this folder, which is made when it is first needed.
    #[must_use]
    pub fn new(root: &Path) -> Workspaces {
        Workspaces { root: root.into() }
    }

    /// The folder of a branch, made where it is not there.
    pub fn folder(&self, of: Place) -> io::Result<PathBuf> {
        let folder = self.path(of);
        std::fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// Where a branch's files are: in a folder of its own if it was forked, else in the
    /// conversation's.
    fn path(&self, of: Place) -> PathBuf {
        let own = self.own(of.branch);
        if own.is_dir() {
            return own;
        }
        self.root.join(of.conversation.to_string())
    }

    /// A folder for a call that belongs to no conversation; it goes with the handle.
    pub fn passing(&self) -> io::Result<TempDir> {
        std::fs::create_dir_all(&self.root)?;
        TempDir::new_in(&self.root)
    }

    /// Calls `each` with the path of every file, at most so many, until it says stop. It blocks.
    pub fn visit(
        &self,
        of: Place,
        mut each: impl FnMut(&str) -> bool,
    ) -> Result<(), WorkspaceError> {
        let mut left = MAX_VISITED_FILES;
        self.walk(of, |path, _| {
            left -= 1;
            each(path) && left > 0
        })
    }

    /// What there is, by path. It blocks.
    pub fn list(&self, of: Place) -> Result<WorkspaceFiles, WorkspaceError> {
        let mut found = WorkspaceFiles {
            max_bytes: MAX_WORKSPACE_BYTES,
            ..WorkspaceFiles::default()
        };
        self.walk(of, |path, metadata| {
            found.bytes = found.bytes.saturating_add(metadata.len());
            // What git keeps is of no use to people one by one.
            if path.starts_with(".git/") || path.contains("/.git/") {
                return true;
            }
            if found.files.len() == MAX_LISTED_FILES {
                found.more = true;
                return true;
            }
            let modified = metadata
                .modified()
                .ok()
                .map(cap_std::time::SystemTime::into_std);
            let modified = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            found.files.push(WorkspaceFile {
                path: path.to_owned(),
                bytes: metadata.len(),
                modified_at_ms: modified
                    .and_then(|time| i64::try_from(time.as_millis()).ok())
                    .unwrap_or_default(),
            });
            true
        })?;
        found.files.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(found)
    }

    /// The path of every file, or nothing where there are more than so many. It blocks.
    pub fn paths(&self, of: Place, most: usize) -> Result<Option<Vec<FilePath>>, WorkspaceError> {
        let mut paths = Vec::new();
        self.walk(of, |path, _| {
            // What is walked over is a path already.
            paths.extend(FilePath::parse(path));
            paths.len() <= most
        })?;
        Ok((paths.len() <= most).then_some(paths))
    }

    /// Calls `each` with every file until it says stop.
    fn walk(
        &self,
        of: Place,
        mut each: impl FnMut(&str, &Metadata) -> bool,
    ) -> Result<(), WorkspaceError> {
        let Some(folder) = self.open(of)? else {
            return Ok(());
        };
        let mut folders = vec![(String::new(), folder, 1)];
        while let Some((above, folder, depth)) = folders.pop() {
            for entry in folder.entries().map_err(disk("list"))? {
                let entry = entry.map_err(disk("list"))?;
                let Some((path, metadata)) = seen(&above, &entry) else {
                    continue;
                };
                if metadata.is_dir() {
                    if depth < MAX_DEPTH
                        && let Ok(inner) = entry.open_dir()
                    {
                        folders.push((path + "/", inner, depth + 1));
                    }
                } else if !each(&path, &metadata) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// A file to read, and its length. It blocks.
    pub fn read(&self, of: Place, path: &FilePath) -> Result<(File, u64), WorkspaceError> {
        let missing = || WorkspaceError::NotFound(path.0.clone());
        let folder = self.open(of)?.ok_or_else(missing)?;
        let metadata = folder.metadata(&path.0).map_err(|_| missing())?;
        // Opening anything else, a pipe say, could wait for ever.
        if !metadata.is_file() {
            return Err(missing());
        }
        let file = folder.open(&path.0).map_err(|_| missing())?;
        Ok((file, metadata.len()))
    }

    /// A file to write. It blocks.
    pub fn write(&self, of: Place, path: FilePath) -> Result<NewFile, WorkspaceError> {
        let mut used = 0_u64;
        self.walk(of, |_, metadata| {
            used = used.saturating_add(metadata.len());
            true
        })?;
        let made = self.folder(of).map_err(disk("make"))?;
        let folder = Dir::open_ambient_dir(made, ambient_authority()).map_err(disk("open"))?;
        if let Some(parent) = path.parent() {
            folder
                .create_dir_all(parent)
                .map_err(|_| WorkspaceError::Path("a part of the path is a file and no folder"))?;
        }
        if folder.metadata(&path.0).is_ok_and(|found| found.is_dir()) {
            return Err(WorkspaceError::Path("there is a folder of that name"));
        }
        let unfinished = format!("{UNFINISHED}{}", uuid::Uuid::now_v7());
        let file = folder.create(&unfinished).map_err(disk("write"))?;
        Ok(NewFile {
            folder,
            path,
            unfinished,
            file: Some(file),
            room: MAX_WORKSPACE_BYTES.saturating_sub(used),
        })
    }

    /// Removes a file. It blocks.
    pub fn remove_file(&self, of: Place, path: &FilePath) -> Result<(), WorkspaceError> {
        let missing = || WorkspaceError::NotFound(path.0.clone());
        let folder = self.open(of)?.ok_or_else(missing)?;
        folder.remove_file(&path.0).map_err(|_| missing())
    }

    /// Removes all files of a conversation with these branches. It blocks.
    pub fn remove(
        &self,
        conversation: ConversationId,
        branches: &[BranchId],
    ) -> Result<(), WorkspaceError> {
        for branch in branches {
            self.remove_branch(*branch)?;
        }
        match std::fs::remove_dir_all(self.root.join(conversation.to_string())) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(disk("remove")(error)),
            _ => Ok(()),
        }
    }

    fn open(&self, of: Place) -> Result<Option<Dir>, WorkspaceError> {
        match Dir::open_ambient_dir(self.path(of), ambient_authority()) {
            Ok(folder) => Ok(Some(folder)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(disk("open")(error)),
        }
    }
}

/// What is listed of an entry: its path, if a person can be shown that, and what it is. Links are
/// neither followed nor shown.
fn seen(above: &str, entry: &DirEntry) -> Option<(String, Metadata)> {
    let name = entry.file_name();
    let path = format!("{above}{}", name.to_str()?);
    FilePath::parse(&path).ok()?;
    let metadata = entry.metadata().ok()?;
    (metadata.is_file() || metadata.is_dir()).then_some((path, metadata))
}

/// A file that is being written: it gets its name when it is whole, and goes when it is dropped
/// before.
pub struct NewFile {
    folder: Dir,
    path: FilePath,
    unfinished: String,
    file: Option<File>,
    room: u64,
}

impl NewFile {
    /// Appends. It blocks.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), WorkspaceError> {
        self.room = self
            .room
            .checked_sub(bytes.len() as u64)
            .ok_or(WorkspaceError::Full)?;
        match &mut self.file {
            Some(file) => io::Write::write_all(file, bytes).map_err(disk("write")),
            None => Ok(()),
        }
    }

    /// Gives it its name, in place of what had it. It blocks.
    pub fn finish(mut self) -> Result<(), WorkspaceError> {
        self.file = None;
        self.folder
            .rename(&self.unfinished, &self.folder, &self.path.0)
            .map_err(disk("name"))
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // After `finish` there is none of that name.
        let _ = self.folder.remove_file(&self.unfinished);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place {
            conversation: ConversationId::generate(),
            branch: BranchId::generate(),
        }
    }

    fn put(files: &Workspaces, of: Place, path: &str, text: &str) {
        let mut file = files.write(of, FilePath::parse(path).unwrap()).unwrap();
        file.append(text.as_bytes()).unwrap();
        file.finish().unwrap();
    }

    #[test]
    fn a_path_stays_within() {
        for bad in [
            "",
            "/etc/passwd",
            "..",
            "a/../b",
            "a//b",
            "a/",
            "./a",
            "a\\b",
            "a\nb",
            ".alcove-upload-1",
        ] {
            assert!(FilePath::parse(bad).is_err(), "{bad:?}");
        }
        assert!(FilePath::parse(&"a/".repeat(17)).is_err());
        assert_eq!(FilePath::parse("data/ü b.csv").unwrap().name(), "ü b.csv");
    }

    #[test]
    fn files_are_written_whole_listed_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let files = Workspaces::new(dir.path());
        let of = place();
        assert!(files.list(of).unwrap().files.is_empty());
        put(&files, of, "b.txt", "old");
        put(&files, of, "b.txt", "new!");
        put(&files, of, "a/c.txt", "x");
        // One that breaks off leaves the old one, and nothing of its own.
        let mut broken = files.write(of, FilePath::parse("b.txt").unwrap()).unwrap();
        broken.append(b"half").unwrap();
        drop(broken);
        let listed = files.list(of).unwrap();
        let paths: Vec<_> = listed
            .files
            .iter()
            .map(|file| (file.path.as_str(), file.bytes))
            .collect();
        assert_eq!(paths, [("a/c.txt", 1), ("b.txt", 4)]);
        assert_eq!(listed.bytes, 5);
        let path = FilePath::parse("b.txt").unwrap();
        assert_eq!(files.read(of, &path).unwrap().1, 4);
        files.remove_file(of, &path).unwrap();
        assert!(matches!(
            files.read(of, &path),
            Err(WorkspaceError::NotFound(_))
        ));
        assert!(files.write(of, FilePath::parse("a").unwrap()).is_err());
        assert!(
            files
                .write(of, FilePath::parse("a/c.txt/d").unwrap())
                .is_err()
        );
        files.remove(of.conversation, &[of.branch]).unwrap();
        files.remove(of.conversation, &[of.branch]).unwrap();
        assert!(files.list(of).unwrap().files.is_empty());
    }

    #[test]
    fn links_lead_nowhere_and_there_is_only_so_much_room() {
        let dir = tempfile::tempdir().unwrap();
        let files = Workspaces::new(&dir.path().join("w"));
        let of = place();
        let folder = files.folder(of).unwrap();
        std::fs::write(dir.path().join("secret"), "s").unwrap();
        std::os::unix::fs::symlink(dir.path().join("secret"), folder.join("link")).unwrap();
        std::os::unix::fs::symlink(dir.path(), folder.join("up")).unwrap();
        assert!(files.list(of).unwrap().files.is_empty());
        for path in ["link", "up/secret"] {
            let path = FilePath::parse(path).unwrap();
            assert!(files.read(of, &path).is_err());
        }
        let up = FilePath::parse("up/new").unwrap();
        assert!(files.write(of, up).and_then(NewFile::finish).is_err());
        let mut full = files.write(of, FilePath::parse("big").unwrap()).unwrap();
        full.room = 3;
        full.append(b"abc").unwrap();
        assert!(matches!(full.append(b"d"), Err(WorkspaceError::Full)));
    }
}
