//! The folder that is browsed: mounted by the policy, or on disk in the tests.

use std::cell::RefCell;
use std::collections::HashMap;

use alcove_sdk::Failure;
use alcove_sdk::files::{self, Entry, File, Kind, Stat};

/// Where an admin mounts a repository.
const REPOSITORY: &str = "/repo";
/// Folders of a mount that are looked at for repositories.
const MAX_FOLDERS: usize = 1_000;
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
    /// The repository that a path is in, and the path below it.
    pub(crate) fn find(path: &str) -> Result<(Self, String), Failure> {
        let folders = |mount: &str| {
            let entries = files::list(mount, MAX_FOLDERS).unwrap_or_default();
            let folders = entries.into_iter().filter(|e| e.kind == Kind::Folder);
            folders.map(|entry| entry.name).collect()
        };
        let is_repository = |folder: &str| files::stat(&format!("{folder}/.git")).is_ok();
        let has = |path: &str| files::stat(path).is_ok();
        let (root, path) = choose(&files::mounts(), folders, is_repository, has, path)?;
        let place = Self {
            mount: root,
            open: RefCell::default(),
        };
        Ok((place, path))
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

/// Which folder is browsed, and where below it: `/repo` where an admin mounts it; otherwise what
/// of the mounts and the folders in them is a repository, which the path names where there are
/// several; and a mount as it is where none is one.
fn choose(
    mounts: &[String],
    folders: impl Fn(&str) -> Vec<String>,
    is_repository: impl Fn(&str) -> bool,
    has: impl Fn(&str) -> bool,
    path: &str,
) -> Result<(String, String), Failure> {
    let Some(first) = mounts.first() else {
        return Err(Failure::denied(
            "no repository is attached: attach a folder that has one, or ask an admin to mount one at /repo",
        ));
    };
    let below = |mount: &str| below(mount, path).map(|path| (mount.to_owned(), path));
    if mounts.iter().any(|mount| mount == REPOSITORY) {
        return below(REPOSITORY);
    }
    let mut found: Vec<(&str, String)> = Vec::new();
    for mount in mounts {
        if is_repository(mount) {
            return below(mount);
        }
        let folders = folders(mount).into_iter();
        let repositories = folders.filter(|name| is_repository(&format!("{mount}/{name}")));
        found.extend(repositories.map(|name| (mount.as_str(), name)));
    }
    // Named first of all, with its mount or without.
    for (mount, name) in &found {
        let (root, path) = below(mount)?;
        let rest = path.strip_prefix(name.as_str());
        if let Some(rest) = rest.filter(|rest| rest.is_empty() || rest.starts_with('/')) {
            let rest = rest.trim_start_matches('/');
            let whole = format!("{root}/{name}");
            // A package is often called as its repository is, and lies in a folder of that name.
            let is_within = found.len() == 1 && has(&format!("{whole}/{path}"));
            return Ok((whole, if is_within { path } else { rest.to_owned() }));
        }
    }
    match found.as_slice() {
        [] => below(first),
        [(mount, name)] => below(&format!("{mount}/{name}")),
        many => {
            let names: Vec<&str> = many.iter().map(|(_, name)| name.as_str()).collect();
            Err(Failure::invalid_input(format!(
                "there are several repositories: begin with the name of one, such as {}/…: {}",
                names[0],
                names.join(", ")
            )))
        }
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

    #[test]
    fn a_repository_is_found_in_a_mount_or_in_a_folder_of_it() {
        let check = |mounts: &[&str], repositories: &[&str], path: &str| {
            let mounts: Vec<String> = mounts.iter().map(|&mount| mount.to_owned()).collect();
            let folders = |mount: &str| -> Vec<String> {
                let below = repositories
                    .iter()
                    .filter_map(|r| r.strip_prefix(mount)?.strip_prefix('/'));
                below.map(str::to_owned).collect()
            };
            let is_repository = |folder: &str| repositories.contains(&folder);
            let has = |path: &str| path == "/workspace/app/app/main.py";
            choose(&mounts, folders, is_repository, has, path)
                .map(|(root, path)| format!("{root}:{path}"))
                .map_err(|failure| failure.kind)
        };
        let ok = |text: &str| Ok(text.to_owned());
        assert_eq!(check(&[], &[], "a"), Err("denied".to_owned()));
        assert_eq!(
            check(&["/workspace", "/repo"], &["/workspace/app"], "a"),
            ok("/repo:a")
        );
        assert_eq!(
            check(&["/workspace"], &["/workspace"], "a"),
            ok("/workspace:a")
        );
        assert_eq!(check(&["/workspace"], &[], "a"), ok("/workspace:a"));
        let one = |path: &str| check(&["/workspace"], &["/workspace/app"], path);
        assert_eq!(one(""), ok("/workspace/app:"));
        assert_eq!(one("src/a.py"), ok("/workspace/app:src/a.py"));
        assert_eq!(one("app/src/a.py"), ok("/workspace/app:src/a.py"));
        assert_eq!(
            one("/workspace/app/src/a.py"),
            ok("/workspace/app:src/a.py")
        );
        assert_eq!(one("/workspace/app/"), ok("/workspace/app:"));
        assert_eq!(one("app/main.py"), ok("/workspace/app:app/main.py"));
        let two = |path: &str| check(&["/workspace"], &["/workspace/app", "/workspace/web"], path);
        assert_eq!(two("web/a"), ok("/workspace/web:a"));
        assert_eq!(two("a"), Err("invalid-input".to_owned()));
        assert_eq!(two("../web/a"), Err("invalid-input".to_owned()));
    }
}
