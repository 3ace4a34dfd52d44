//! Runs: turns that the server owns. A client that leaves does not cancel; Stop does.
//!
//! A request becomes a [`ValidRequest`], [`Runs::start`] plans and stores it, and a task of the
//! server carries out what [`alcove_core::turn`] says, turning each step into events of
//! [`Run`] and items of the log. Readers follow from any sequence number.

mod answer;
mod arguments;
mod ask;
mod before;
mod call;
mod cite;
mod error;
mod execute;
mod files;
mod find;
mod history;
mod keep;
mod limits;
mod load;
mod moments;
mod output;
mod pen;
mod preselect;
mod quota;
mod registry;
mod route;
mod run;
mod start;
mod toolbox;
mod valid_request;
mod warm;
mod watch;
mod work_time;

use std::{sync::Arc, time::Duration};

use alcove_core::ids::ConversationId;
use tokio::sync::{Mutex, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use answer::AnswerError;
pub use error::{FindError, InternalError, InvalidRequest, StartError};
pub use execute::INSUFFICIENT_QUOTA;
pub use find::Found;
pub use limits::RunLimits;
pub use moments::Moments;
pub use run::Run;
pub use toolbox::Toolbox;
pub use valid_request::{
    DEFAULT_OUTPUT_TOKENS, IdempotencyKey, InputMessage, MAX_INPUT_BYTES, MAX_INPUT_MESSAGES,
    MAX_METADATA_BYTES, Target, ToolFilter, ValidRequest,
};

use crate::{
    inference::{Encoder, Models},
    ledger::LedgerBook,
    store::log::ItemLog,
};
use preselect::Preselector;
use registry::Registry;

/// All runs of this server; cheap to clone.
#[derive(Clone)]
pub struct Runs {
    inner: Arc<Inner>,
}

struct Inner {
    log: ItemLog,
    models: Models,
    preselector: Preselector,
    toolbox: Arc<dyn Toolbox>,
    moments: Arc<dyn Moments>,
    ledger: LedgerBook,
    limits: RunLimits,
    registry: Registry,
    /// Starts of one user happen one after the other, so that a retried request finds the first,
    /// and two requests for one branch can't both pass. Users share the locks by their id.
    starting: [Mutex<()>; START_LOCKS],
    /// Runs wait here for their turn.
    active: Arc<Semaphore>,
    tasks: TaskTracker,
    /// Cancelled when the server goes down: no new runs.
    closing: CancellationToken,
    /// Cancelled when the first run begins: it needs the model for itself.
    warming: CancellationToken,
}

const START_LOCKS: usize = 64;
/// How long a shutdown waits for stopped runs to be stored.
const STORE_GRACE: Duration = Duration::from_secs(5);

impl std::fmt::Debug for Runs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runs")
            .field("running", &self.inner.registry.running().len())
            .finish()
    }
}

impl Runs {
    /// Runs over this log, with these models and tools.
    pub fn new(
        log: ItemLog,
        models: Models,
        encoder: Encoder,
        toolbox: Arc<dyn Toolbox>,
        moments: Arc<dyn Moments>,
        ledger: LedgerBook,
        limits: RunLimits,
    ) -> Runs {
        let active = Arc::new(Semaphore::new(limits.active));
        Runs {
            inner: Arc::new(Inner {
                log,
                models,
                preselector: Preselector::new(encoder),
                toolbox,
                moments,
                ledger,
                limits,
                registry: Registry::default(),
                starting: std::array::from_fn(|_| Mutex::new(())),
                active,
                tasks: TaskTracker::new(),
                closing: CancellationToken::new(),
                warming: CancellationToken::new(),
            }),
        }
    }

    /// The newest run in progress in that conversation. The caller has checked whose it is.
    pub fn running_in(&self, conversation: ConversationId) -> Option<Run> {
        self.inner.registry.running_in(conversation)
    }

    /// How many runs are in progress or waiting.
    pub fn running(&self) -> usize {
        self.inner.registry.running().len()
    }

    /// Ends what an earlier process left in progress: its drafts become incomplete items. To be
    /// called once, before the first run. Answers how many there were.
    pub async fn recover_at_start(&self) -> Result<usize, InternalError> {
        let interrupted = self
            .inner
            .log
            .recover()
            .await
            .map_err(|error| Arc::new(error) as InternalError)?;
        if !interrupted.is_empty() {
            tracing::warn!(
                runs = interrupted.len(),
                "runs were interrupted when the server ended; what there was of them is kept"
            );
        }
        Ok(interrupted.len())
    }

    /// Takes no more runs, waits for those in progress, and after `grace` stops the rest; what
    /// they have is kept. Returns once all are stored.
    pub async fn drain(&self, grace: Duration) {
        self.inner.closing.cancel();
        self.inner.warming.cancel();
        self.inner.tasks.close();
        if tokio::time::timeout(grace, self.inner.tasks.wait())
            .await
            .is_ok()
        {
            return;
        }
        let rest = self.inner.registry.running();
        tracing::warn!(runs = rest.len(), "stopping runs that did not end in time");
        for run in rest {
            run.halt(run::Cause::Shutdown);
        }
        if tokio::time::timeout(STORE_GRACE, self.inner.tasks.wait())
            .await
            .is_err()
        {
            tracing::error!("some runs could not be stored; they are recovered at the next start");
        }
    }
}

#[cfg(test)]
mod tests;
