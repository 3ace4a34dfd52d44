//! The folders of this machine that a policy's `[[files]]` stand for.

use std::collections::HashSet;
use std::io;

use alcove_core::ids::BranchId;
use alcove_policies::manifest::is_file_for;
use alcove_policies::{Access, Authority, FileSource};
use alcove_sandbox::Mount;
use tempfile::TempDir;

use super::Tools;
use crate::workspaces::{Place, WorkspaceError, Workspaces};

/// The mounts of one call.
pub(super) struct Mounts {
    mounts: Vec<Mount>,
    /// The workspace of a call that belongs to no conversation: it goes with the call.
    _passing: Option<TempDir>,
}

impl Mounts {
    /// Opens what the policy names. A conversation's workspace is made when it is first needed;
    /// a folder that an admin named must be there.
    pub(super) fn prepare(
        workspaces: &Workspaces,
        policy: &Authority,
        place: Option<Place>,
    ) -> io::Result<Mounts> {
        let mut passing = None;
        let mut mounts = Vec::new();
        for grant in policy.files() {
            let host = match (&grant.source, place) {
                (FileSource::Folder(path), _) => path.clone(),
                (FileSource::ConversationWorkspace, Some(place)) => workspaces.folder(place)?,
                (FileSource::ConversationWorkspace, None) => {
                    let folder = match passing.take() {
                        Some(folder) => folder,
                        None => workspaces.passing()?,
                    };
                    let path = folder.path().to_owned();
                    passing = Some(folder);
                    path
                }
            };
            mounts.push(Mount {
                guest: grant.mount.clone(),
                host,
                writable: grant.access == Access::ReadWrite,
            });
        }
        Ok(Mounts {
            mounts,
            _passing: passing,
        })
    }

    pub(super) fn mounts(&self) -> &[Mount] {
        &self.mounts
    }
}

impl Tools {
    /// Those ends of paths with which a file of the workspace ends.
    pub async fn has_file(&self, place: Place, mut ends: Vec<String>) -> HashSet<String> {
        let workspaces = self.inner.workspaces.clone();
        let looking = tokio::task::spawn_blocking(move || {
            let mut found = HashSet::new();
            let looked = workspaces.visit(place, |path| {
                ends.retain(|end| !(is_file_for(end, path) && found.insert(end.clone())));
                !ends.is_empty()
            });
            if let Err(error) = looked {
                tracing::error!(error = &error as &dyn std::error::Error, conversation = %place.conversation, "its files could not be looked at");
            }
            found
        });
        looking.await.unwrap_or_default()
    }

    /// Whether the component with this digest is here.
    #[must_use]
    pub fn has_component(&self, digest: &str) -> bool {
        self.inner.components.path_of(digest).is_file()
    }

    /// Gives a new branch the files of the one that it leaves.
    pub async fn fork_files(&self, from: Place, to: BranchId) -> Result<(), WorkspaceError> {
        let workspaces = self.inner.workspaces.clone();
        let forking = tokio::task::spawn_blocking(move || workspaces.fork(from, to));
        forking.await.unwrap_or_else(|error| {
            Err(WorkspaceError::Disk {
                attempt: "copy",
                source: io::Error::other(error),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use alcove_core::ids::ConversationId;
    use alcove_policies::Policy;

    const POLICY: &str = "version = 1\nplugin = \"alcove/python\"\n\n[[files]]\nmount = \"/workspace\"\nsource = \"conversation-workspace\"\naccess = \"read-write\"\n";

    #[test]
    fn a_conversation_keeps_its_workspace_and_a_passing_call_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let workspaces = Workspaces::new(dir.path());
        let policy = Authority::from(Policy::parse(POLICY).unwrap());
        let place = Place {
            conversation: ConversationId::generate(),
            branch: BranchId::generate(),
        };
        let kept = {
            let mounts = Mounts::prepare(&workspaces, &policy, Some(place)).unwrap();
            assert!(mounts.mounts()[0].writable);
            mounts.mounts()[0].host.clone()
        };
        assert!(kept.is_dir());
        let passing = {
            let mounts = Mounts::prepare(&workspaces, &policy, None).unwrap();
            assert!(mounts.mounts()[0].host.is_dir());
            assert_ne!(mounts.mounts()[0].host, kept);
            mounts.mounts()[0].host.clone()
        };
        assert!(!passing.exists());
    }

    #[test]
    fn without_a_grant_there_is_no_folder() {
        let dir = tempfile::tempdir().unwrap();
        let workspaces = Workspaces::new(dir.path());
        let policy = Authority::from(Policy::nothing("alcove/python").unwrap());
        assert!(
            Mounts::prepare(&workspaces, &policy, None)
                .unwrap()
                .mounts()
                .is_empty()
        );
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
