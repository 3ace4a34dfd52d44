//! What the HTTP of one call may use: requests, bytes in both directions, and bytes in the time of
//! a rule.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use alcove_policies::{ByteRate, Limits};

use crate::quota::{Counted, Quota};
use crate::refusal::Refusal;
use crate::shared::Shared;
use crate::show;

/// What one call has used.
#[derive(Debug, Default)]
pub(crate) struct HttpUse {
    requests: AtomicU32,
    bytes: AtomicU64,
    is_answered: AtomicBool,
}

impl HttpUse {
    /// Counts a request; refused where there have been enough.
    pub(crate) fn request(&self, limits: &Limits) -> Result<(), Refusal> {
        let before = self.requests.fetch_add(1, Ordering::Relaxed);
        if before < limits.http_requests {
            return Ok(());
        }
        let allowed = format!("{} in one call", limits.http_requests);
        Err(Refusal::HttpRequests(allowed))
    }

    /// How many bytes it has sent and been sent.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// A request has been answered.
    pub(crate) fn answered(&self) {
        self.is_answered.store(true, Ordering::Relaxed);
    }

    /// Whether one has been.
    pub(crate) fn is_answered(&self) -> bool {
        self.is_answered.load(Ordering::Relaxed)
    }

    /// How many bytes are left.
    fn left(&self, limits: &Limits) -> u64 {
        limits.http_bytes.saturating_sub(self.bytes())
    }

    /// Counts bytes; refused where there are too many.
    fn take(&self, bytes: u64, limits: &Limits) -> Result<(), Refusal> {
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) <= limits.http_bytes {
            return Ok(());
        }
        Err(too_many(limits))
    }
}

fn too_many(limits: &Limits) -> Refusal {
    let allowed = format!("{} in one call", show::bytes(limits.http_bytes));
    Refusal::HttpBytes(allowed)
}

/// Counts the bytes of one request and its answer. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Meter {
    shared: Arc<Shared>,
    used: Arc<HttpUse>,
    limits: Limits,
    quota: Arc<Quota>,
    rules: Arc<[Counted<ByteRate>]>,
}

impl Meter {
    /// Counts against the rates of `rules`, too.
    pub(crate) fn new(
        shared: &Arc<Shared>,
        quota: &Arc<Quota>,
        rules: Vec<Counted<ByteRate>>,
    ) -> Meter {
        Meter {
            used: shared.http_use(),
            shared: Arc::clone(shared),
            limits: shared.limits(),
            quota: Arc::clone(quota),
            rules: rules.into(),
        }
    }

    /// How many bytes the call has left.
    pub(crate) fn left(&self) -> u64 {
        self.used.left(&self.limits)
    }

    /// Counts bytes. Where there are too many, remembers the refusal.
    pub(crate) fn take(&self, bytes: usize) -> Result<(), Exceeded> {
        let bytes = bytes as u64;
        let taken = self.used.take(bytes, &self.limits).and_then(|()| {
            let mut rules = self.rules.iter();
            match rules.find(|rule| !self.quota.bytes(rule, bytes)) {
                Some(rule) => Err(Refusal::HttpRate(rule.to_string())),
                None => Ok(()),
            }
        });
        taken.map_err(|refusal| {
            self.shared.refuse(refusal);
            Exceeded
        })
    }

    /// The call's limit stood in the way, as the egress found.
    pub(crate) fn refuse(&self) {
        self.shared.refuse(too_many(&self.limits));
    }
}

/// More bytes than are allowed.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("more bytes than are allowed")]
pub(crate) struct Exceeded;
