//! When a run is worked on: as one of the few at a time, and for so long in all. Neither counts
//! while it waits for a person.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::AbortHandle,
    time::{Instant, sleep},
};

use super::{Run, run::Cause};

/// A run's place among those that are worked on, and what is left of its time.
pub(super) struct WorkTime {
    active: Arc<Semaphore>,
    left: Duration,
    shift: Option<Shift>,
}

/// A stretch in which the run is worked on.
struct Shift {
    begun: Instant,
    alarm: AbortHandle,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Shift {
    fn drop(&mut self) {
        self.alarm.abort();
    }
}

impl WorkTime {
    pub(super) fn new(active: Arc<Semaphore>, left: Duration) -> WorkTime {
        WorkTime {
            active,
            left,
            shift: None,
        }
    }

    /// Waits for the run's turn; `false` where it was stopped first. From then on its time passes,
    /// and it is stopped when none is left.
    pub(super) async fn begin(&mut self, run: &Run) -> bool {
        let stop = run.stop_token().clone();
        let permit = tokio::select! {
            biased;
            () = stop.cancelled() => None,
            permit = Arc::clone(&self.active).acquire_owned() => permit.ok(),
        };
        let (run, left) = (run.clone(), self.left);
        self.shift = permit.map(|permit| Shift {
            begun: Instant::now(),
            alarm: tokio::spawn(async move {
                sleep(left).await;
                run.halt(Cause::Time);
            })
            .abort_handle(),
            _permit: permit,
        });
        self.shift.is_some()
    }

    /// Lets others have their turn.
    pub(super) fn pause(&mut self) {
        if let Some(shift) = self.shift.take() {
            self.left = self.left.saturating_sub(shift.begun.elapsed());
        }
    }
}
