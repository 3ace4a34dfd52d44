//! The folder that is browsed: mounted by the policy, or on disk in the tests.

use std::cell::RefCell;
use std::collections::HashMap;

use alcove_sdk::Failure;
use alcove_sdk::files::{self, Entry, File, Stat};

/// Where an admin mounts a repository.
const REPOSITORY: &str = "/repo";
/// A path is at most this long.
const MAX_PATH_BYTES: usize = 1_000;
/// What one read gives at most.
const MAX_READ_BYTES: usize = 1 << 20;
/// Files that are kept open, so that one pack is not opened for each object.
const MAX_OPEN: usize = 32;

/// Reading below one folder. Paths are relative to it, with `/` between names; the empty path is
/// the folder itself.
pub(crate) trait Place {
    /// At most `most` bytes at an offset, and never more than 1 MiB; empty at the end.
    fn read_at(&self, path: &str, offset: u64, most: usize) -> Result<Vec<u8>, Failure>;
    /// The entries of a folder by name, at most `max`.
    fn list(&self, path: &str, max: usize) -> Result<Vec<Entry>, Failure>;
    /// What is at a path; a link is not followed.
    fn stat(&self, path: &str) -> Result<Stat, Failure>;

    /// All of a file, or a failure where it has more than `max` bytes.
    fn read(&self, path: &str, max: usize) -> Result<Vec<u8>, Failure> {
        let mut bytes = self.range(path, 0, max.saturating_add(1))?;
        if bytes.len() > max {
            return Err(Failure::too_large(format!(
                "{path} has more than {max} bytes"
            )));
        }
        bytes.shrink_to_fit();
        Ok(bytes)
    }

    /// The bytes from an offset, `most` or up to the end.
    fn range(&self, path: &str, offset: u64, most: usize) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        while bytes.len() < most {
            let wanted = (most - bytes.len()).min(MAX_READ_BYTES);
            let chunk = self.read_at(path, offset + bytes.len() as u64, wanted)?;
            bytes.extend_from_slice(&chunk);
            // A file gives less only where it ends; asking again would be a call for nothing.
            if chunk.len() < wanted {
                break;
            }
        }
        Ok(bytes)
    }
}

/// A folder that the policy mounts.
pub(crate) struct Mounted {
    mount: String,
    open: RefCell<HashMap<String, File>>,
}

impl Mounted {
    /// `/repo` where it is mounted, and the first mount otherwise.
    pub(crate) fn find() -> Result<Self, Failure> {
        let mounts = files::mounts();
        let mount = mounts
            .iter()
            .find(|mount| *mount == REPOSITORY)
            .or_else(|| mounts.first())
            .cloned()
            .ok_or_else(|| {
                Failure::denied("no repository is attached; an admin can mount one at /repo")
            })?;
        Ok(Self {
            mount,
            open: RefCell::default(),
        })
    }

    /// The path below the mount; the mount's own name may be written before it.
    pub(crate) fn below(&self, path: &str) -> Result<String, Failure> {
        below(&self.mount, path)
    }

    fn whole(&self, path: &str) -> String {
        if path.is_empty() {
            self.mount.clone()
        } else {
            format!("{}/{path}", self.mount)
        }
    }
}

impl Place for Mounted {
    fn read_at(&self, path: &str, offset: u64, most: usize) -> Result<Vec<u8>, Failure> {
        let mut open = self.open.borrow_mut();
        if !open.contains_key(path) {
            if open.len() >= MAX_OPEN {
                open.clear();
            }
            open.insert(path.to_owned(), File::open(&self.whole(path))?);
        }
        Ok(open[path].read_at(offset, most)?)
    }

    fn list(&self, path: &str, max: usize) -> Result<Vec<Entry>, Failure> {
        Ok(files::list(&self.whole(path), max)?)
    }

    fn stat(&self, path: &str) -> Result<Stat, Failure> {
        Ok(files::stat(&self.whole(path))?)
    }
}

fn below(mount: &str, path: &str) -> Result<String, Failure> {
    let path = match path.strip_prefix(mount) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => rest,
        _ => path,
    };
    let mut names = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => {
                return Err(Failure::invalid_input(
                    "a path cannot go upwards with \"..\"",
                ));
            }
            name => names.push(name),
        }
    }
    let path = names.join("/");
    if path.len() > MAX_PATH_BYTES || path.contains(['\0', '\\']) {
        return Err(Failure::invalid_input("that is no path of a file"));
    }
    Ok(path)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::{Read as _, Seek as _, SeekFrom};
    use std::path::PathBuf;

    use alcove_sdk::files::Kind;

    use super::*;

    /// A folder on disk, read as the mounted one is: a link is no file.
    pub(crate) struct OnDisk(pub(crate) PathBuf);

    fn kind(kind: std::fs::FileType) -> Kind {
        if kind.is_file() {
            Kind::File
        } else if kind.is_dir() {
            Kind::Folder
        } else {
            Kind::Other
        }
    }

    fn missing(error: &std::io::Error) -> Failure {
        Failure::not_found(error.to_string())
    }

    impl Place for OnDisk {
        fn read_at(&self, path: &str, offset: u64, most: usize) -> Result<Vec<u8>, Failure> {
            if self.stat(path)?.kind != Kind::File {
                return Err(Failure::invalid_input("no file"));
            }
            let mut file = std::fs::File::open(self.0.join(path)).map_err(|e| missing(&e))?;
            file.seek(SeekFrom::Start(offset)).unwrap();
            let mut bytes = Vec::new();
            file.take(most.min(1 << 20) as u64)
                .read_to_end(&mut bytes)
                .unwrap();
            Ok(bytes)
        }

        fn list(&self, path: &str, max: usize) -> Result<Vec<Entry>, Failure> {
            let mut entries: Vec<_> = std::fs::read_dir(self.0.join(path))
                .map_err(|e| missing(&e))?
                .take(max)
                .map(|entry| entry.unwrap())
                .map(|entry| Entry {
                    name: entry.file_name().into_string().unwrap(),
                    kind: kind(entry.file_type().unwrap()),
                })
                .collect();
            entries.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(entries)
        }

        fn stat(&self, path: &str) -> Result<Stat, Failure> {
            let stat = self
                .0
                .join(path)
                .symlink_metadata()
                .map_err(|e| missing(&e))?;
            Ok(Stat {
                kind: kind(stat.file_type()),
                bytes: stat.len(),
                modified_ms: None,
            })
        }
    }

    #[test]
    fn a_path_stays_below_its_mount() {
        let check = |path: &str| below("/repo", path).ok();
        assert_eq!(check("/repo/src/main.rs").as_deref(), Some("src/main.rs"));
        assert_eq!(check("./src//main.rs").as_deref(), Some("src/main.rs"));
        assert_eq!(check("/repo").as_deref(), Some(""));
        assert_eq!(check("/repository").as_deref(), Some("repository"));
        assert_eq!(check("src/../../etc"), None);
        assert_eq!(check("a\0b"), None);
    }
}
