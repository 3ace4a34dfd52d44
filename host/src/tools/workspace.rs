//! The folders of this machine that a policy's `[[files]]` stand for.

use std::fs;
use std::io;
use std::path::Path;

use alcove_core::ids::ConversationId;
use alcove_policies::{Access, Authority, FileSource};
use alcove_sandbox::Mount;
use tempfile::TempDir;

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
        workspaces: &Path,
        policy: &Authority,
        conversation: Option<ConversationId>,
    ) -> io::Result<Mounts> {
        let mut passing = None;
        let mut mounts = Vec::new();
        for grant in policy.files() {
            let host = match &grant.source {
                FileSource::Folder(path) => path.clone(),
                FileSource::ConversationWorkspace => match conversation {
                    Some(conversation) => {
                        let path = workspaces.join(conversation.to_string());
                        fs::create_dir_all(&path)?;
                        path
                    }
                    None => {
                        if passing.is_none() {
                            fs::create_dir_all(workspaces)?;
                            passing = Some(TempDir::new_in(workspaces)?);
                        }
                        passing
                            .as_ref()
                            .map(|folder| folder.path().to_owned())
                            .unwrap_or_default()
                    }
                },
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

#[cfg(test)]
mod tests {
    use super::*;

    use alcove_policies::Policy;

    const POLICY: &str = "version = 1\nplugin = \"alcove/python\"\n\n[[files]]\nmount = \"/workspace\"\nsource = \"conversation-workspace\"\naccess = \"read-write\"\n";

    #[test]
    fn a_conversation_keeps_its_workspace_and_a_passing_call_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let policy = Authority::from(Policy::parse(POLICY).unwrap());
        let conversation = ConversationId::generate();
        let kept = {
            let mounts = Mounts::prepare(dir.path(), &policy, Some(conversation)).unwrap();
            assert!(mounts.mounts()[0].writable);
            mounts.mounts()[0].host.clone()
        };
        assert!(kept.is_dir());
        let passing = {
            let mounts = Mounts::prepare(dir.path(), &policy, None).unwrap();
            assert!(mounts.mounts()[0].host.is_dir());
            assert_ne!(mounts.mounts()[0].host, kept);
            mounts.mounts()[0].host.clone()
        };
        assert!(!passing.exists());
    }

    #[test]
    fn without_a_grant_there_is_no_folder() {
        let dir = tempfile::tempdir().unwrap();
        let policy = Authority::from(Policy::nothing("alcove/python").unwrap());
        assert!(
            Mounts::prepare(dir.path(), &policy, None)
                .unwrap()
                .mounts()
                .is_empty()
        );
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
