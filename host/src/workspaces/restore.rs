//! A new branch's folder that is filled file by file.

use std::io;
use std::path::PathBuf;

use alcove_core::ids::BranchId;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, File};

use super::{FilePath, WorkspaceError, Workspaces, disk};

impl Workspaces {
    /// Gives a new branch an empty folder of its own. It blocks.
    pub fn begin(&self, branch: BranchId) -> Result<(), WorkspaceError> {
        std::fs::create_dir_all(self.own(branch)).map_err(disk("make"))
    }

    /// A new file in the folder that a branch began with. It blocks.
    pub fn create(&self, branch: BranchId, path: &FilePath) -> Result<File, WorkspaceError> {
        let folder = Dir::open_ambient_dir(self.own(branch), ambient_authority());
        let folder = folder.map_err(disk("open"))?;
        if let Some(parent) = path.parent() {
            folder.create_dir_all(parent).map_err(disk("make"))?;
        }
        folder.create(&path.0).map_err(disk("write"))
    }

    /// Removes a branch's own folder. It blocks.
    pub fn remove_branch(&self, branch: BranchId) -> Result<(), WorkspaceError> {
        match std::fs::remove_dir_all(self.own(branch)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(disk("remove")(error)),
            _ => Ok(()),
        }
    }

    /// Where a branch's own folder is.
    pub(super) fn own(&self, branch: BranchId) -> PathBuf {
        self.root.join(branch.to_string())
    }
}
