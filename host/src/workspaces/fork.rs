//! A new branch begins with the files of the one that it leaves. From then on each has its own.

use std::io;

use alcove_core::ids::BranchId;
use cap_std::ambient_authority;
use cap_std::fs::Dir;

use super::{Place, UNFINISHED, WorkspaceError, Workspaces, disk};

/// How deep folders are copied. A guest can nest them further than anybody can open them.
const MAX_COPIED_DEPTH: usize = 64;

impl Workspaces {
    /// Gives a new branch of that conversation a folder of its own, with what the other one has.
    /// Where the file system can, the bytes are shared until one of them writes. It blocks.
    pub fn fork(&self, from: Place, to: BranchId) -> Result<(), WorkspaceError> {
        self.begin(to)?;
        let Some(source) = self.open(from)? else {
            return Ok(());
        };
        let target = Dir::open_ambient_dir(self.own(to), ambient_authority());
        let copied = target.and_then(|target| copy(&source, &target, 1));
        copied.map_err(|error| {
            // Half a workspace would pass for a whole one.
            let _ = self.remove_branch(to);
            disk("copy")(error)
        })
    }
}

/// Copies a folder's files, folders and links; anything else, a pipe say, has nothing to copy.
fn copy(source: &Dir, target: &Dir, depth: usize) -> io::Result<()> {
    if depth > MAX_COPIED_DEPTH {
        return Err(io::Error::other("its folders are nested too deep"));
    }
    for entry in source.entries()? {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_string_lossy().starts_with(UNFINISHED) {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() {
            target.create_dir(&name)?;
            copy(&entry.open_dir()?, &target.open_dir(&name)?, depth + 1)?;
        } else if kind.is_file() {
            source.copy(&name, target, &name)?;
        } else if kind.is_symlink() {
            // Kept as it is: whoever follows it does so within the folder, or not at all.
            target.symlink_contents(source.read_link_contents(&name)?, &name)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    use alcove_core::ids::ConversationId;

    #[test]
    fn a_fork_has_the_same_files_and_then_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let workspaces = Workspaces::new(&dir.path().join("w"));
        let first = Place {
            conversation: ConversationId::generate(),
            branch: BranchId::generate(),
        };
        let folder = workspaces.folder(first).unwrap();
        std::fs::create_dir(folder.join("data")).unwrap();
        std::fs::write(folder.join("data/a.txt"), "one").unwrap();
        std::fs::write(dir.path().join("secret"), "s").unwrap();
        std::os::unix::fs::symlink(dir.path().join("secret"), folder.join("link")).unwrap();

        let second = Place {
            branch: BranchId::generate(),
            ..first
        };
        workspaces.fork(first, second.branch).unwrap();
        let copied = workspaces.folder(second).unwrap();
        assert_ne!(copied, folder);
        assert_eq!(
            std::fs::read_to_string(copied.join("data/a.txt")).unwrap(),
            "one"
        );
        assert!(copied.join("link").is_symlink());
        std::fs::write(copied.join("data/a.txt"), "two").unwrap();
        assert_eq!(
            std::fs::read_to_string(folder.join("data/a.txt")).unwrap(),
            "one"
        );

        workspaces
            .remove(first.conversation, &[first.branch, second.branch])
            .unwrap();
        assert!(!copied.exists() && !folder.exists());
    }

    #[test]
    fn a_fork_of_nothing_is_empty_and_one_of_too_much_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let workspaces = Workspaces::new(dir.path());
        let place = |conversation| Place {
            conversation,
            branch: BranchId::generate(),
        };
        let empty = place(ConversationId::generate());
        let fork = place(empty.conversation);
        workspaces.fork(empty, fork.branch).unwrap();
        std::fs::write(workspaces.folder(fork).unwrap().join("a"), "x").unwrap();
        assert!(workspaces.list(empty).unwrap().files.is_empty());

        let deep = place(ConversationId::generate());
        let nested = vec!["d"; MAX_COPIED_DEPTH + 1].join("/");
        std::fs::create_dir_all(workspaces.folder(deep).unwrap().join(nested)).unwrap();
        let fork = place(deep.conversation);
        assert!(workspaces.fork(deep, fork.branch).is_err());
        assert!(!dir.path().join(fork.branch.to_string()).exists());
    }
}
