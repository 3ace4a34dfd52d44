//! A call: the model writes it, the tool runs, its progress is shown, its receipt is kept.

use std::{sync::Arc, time::Duration};

use alcove_api_types::{Item, ItemStatus, Label, ToolOutcome, ToolUsage};
use alcove_core::{
    context::cut_to_tokens,
    prompt::{CallForm, Prompt, ResultText},
    turn::{Refusal, TurnEvent},
};
use alcove_runtime::Sampling;
use alcove_sandbox::{HostRecord, Progress};
use serde_json::Value;
use tokio::{
    sync::mpsc,
    task::JoinError,
    time::{Instant, timeout},
};

use super::{
    Run, cite,
    execute::{Execution, Halt},
    history::{self, Numbers},
    output::{NewCall, Open, refused},
    pen::Page,
};
use crate::{
    inference::{Form, Job, Priority, Tokens},
    store::log::MAX_RECORD_BYTES,
    tools::{Consent, PriorCall, ToolRequest, ToolResult, unfit},
};

/// The failure of a tool whose code raised an error.
const RAISED: &str = "raised";

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
    pub(super) async fn write_call(
        &mut self,
        tool: &str,
        prompt: Prompt,
        form: CallForm,
        max_tokens: u32,
    ) -> Result<TurnEvent, Halt> {
        let index = self
            .tools
            .iter()
            .position(|offered| offered.manifest.name == tool)
            .ok_or(Halt::Fault("the turn named a tool that was not offered"))?;
        let offered = &self.tools[index];
        let open = self.run.open_call(NewCall {
            plugin: &offered.plugin,
            digest: &offered.digest,
            tool: &offered.tool,
            title: &offered.manifest.title,
            badges: &offered.badges,
        });
        self.call = Some((open, index));
        let stop = form.stop();
        let form = match form {
            CallForm::Fenced { .. } => Form::Free,
            CallForm::Json { schema } => Form::Json(schema),
        };
        let job = Job {
            prompt,
            sampling: Sampling::Greedy,
            stop,
            max_tokens,
            form,
            priority: Priority::Interactive,
        };
        let written = self.write(job, Page::Arguments(open)).await?;
        let (text, whole, tokens) = (written.text, written.whole, written.tokens);
        Ok(TurnEvent::CallWritten {
            text,
            whole,
            tokens,
        })
    }

    pub(super) async fn run_tool(
        &mut self,
        arguments: Value,
        result_tokens: u32,
    ) -> Result<TurnEvent, Halt> {
        let (open, index) = self
            .call
            .ok_or(Halt::Fault("a tool was to run without a call"))?;
        let tool = self.tools[index].clone();
        self.run.set_arguments(open, &canonical(&arguments));
        self.save_draft().await;
        let mut request = ToolRequest {
            principal: self.principal.clone(),
            conversation: self.place.map(|place| place.conversation),
            item: open.id,
            prior: self
                .prior
                .iter()
                .filter(|call| tool.session && call.plugin == tool.plugin)
                .cloned()
                .collect(),
            tool: tool.clone(),
            arguments,
            consent: Consent {
                flow: self.flow.clone(),
                ..Consent::default()
            },
        };
        let unfit = unfit(&request).is_some();
        self.seek_consent(open, &mut request).await?;
        let mut result = self.call_and_ask(open, request).await?;
        cite::number(&self.run.snapshot().output, &mut result.output);
        let raised =
            matches!(&result.outcome, ToolOutcome::Failed { failure, .. } if failure == RAISED);
        let read = history::result_text(Some(&result.outcome), &result.output, Numbers::Shown);
        self.run.set_outcome(open, |call| {
            call.status = ItemStatus::Completed;
            call.arguments.clone_from(&result.arguments_canonical);
            call.outcome = Some(result.outcome.clone());
            call.output.clone_from(&result.output);
            call.usage = Some(result.usage);
            call.label = result.label;
            call.fetched = result.fetched;
        });
        // Plain data with string keys: it can't fail, and an empty record only means that a
        // restored session says that it differs.
        let record = serde_json::to_vec(&result.record).unwrap_or_default();
        let fits = record.len() <= MAX_RECORD_BYTES;
        if !fits {
            tracing::warn!(item = %open.id, bytes = record.len(), "a call's record is too large to keep");
        }
        if let Some(Item::ToolCall(call)) = self.run.item(open) {
            self.flow.returned(&call);
        }
        self.call = None;
        self.append(open, fits.then_some(record), None).await?;
        self.run.close_call(open);
        if tool.session {
            self.prior.push(PriorCall {
                item: open.id,
                plugin: tool.plugin,
                digest: tool.digest,
                tool: tool.tool,
                arguments: result.arguments_canonical,
                outcome: result.outcome,
                output: result.output,
                record: result.record,
            });
        }
        if self.run.stop_token().is_cancelled() {
            return Err(Halt::Stopped);
        }
        let cut = cut_to_tokens(&Tokens(&*self.model), &read.text, result_tokens);
        let result = ResultText {
            ok: read.ok,
            text: cut.text,
            cite: read.cite,
        };
        Ok(TurnEvent::ToolEnded {
            result,
            tokens: cut.tokens,
            anew: unfit || raised,
        })
    }

    /// The call itself, with its progress shown at a bounded rate.
    pub(super) async fn call_tool(&self, open: Open, request: ToolRequest) -> ToolResult {
        let stop = self.run.stop_token().clone();
        let arguments = canonical(&request.arguments);
        let (sender, mut progress) = mpsc::channel::<Progress>(PROGRESS_BUFFER);
        let started = Instant::now();
        let (toolbox, cancel) = (Arc::clone(&self.toolbox), stop.child_token());
        // It goes on to its end by itself, so that it is written down and paid for however long
        // that takes.
        let mut call = self
            .tasks
            .spawn(async move { toolbox.call(request, cancel, sender).await });
        let mut watched = Watched::new(&self.run, open);
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
        match timeout(TOOL_STOP_GRACE, call).await {
            Ok(result) => unless_panicked(result),
            Err(_) => {
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
        }
    }

    pub(super) async fn refuse_call(&mut self, refusal: Refusal) -> Result<(), Halt> {
        let (open, _) = self
            .call
            .take()
            .ok_or(Halt::Fault("a call was refused without one"))?;
        self.run.set_outcome(open, |call| {
            call.status = ItemStatus::Completed;
            call.outcome = Some(refused(refusal));
            if call.arguments.is_empty() {
                call.arguments = "{}".to_owned();
            }
        });
        self.append(open, None, None).await?;
        self.run.close_call(open);
        Ok(())
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

/// Arguments as the item shows them; the tool's own canonical text takes their place once it ran.
fn canonical(arguments: &Value) -> String {
    alcove_core::canonical::json(arguments).unwrap_or_else(|_| arguments.to_string())
}
