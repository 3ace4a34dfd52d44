//! Leases: a running call holds one on all of its bindings together, so that revoking any of them
//! can stop it and wait for it, and so that it ends when the first of them expires.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alcove_core::ids::BindingId;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

/// How long a revocation waits for the calls that it stopped.
const DRAIN: Duration = Duration::from_millis(100);

/// The leases. There is an entry for each set of bindings that was used since the start and still
/// stands, so the table is bounded by the people and what they are granted.
#[derive(Default)]
pub(super) struct Leases {
    entries: Mutex<HashMap<Vec<BindingId>, Arc<Entry>>>,
}

struct Entry {
    /// The same for as long as the bindings stand: live sessions hold it from call to call.
    token: CancellationToken,
    running: watch::Sender<u32>,
    /// Ends the lease when the first of the bindings expires.
    expiry: Option<AbortHandle>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some(expiry) = &self.expiry {
            expiry.abort();
        }
    }
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
    /// Takes a lease on `bindings`, the first of which expires in so long. Only after it has one
    /// may a call look whether they still stand: whoever revokes removes the row, counts the
    /// change, and cancels the leases then, so a call that saw no change is among those that are
    /// cancelled.
    pub(super) fn acquire(&self, bindings: &[BindingId], expires_in: Option<Duration>) -> Lease {
        let mut key = bindings.to_vec();
        key.sort_unstable();
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if !entries.contains_key(&key) {
            // What expired is not asked for again: its bindings are no longer in force.
            entries.retain(|_, entry| !entry.token.is_cancelled() || *entry.running.borrow() > 0);
        }
        let entry = entries.entry(key).or_insert_with(|| {
            let token = CancellationToken::new();
            let expiry = expires_in.map(|left| {
                let token = token.clone();
                let timer = tokio::spawn(async move {
                    tokio::time::sleep(left).await;
                    token.cancel();
                });
                timer.abort_handle()
            });
            Arc::new(Entry {
                token,
                running: watch::Sender::new(0),
                expiry,
            })
        });
        entry.running.send_modify(|running| *running += 1);
        Lease {
            entry: Arc::clone(entry),
        }
    }

    /// How many are held.
    pub(super) fn held(&self) -> u32 {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.values().map(|entry| *entry.running.borrow()).sum()
    }

    /// Cancels the leases on a binding whose row is gone; answers how many calls that stops, when
    /// they have ended or the time for it is over.
    pub(super) async fn revoke(&self, binding: BindingId) -> u32 {
        self.revoke_where(|bindings| bindings.contains(&binding))
            .await
    }

    /// Cancels all leases: what they were taken under has changed.
    pub(super) async fn revoke_all(&self) -> u32 {
        self.revoke_where(|_| true).await
    }

    /// Cancels the leases on these bindings together, and waits for nobody.
    pub(super) fn cancel(&self, bindings: &[BindingId]) {
        let mut key = bindings.to_vec();
        key.sort_unstable();
        self.end_where(|bindings| *bindings == *key);
    }

    /// Takes the entries out and cancels them. Answers them, and how many calls held them until
    /// then.
    fn end_where(&self, ended: impl Fn(&[BindingId]) -> bool) -> (Vec<Arc<Entry>>, u32) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = entries.extract_if(|bindings, _| ended(bindings));
        let gone: Vec<_> = gone.map(|(_, entry)| entry).collect();
        // Counted first: a call that is told to end may be gone before the next line.
        let stopped = gone.iter().map(|entry| *entry.running.borrow()).sum();
        for entry in &gone {
            entry.token.cancel();
        }
        (gone, stopped)
    }

    async fn revoke_where(&self, revoked: impl Fn(&[BindingId]) -> bool) -> u32 {
        let (gone, stopped) = self.end_where(revoked);
        let drain = async {
            for entry in &gone {
                let mut running = entry.running.subscribe();
                // The sender is in the entry, which is held here.
                let _ = running.wait_for(|running| *running == 0).await;
            }
        };
        if tokio::time::timeout(DRAIN, drain).await.is_err() {
            tracing::warn!("calls of a revoked grant are still ending");
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
        let kept = leases.acquire(&[other], None);
        drop(leases.acquire(&[one], None));
        let running = leases.acquire(&[one], None);
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
        let token = leases.acquire(&[binding], None).token().clone();
        let second = leases.acquire(&[binding], None);
        drop(second);
        assert_eq!(leases.revoke(binding).await, 0);
        assert!(
            token.is_cancelled(),
            "no call runs, but the idle session is told"
        );
    }

    #[tokio::test]
    async fn a_lease_on_several_bindings_ends_with_any_of_them() {
        let leases = Leases::default();
        let (one, other) = (BindingId::generate(), BindingId::generate());
        let both = leases.acquire(&[one, other], None);
        let again = leases.acquire(&[other, one], None);
        let alone = leases.acquire(&[other], None);
        let token = both.token().clone();
        drop((both, again));
        let held = leases.acquire(&[one, other], None);
        assert_eq!(leases.revoke(one).await, 1);
        assert!(token.is_cancelled() && held.token().is_cancelled());
        assert!(!alone.token().is_cancelled());
        assert_eq!(leases.revoke_all().await, 1);
    }

    #[tokio::test]
    async fn a_lease_ends_when_its_grant_expires() {
        let leases = Leases::default();
        let binding = BindingId::generate();
        let lease = leases.acquire(&[binding], Some(Duration::from_millis(50)));
        assert!(!lease.token().is_cancelled());
        tokio::time::timeout(Duration::from_secs(5), lease.token().cancelled())
            .await
            .unwrap();
    }
}
