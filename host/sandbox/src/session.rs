//! An instance that lives from call to call.

use std::time::Instant;

use crate::call::{Grant, Invocation};
use crate::component::Component;
use crate::instance::Instance;
use crate::report::{Outcome, Report};
use crate::sandbox::Sandbox;

/// An instance that keeps its state between calls. It holds a place in the pool as long as it
/// lives, and ends when a call traps, reaches a limit, or is stopped, revoked or abandoned.
pub struct Session {
    sandbox: Sandbox,
    component: Component,
    grant: Grant,
    live: Option<Instance>,
}

impl Session {
    pub(crate) fn new(
        sandbox: Sandbox,
        component: Component,
        grant: Grant,
        instance: Instance,
    ) -> Session {
        Session {
            sandbox,
            component,
            grant,
            live: Some(instance),
        }
    }

    /// The component that it is an instance of.
    pub fn component(&self) -> &Component {
        &self.component
    }

    /// Whether it can take another call.
    pub fn is_alive(&self) -> bool {
        self.live.is_some() && !self.grant.lease.is_cancelled()
    }

    /// Runs one call. If this is dropped before its end, the session is over.
    pub async fn call(&mut self, invocation: Invocation) -> Report {
        let started = Instant::now();
        let place = match self.sandbox.admit(&invocation, &self.grant) {
            Ok(place) => place,
            Err(hit) => return Report::ended(Outcome::Limit(hit), started),
        };
        let Some(mut instance) = self.live.take() else {
            let over = "the session is over; another has to be opened";
            return Report::ended(Outcome::Trapped(over.to_owned()), started);
        };
        let grant = self.grant.clone();
        let running = self.sandbox.run();
        let ended = self
            .sandbox
            .on_guest_runtime(async move {
                let _held = (place, running);
                let (report, alive) = instance.invoke(invocation, &grant, started).await;
                (report, alive.then_some(instance))
            })
            .await;
        match ended {
            Ok((report, instance)) => {
                self.live = instance;
                report
            }
            Err(outcome) => Report::ended(outcome, started),
        }
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("component", &self.component)
            .field("alive", &self.is_alive())
            .finish_non_exhaustive()
    }
}
