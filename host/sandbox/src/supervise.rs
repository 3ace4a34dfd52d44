//! Racing a guest against everything that may end it.

use std::time::Instant;

use tokio_util::sync::CancellationToken;

use crate::shared::{Stop, Stopped};

/// What ends a call from outside.
pub(crate) struct Ends {
    pub(crate) cancel: CancellationToken,
    pub(crate) lease: CancellationToken,
    pub(crate) deadline: Instant,
}

impl Ends {
    /// Runs `guest` until it ends or is ended. This catches a guest that waits in a host function;
    /// one that computes is caught by the epoch callback, which also lets this be polled.
    pub(crate) async fn race<T>(
        &self,
        guest: impl Future<Output = wasmtime::Result<T>>,
    ) -> wasmtime::Result<T> {
        let stop = tokio::select! {
            biased;
            () = self.cancel.cancelled() => Stop::Cancelled,
            () = self.lease.cancelled() => Stop::Revoked,
            () = tokio::time::sleep_until(self.deadline.into()) => Stop::Wall,
            result = guest => return result,
        };
        Err(wasmtime::Error::new(Stopped(stop)))
    }
}
