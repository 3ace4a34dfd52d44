//! What can go wrong with checkpoints.

use alcove_core::canonical::CanonicalError;
use alcove_core::checkpoint::ManifestError;
use alcove_core::ids::ResponseId;

use crate::assets::AssetError;
use crate::store::log::LogError;
use crate::tools::ToolsError;
use crate::workspaces::WorkspaceError;

/// What can go wrong with checkpoints.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// A name that cannot be.
    #[error(
        "a checkpoint's name has 1 to 100 characters, without `@` and control characters, and does not begin with `ckpt_`"
    )]
    Name,
    /// A note that is too long.
    #[error("a checkpoint's note has at most 2,000 characters")]
    Note,
    /// A response is being produced.
    #[error("response {0} is still being produced on this branch: wait for it, or stop it")]
    Running(ResponseId),
    /// More files than are kept.
    #[error(
        "the conversation has more files than a checkpoint keeps ({} files, {} MiB together): remove some first",
        super::pack::MAX_FILES,
        super::pack::MAX_BYTES >> 20
    )]
    TooMuch,
    /// What was saved is not what is there.
    #[error("the checkpoint cannot be restored: {0}; restore the data folder from a backup")]
    Damaged(&'static str),
    /// A newer or damaged manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The files of tools, where what a checkpoint keeps lies as well.
    #[error(transparent)]
    Asset(#[from] AssetError),
    /// The conversation's files.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// Grants.
    #[error(transparent)]
    Tools(#[from] ToolsError),
    /// A value that cannot be written.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
}

impl CheckpointError {
    /// What a client reads: nothing of the server's insides.
    #[must_use]
    pub fn public_message(&self) -> String {
        match self {
            CheckpointError::Log(LogError::TooLong { .. } | LogError::NotFound { .. })
            | CheckpointError::Name
            | CheckpointError::Note
            | CheckpointError::Running(_)
            | CheckpointError::TooMuch
            | CheckpointError::Damaged(_)
            | CheckpointError::Manifest(_) => self.to_string(),
            _ => "the server could not do it: see its log".to_owned(),
        }
    }
}
