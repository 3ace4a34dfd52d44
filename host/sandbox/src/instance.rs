//! One instance of a component, for one call or for a session.

use std::sync::Arc;
use std::time::Instant;

use wasmtime::{Store, UpdateDeadline};

use crate::call::{Grant, Invocation};
use crate::component::Loaded;
use crate::cpu::Metered;
use crate::entry::Entry;
use crate::outcome::{self, Ended};
use crate::recorder::Recorder;
use crate::report::{Report, Usage};
use crate::room::Held;
use crate::sandbox::Inner;
use crate::shared::Shared;
use crate::state::{GuestState, MountError};
use crate::supervise::Ends;

/// An instance, or a place for one until its first call.
pub(crate) struct Instance {
    store: Store<GuestState>,
    shared: Arc<Shared>,
    component: Arc<Loaded>,
    /// Instantiated by the first call, so that this happens under its limits and in its record.
    entry: Option<Entry>,
    /// Dropped after the store, which holds the place in the pool that this stands for.
    _room: Held,
}

impl Instance {
    pub(crate) fn new(
        sandbox: &Inner,
        component: &Arc<Loaded>,
        grant: &Grant,
        room: Held,
    ) -> Result<Instance, MountError> {
        let shared = Arc::new(Shared::new(Recorder::new()));
        let state = GuestState::new(
            Arc::clone(&shared),
            grant,
            component.wants_files.then_some(&sandbox.no_files),
            &sandbox.egress,
            &sandbox.quota,
        )?;
        let mut store = Store::new(&sandbox.engine, state);
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(outcome::hostcall_bytes(&grant.policy));
        store.epoch_deadline_callback({
            let shared = Arc::clone(&shared);
            move |_| {
                shared.check()?;
                // A plain yield would starve the timers of this runtime, deadlines among them.
                Ok(UpdateDeadline::YieldCustom(
                    1,
                    Box::pin(tokio::task::yield_now()),
                ))
            }
        });
        Ok(Instance {
            store,
            shared,
            component: Arc::clone(component),
            entry: None,
            _room: room,
        })
    }

    /// Runs one call. Answers with its report and whether the instance can take another.
    pub(crate) async fn invoke(
        &mut self,
        mut invocation: Invocation,
        grant: &Grant,
        started: Instant,
    ) -> (Report, bool) {
        let ends = Ends {
            cancel: invocation.cancel.clone(),
            lease: grant.lease.clone(),
            deadline: Instant::now() + grant.policy.limits().wall,
        };
        self.shared.begin(&mut invocation, grant, ends.deadline);
        self.store.data_mut().memory.begin_call();
        // Before instantiation, which may run the guest's code.
        self.store.set_epoch_deadline(1);
        let shared = Arc::clone(&self.shared);
        let returned = ends
            .race(Metered::new(self.run(&invocation), &shared.cpu))
            .await;

        let memory = &self.store.data().memory;
        let Ended {
            outcome,
            output_bytes,
            alive,
        } = outcome::decide(returned, &shared, memory.refused());
        let (record, divergence) = shared.recorder.take();
        let report = Report {
            outcome,
            usage: Usage {
                wall: started.elapsed(),
                cpu: shared.cpu.used(),
                peak_memory_bytes: memory.peak(),
                output_bytes,
                http_bytes: shared.http_use().bytes(),
            },
            record,
            divergence,
            logs: shared.take_logs(),
        };
        (report, alive)
    }

    async fn run(&mut self, invocation: &Invocation) -> outcome::Returned {
        let entry = match &self.entry {
            Some(entry) => entry,
            None => {
                let entry = self.component.pre.instantiate(&mut self.store).await?;
                self.entry.insert(entry)
            }
        };
        entry.call(&mut self.store, invocation).await
    }
}
