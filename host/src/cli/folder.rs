//! Which files of a folder are attached with it.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

/// More files than this are not sent one by one.
const MAX_FILES: usize = 2_000;
/// Folders within folders; the server takes no deeper paths.
const MAX_DEPTH: usize = 16;
const GIT: &str = ".git";
/// What of a repository its history is read from. What else git keeps, such as the addresses and
/// passwords in its configuration, stays here.
const OF_GIT: [&str; 4] = [".git/HEAD", ".git/packed-refs", ".git/refs", ".git/objects"];

/// The paths of a folder's files below it. Of a git repository these are the files that are not
/// ignored, and its history. Links are passed over.
///
/// # Errors
/// Where there are none or too many, or a name is not UTF-8.
pub(super) fn files(folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    if folder.join(GIT).is_dir() {
        for part in OF_GIT {
            if folder.join(part).symlink_metadata().is_ok() {
                walk(folder, part, 1, &mut found)?;
            }
        }
        if found.len() > MAX_FILES {
            bail!(
                "`{}` has more than {MAX_FILES} files in its .git: `git gc` packs them",
                folder.display()
            );
        }
    }
    match not_ignored(folder) {
        Some(listed) => found.extend(listed),
        None => walk(folder, "", 0, &mut found)?,
    }
    if found.len() > MAX_FILES {
        bail!(
            "`{}` has more than {MAX_FILES} files: attach a folder within it",
            folder.display()
        );
    }
    if found.is_empty() {
        bail!("`{}` has no files", folder.display());
    }
    Ok(found)
}

/// What git itself lists, where it is here and this is a repository of the person's own.
fn not_ignored(folder: &Path) -> Option<Vec<String>> {
    let listed = Command::new("git")
        .arg("-C")
        .arg(folder)
        // The repository's configuration could name a program here.
        .args(["-c", "core.fsmonitor=false"])
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .stdin(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success() && folder.join(GIT).is_dir())?;
    let text = String::from_utf8(listed.stdout).ok()?;
    let mut paths: Vec<String> = text
        .split_terminator('\0')
        .filter(|path| {
            let kind = folder.join(path).symlink_metadata();
            // Removed ones are listed too, and submodules as folders.
            kind.is_ok_and(|kind| kind.is_file())
        })
        .map(str::to_owned)
        .collect();
    paths.dedup();
    Some(paths)
}

fn walk(top: &Path, below: &str, depth: usize, found: &mut Vec<String>) -> anyhow::Result<()> {
    let path = top.join(below);
    let cannot = || format!("cannot read `{}`", path.display());
    let kind = path.symlink_metadata().with_context(cannot)?;
    if kind.is_file() {
        found.push(below.to_owned());
    }
    if !kind.is_dir() || depth > MAX_DEPTH || found.len() > MAX_FILES {
        return Ok(());
    }
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&path).with_context(cannot)? {
        let name = entry.with_context(cannot)?.file_name();
        let name = name.into_string();
        let name =
            name.map_err(|_| anyhow::anyhow!("a name in `{}` is not UTF-8", path.display()))?;
        if name != GIT {
            names.push(name);
        }
    }
    names.sort_unstable();
    for name in names {
        let next = if below.is_empty() {
            name
        } else {
            format!("{below}/{name}")
        };
        walk(top, &next, depth + 1, found)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, path: &str) {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "x").unwrap();
    }

    #[test]
    fn of_a_repository_the_ignored_the_hooks_and_the_configuration_stay_here() {
        let dir = tempfile::tempdir().unwrap();
        let git = Command::new("git")
            .arg("-C")
            .arg(dir.path())
            .args(["init", "-q"])
            .status();
        assert!(git.unwrap().success());
        for path in ["src/a.rs", "target/b", "c.txt", ".gitignore"] {
            write(dir.path(), path);
        }
        std::fs::write(dir.path().join(".gitignore"), "target/\n").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("link")).unwrap();
        let mut found = files(dir.path()).unwrap();
        found.sort();
        assert_eq!(found, [".git/HEAD", ".gitignore", "c.txt", "src/a.rs"]);
    }

    #[test]
    fn a_folder_that_is_no_repository_has_all_its_files_and_not_too_many() {
        let dir = tempfile::tempdir().unwrap();
        assert!(files(dir.path()).is_err(), "an empty one");
        write(dir.path(), "b/c");
        write(dir.path(), "a");
        assert_eq!(files(dir.path()).unwrap(), ["a", "b/c"]);
        for number in 0..=MAX_FILES {
            write(dir.path(), &format!("many/{number}"));
        }
        let refused = files(dir.path()).unwrap_err().to_string();
        assert!(refused.contains("more than 2000 files"), "{refused}");
    }
}
