//! What a call may use beside the network: of one policy, or of several joined.

use crate::approval::{Label, Labels};
use crate::capabilities::{AssetsGrant, DelegateGrant, InferenceGrant, StateGrant};
use crate::environment::EnvVariable;
use crate::files::FileGrant;
use crate::limits::Limits;

/// What a call may use beside the network.
#[derive(Debug, Clone)]
pub struct Granted {
    pub(crate) limits: Limits,
    pub(crate) files: Vec<FileGrant>,
    pub(crate) state: Option<StateGrant>,
    pub(crate) assets: Option<AssetsGrant>,
    pub(crate) inference: Option<InferenceGrant>,
    pub(crate) delegate: Option<DelegateGrant>,
    pub(crate) env: Vec<EnvVariable>,
    pub(crate) labels: Option<Labels>,
}

impl Granted {
    /// What a call may use.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The folders it may see.
    #[must_use]
    pub fn files(&self) -> &[FileGrant] {
        &self.files
    }

    /// What it may keep, where it may.
    #[must_use]
    pub fn state(&self) -> Option<&StateGrant> {
        self.state.as_ref()
    }

    /// Which assets it may make, where it may.
    #[must_use]
    pub fn assets(&self) -> Option<&AssetsGrant> {
        self.assets.as_ref()
    }

    /// Which models it may ask, where it may.
    #[must_use]
    pub fn inference(&self) -> Option<&InferenceGrant> {
        self.inference.as_ref()
    }

    /// Which tools it may call, where it may.
    #[must_use]
    pub fn delegate(&self) -> Option<&DelegateGrant> {
        self.delegate.as_ref()
    }

    /// The environment variables that it sees.
    #[must_use]
    pub fn env(&self) -> &[EnvVariable] {
        &self.env
    }

    /// What its results count as, where that is said.
    #[must_use]
    pub fn labels(&self) -> Option<&Labels> {
        self.labels.as_ref()
    }

    /// Whether its results count as private whatever was used.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.labels
            .is_some_and(|labels| labels.output == Label::Private)
    }
}
