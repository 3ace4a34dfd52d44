//! A call while it runs: it goes on by itself, and what it says is shown at a bounded rate.

use std::{future::Future, sync::Arc, time::Duration};

use alcove_api_types::{Label, ToolOutcome, ToolUsage};
use alcove_sandbox::{HostRecord, Progress};
use tokio::{
    sync::mpsc,
    task::{JoinError, JoinHandle},
    time::{Instant, timeout},
};

use super::{Run, call::canonical, execute::Execution, output::Open};
use crate::tools::{ToolRequest, ToolResult};

/// Progress events of one call: what comes beyond is not shown.
const MAX_PROGRESS: usize = 200;
/// Least time between two progress events.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);
/// Progress and log lines that wait to be shown: as many as a call usually may log.
const PROGRESS_BUFFER: usize = 1024;
/// Most characters of a progress note.
const NOTE_CHARS: usize = 200;
/// How long a stopped tool may take to end; the sandbox promises 100 ms.
const TOOL_STOP_GRACE: Duration = Duration::from_secs(2);

impl Execution {
    /// Begins a call at once. It runs and shows its progress whether or not it is waited for.
    pub(super) fn call_tool(
        &self,
        open: Open,
        request: ToolRequest,
    ) -> impl Future<Output = ToolResult> + Send + use<> {
        let (run, stop) = (self.run.clone(), self.run.stop_token().clone());
        let arguments = canonical(&request.arguments);
        let (sender, progress) = mpsc::channel::<Progress>(PROGRESS_BUFFER);
        let (toolbox, cancel) = (Arc::clone(&self.toolbox), stop.child_token());
        // It goes on to its end by itself, so that it is written down and paid for however long
        // that takes.
        let call = self
            .tasks
            .spawn(async move { toolbox.call(request, cancel, sender).await });
        let watch = self
            .tasks
            .spawn(watch(run, open, call, progress, arguments));
        async { unless_panicked(watch.await) }
    }
}

/// Shows what the call says until it ends, or until it was stopped and had its time.
async fn watch(
    run: Run,
    open: Open,
    mut call: JoinHandle<ToolResult>,
    mut progress: mpsc::Receiver<Progress>,
    arguments: String,
) -> ToolResult {
    let started = Instant::now();
    let stop = run.stop_token().clone();
    let mut watched = Watched::new(&run, open);
    loop {
        tokio::select! {
            biased;
            result = &mut call => {
                // What it said last is still to be shown.
                while let Ok(seen) = progress.try_recv() {
                    watched.show(seen);
                }
                return unless_panicked(result);
            }
            () = stop.cancelled() => break,
            Some(seen) = progress.recv() => watched.show(seen),
        }
    }
    if let Ok(result) = timeout(TOOL_STOP_GRACE, call).await {
        return unless_panicked(result);
    }
    tracing::error!(item = %open.id, "a stopped tool did not end in time");
    ToolResult {
        outcome: ToolOutcome::Limit {
            limit: "stopped".to_owned(),
            message: "the call was stopped".to_owned(),
        },
        output: Vec::new(),
        usage: ToolUsage {
            wall_us: u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
            ..ToolUsage::default()
        },
        // It ran, and nobody knows how far.
        label: Some(Label::Private),
        fetched: false,
        record: HostRecord::default(),
        arguments_canonical: arguments,
    }
}

/// A call's result; its panic is one of whoever waits for it.
fn unless_panicked(result: Result<ToolResult, JoinError>) -> ToolResult {
    result.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

/// What a tool says while it runs, shown at a bounded rate.
struct Watched<'a> {
    run: &'a Run,
    open: Open,
    shown: usize,
    shown_at: Option<Instant>,
}

impl Watched<'_> {
    fn new(run: &Run, open: Open) -> Watched<'_> {
        Watched {
            run,
            open,
            shown: 0,
            shown_at: None,
        }
    }

    fn show(&mut self, seen: Progress) {
        let Progress {
            permille,
            note,
            log,
        } = seen;
        if let Some(level) = log {
            // The sandbox bounds how many lines there are and how long.
            return self.run.push_log(self.open, level, note);
        }
        let due = self
            .shown_at
            .is_none_or(|at| at.elapsed() >= PROGRESS_EVERY);
        if due && self.shown < MAX_PROGRESS {
            self.shown += 1;
            self.shown_at = Some(Instant::now());
            let note = note.chars().take(NOTE_CHARS).collect();
            let permille = permille.map(|permille| permille.min(1000));
            self.run.push_progress(self.open, permille, note);
        }
    }
}
