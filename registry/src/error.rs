//! What can go wrong.

use std::io;
use std::path::PathBuf;

use alcove_policies::inspect::InspectError;

use crate::MAX_COMPONENT_BYTES;

/// Why a component was not installed. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The path leads nowhere.
    #[error("{} does not exist; give the path of a component file or of a folder with one", .0.display())]
    NotFound(PathBuf),
    /// The folder holds no component.
    #[error("{} holds no .wasm file; build the plugin first, or name the file itself", .0.display())]
    EmptyFolder(PathBuf),
    /// The folder holds several.
    #[error("{} holds several .wasm files; name the one to install: {}", .folder.display(), .files.join(", "))]
    Ambiguous {
        /// Which folder.
        folder: PathBuf,
        /// Their names.
        files: Vec<String>,
    },
    /// It is neither a file nor a folder.
    #[error("{} is neither a file nor a folder", .0.display())]
    NotAFile(PathBuf),
    /// Larger than any plugin.
    #[error("the component has {bytes} bytes, more than the limit of {} MiB", MAX_COMPONENT_BYTES >> 20)]
    TooLarge {
        /// Its size.
        bytes: u64,
    },
    /// Not a component, damaged, or with imports or a manifest that this host does not take.
    #[error("this cannot be installed: {0}")]
    Unfit(#[from] InspectError),
    /// A component that is no Alcove plugin.
    #[error(
        "the component has no manifest, so it is not an Alcove plugin; write one with the Alcove SDK \
         and build it with its recipe"
    )]
    NoManifest,
    /// It has no manifest, and nothing to make one from.
    #[error(
        "the component has no manifest, and none can be made from its types: {0}; write it with the \
         Alcove SDK, or export functions whose types JSON can say"
    )]
    NoTypes(String),
    /// Its tools were made from its types, and nobody has taken them yet.
    #[error(
        "the component has no manifest of its own. From its types it would offer:\n{0}\nInstall it \
         with `--accept-generated` (`\"accept_generated\": true`) if that is what you want"
    )]
    NotAccepted(String),
    /// It says what its tools are but does not implement them.
    #[error(
        "the component has a manifest but does not export `alcove:tool/handler`; build it with the Alcove SDK"
    )]
    NoHandler,
    /// It imports power that its manifest does not request.
    #[error(
        "the component imports `{import}`, but its manifest requests no {capability}; add the \
         request to the manifest's `requests`, or remove the import"
    )]
    NotRequested {
        /// The import.
        import: String,
        /// What it belongs to.
        capability: String,
    },
    /// It imports a capability that no policy of this version grants.
    #[error(
        "the component imports `{import}`, a capability that this version of Alcove cannot grant"
    )]
    NotGrantable {
        /// The import.
        import: String,
    },
    /// A publisher that is no name.
    #[error("`{0}` is not a publisher: use lower-case letters, digits and hyphens")]
    Publisher(String),
    /// The disk.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The store's folder cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file operation failed.
    #[error("cannot {doing} {}: {source}", .path.display())]
    Io {
        /// What was being done: "read", "write", …
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A record is not what this program writes.
    #[error("the record {} is damaged: {reason}; remove it and install the plugin again", .path.display())]
    Damaged {
        /// Which record.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl StoreError {
    pub(crate) fn io(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            doing,
            path,
            source,
        }
    }
}
