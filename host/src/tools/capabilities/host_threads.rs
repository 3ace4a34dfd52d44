//! The host's own threads: a capability's work runs there, not on those of the guests.
//!
//! Connections to databases and files belong to the host's runtime, and a guest that computes must
//! not hold up what waits for them.

use alcove_sandbox::CapabilityError;
use tokio::runtime::Handle;
use tokio::task::{AbortHandle, JoinHandle};

/// A way to the host's own threads.
#[derive(Clone)]
pub(super) struct HostThreads(Handle);

struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl HostThreads {
    /// Those that run the calling task.
    pub(super) fn of_this_task() -> HostThreads {
        HostThreads(Handle::current())
    }

    /// Begins `work` there, which goes on whatever becomes of the handle.
    pub(super) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.0.spawn(work)
    }

    /// Runs `work` there. Dropping this ends it.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, CapabilityError>> + Send + 'static,
    ) -> Result<T, CapabilityError> {
        let task = self.0.spawn(work);
        let _abort = AbortOnDrop(task.abort_handle());
        task.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a capability's work failed in the host");
            Err(CapabilityError::Unavailable(
                "the host could not do it".to_owned(),
            ))
        })
    }
}
