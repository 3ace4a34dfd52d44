//! A call that may less than its grants say.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::{Authority, Count};
use crate::Policy;
use crate::capabilities::{AssetsGrant, DelegateGrant, InferenceGrant, StateGrant};

/// What narrows a call.
#[derive(Debug, Clone)]
pub(super) struct Narrower {
    /// What a decision cites, such as `the API key key_…`.
    pub(super) name: Arc<str>,
    pub(super) policy: Arc<Policy>,
    /// What is counted for this narrower alone.
    pub(super) count: Count,
}

impl Authority {
    /// The same, and nothing that `within` does not grant too. A limit that `within` does not name
    /// stays as it is, and so do the secrets that the grants put into requests. Decisions cite
    /// `name`.
    #[must_use]
    pub fn attenuated(mut self, name: Arc<str>, within: Arc<Policy>) -> Self {
        let granted = &mut self.granted;
        granted.limits = within.said().lower(&granted.limits);
        granted.files.retain_mut(|own| {
            let other = within
                .files()
                .iter()
                .find(|other| other.mount == own.mount && other.source == own.source);
            other.inspect(|other| own.and(other)).is_some()
        });
        granted.state = both(granted.state.take(), within.state(), |own, other| {
            StateGrant {
                quota_bytes: own.quota_bytes.min(other.quota_bytes),
                ..own
            }
        });
        granted.assets = both(granted.assets.take(), within.assets(), |own, other| {
            AssetsGrant {
                quota_bytes: own.quota_bytes.min(other.quota_bytes),
                ..own
            }
        });
        let inference = granted.inference.take();
        granted.inference = both(inference, within.inference(), InferenceGrant::and);
        let delegate = granted.delegate.take();
        granted.delegate = both(delegate, within.delegate(), DelegateGrant::and);
        granted.env.retain(|own| {
            within
                .env()
                .iter()
                .any(|other| other.name == own.name && other.value == own.value)
        });
        if let Some(other) = within.labels()
            && granted.labels.is_none_or(|own| own.output < other.output)
        {
            granted.labels = Some(*other);
        }
        let mut hash = Sha256::new();
        let outer = self.narrowers.last().map_or(&self.count, |own| &own.count);
        hash.update(outer.identity);
        hash.update(name.as_bytes());
        hash.update([0]);
        hash.update(within.text().as_bytes());
        let count = Count {
            identity: hash.finalize().into(),
            limits: granted.limits.clone(),
        };
        self.narrowers.push(Narrower {
            name,
            policy: within,
            count,
        });
        self
    }
}

fn both<T>(own: Option<T>, other: Option<&T>, narrow: impl FnOnce(T, &T) -> T) -> Option<T> {
    match (own, other) {
        (Some(own), Some(other)) => Some(narrow(own, other)),
        _ => None,
    }
}
