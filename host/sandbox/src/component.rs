//! A component that is ready to run.

use std::sync::Arc;

use crate::entry::EntryPre;

/// A component that is compiled, checked and linked. Cheap to clone.
#[derive(Clone)]
pub struct Component {
    pub(crate) inner: Arc<Loaded>,
}

pub(crate) struct Loaded {
    pub(crate) digest: String,
    pub(crate) pre: EntryPre,
    /// Whether it imports files at all: if not, none are opened for it.
    pub(crate) wants_files: bool,
}

impl Component {
    /// The SHA-256 of its bytes, in hexadecimal.
    pub fn digest(&self) -> &str {
        &self.inner.digest
    }
}

impl std::fmt::Debug for Component {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Component")
            .field("digest", &self.inner.digest)
            .finish_non_exhaustive()
    }
}
