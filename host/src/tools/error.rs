//! What managing tools can fail with.

use alcove_registry::InstallError;

use crate::store::StoreError;
use crate::store::log::LogError;

/// A plugin or a grant that can't be had, changed or removed.
#[derive(Debug, thiserror::Error)]
pub enum ToolsError {
    /// No such plugin or binding.
    #[error("{what}")]
    NotFound {
        /// What was looked for, and how to see what there is.
        what: String,
    },
    /// A value that does not fit.
    #[error("{message}")]
    Invalid {
        /// The field that is at fault.
        param: &'static str,
        /// What is wrong and what would do.
        message: String,
    },
    /// It can't be done as things stand.
    #[error("{message}")]
    Conflict {
        /// What stands in the way and how to clear it.
        message: String,
    },
    /// The component was refused.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// The database.
    #[error("the database could not be used")]
    Store(#[from] StoreError),
    /// The log.
    #[error("the log could not be used")]
    Log(#[from] LogError),
    /// The asset store.
    #[error("the asset store could not be used")]
    Assets(#[from] crate::assets::AssetError),
    /// The component store.
    #[error("the component store could not be used: {0}")]
    Components(String),
}

impl ToolsError {
    /// The HTTP status that says the same. From 500 on, the text is for the server's log alone.
    pub fn status(&self) -> u16 {
        match self {
            ToolsError::NotFound { .. } => 404,
            ToolsError::Conflict { .. } => 409,
            ToolsError::Invalid { .. } => 422,
            ToolsError::Install(InstallError::Store(_)) => 500,
            ToolsError::Install(_) => 422,
            ToolsError::Store(_)
            | ToolsError::Log(_)
            | ToolsError::Assets(_)
            | ToolsError::Components(_) => 500,
        }
    }
}
