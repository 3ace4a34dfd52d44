//! Leases: a running call holds one on its binding, so that revoking can stop it and wait for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alcove_core::ids::BindingId;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How long a revocation waits for the calls that it stopped.
const DRAIN: Duration = Duration::from_millis(100);

/// The leases on all bindings. There is an entry for each binding that was used since the start
/// and still stands, so the table is bounded by the bindings.
#[derive(Default)]
pub(super) struct Leases {
    entries: Mutex<HashMap<BindingId, Arc<Entry>>>,
}

struct Entry {
    /// The same for as long as the binding stands: live sessions hold it from call to call.
    token: CancellationToken,
    running: watch::Sender<u32>,
}

/// Held by a call while it runs.
pub(super) struct Lease {
    entry: Arc<Entry>,
}

impl Lease {
    /// Cancelled when the binding is revoked.
    pub(super) fn token(&self) -> &CancellationToken {
        &self.entry.token
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.entry.running.send_modify(|running| *running -= 1);
    }
}

/// A token that is cancelled when any of several leases is: of a call and of those that it stands
/// under. The leases are held as long as this is.
pub(super) struct EndsWithAny {
    token: CancellationToken,
    callers: Vec<Lease>,
    watching: Option<tokio::task::AbortHandle>,
}

impl EndsWithAny {
    pub(super) fn of(own: &Lease, callers: Vec<Lease>) -> EndsWithAny {
        if callers.is_empty() {
            return EndsWithAny {
                token: own.token().clone(),
                callers,
                watching: None,
            };
        }
        let token = own.token().child_token();
        let (ends, any) = (
            token.clone(),
            callers
                .iter()
                .map(|lease| lease.token().clone().cancelled_owned())
                .map(Box::pin)
                .collect::<Vec<_>>(),
        );
        let watching = tokio::spawn(async move {
            futures::future::select_all(any).await;
            ends.cancel();
        });
        EndsWithAny {
            token,
            callers,
            watching: Some(watching.abort_handle()),
        }
    }

    /// Cancelled when any of the grants is revoked.
    pub(super) fn token(&self) -> &CancellationToken {
        &self.token
    }
}

impl Drop for EndsWithAny {
    fn drop(&mut self) {
        self.callers.clear();
        if let Some(watching) = &self.watching {
            watching.abort();
        }
    }
}

impl Leases {
    /// Takes a lease. Only after it has one may a call look whether the binding still stands:
    /// whoever revokes removes the row first and cancels the leases then, so a call that saw the
    /// row is among those that are cancelled.
    pub(super) fn acquire(&self, binding: BindingId) -> Lease {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.entry(binding).or_insert_with(|| {
            Arc::new(Entry {
                token: CancellationToken::new(),
                running: watch::Sender::new(0),
            })
        });
        entry.running.send_modify(|running| *running += 1);
        Lease {
            entry: Arc::clone(entry),
        }
    }

    /// Cancels the leases on a binding whose row is gone; answers how many calls that stops, when
    /// they have ended or the time for it is over.
    pub(super) async fn revoke(&self, binding: BindingId) -> u32 {
        let entry = {
            let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
            entries.remove(&binding)
        };
        let Some(entry) = entry else {
            return 0;
        };
        let mut running = entry.running.subscribe();
        let stopped = *running.borrow();
        entry.token.cancel();
        let drained = tokio::time::timeout(DRAIN, running.wait_for(|running| *running == 0)).await;
        if drained.is_err() {
            tracing::warn!(%binding, "calls of a revoked grant are still ending");
        }
        stopped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn revoking_cancels_what_runs_and_counts_it() {
        let leases = Arc::new(Leases::default());
        let (one, other) = (BindingId::generate(), BindingId::generate());
        let kept = leases.acquire(other);
        drop(leases.acquire(one));
        let running = leases.acquire(one);
        let task = tokio::spawn(async move {
            running.token().cancelled().await;
        });
        assert_eq!(leases.revoke(one).await, 1);
        task.await.unwrap();
        assert!(!kept.token().is_cancelled());
        assert_eq!(leases.revoke(one).await, 0, "nothing is left to stop");
    }

    #[tokio::test]
    async fn a_session_keeps_its_token_between_calls() {
        let leases = Leases::default();
        let binding = BindingId::generate();
        let token = leases.acquire(binding).token().clone();
        let second = leases.acquire(binding);
        drop(second);
        assert_eq!(leases.revoke(binding).await, 0);
        assert!(
            token.is_cancelled(),
            "no call runs, but the idle session is told"
        );
    }
}
