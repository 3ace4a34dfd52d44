//! A call: the model writes it, the tool runs, its progress is shown, its receipt is kept.

use std::time::Duration;

use alcove_api_types::{ItemStatus, ToolOutcome, ToolUsage};
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
    time::{Instant, timeout},
};

use super::{
    execute::{Execution, Halt},
    history,
    output::{NewCall, Open, refused},
    pen::Page,
};
use crate::{
    inference::{Form, Job, Tokens},
    store::log::MAX_RECORD_BYTES,
    tools::{PriorCall, ToolRequest, ToolResult},
};

/// Progress events of one call: what comes beyond is not shown.
const MAX_PROGRESS: usize = 200;
/// Least time between two progress events.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);
/// Progress that waits to be shown.
const PROGRESS_BUFFER: usize = 16;
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
        let request = ToolRequest {
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
        };
        let result = self.call_tool(open, request).await;
        let read = history::result_text(Some(&result.outcome), &result.output);
        self.run.set_outcome(open, |call| {
            call.status = ItemStatus::Completed;
            call.arguments.clone_from(&result.arguments_canonical);
            call.outcome = Some(result.outcome.clone());
            call.output.clone_from(&result.output);
            call.usage = Some(result.usage);
        });
        // Plain data with string keys: it can't fail, and an empty record only means that a
        // restored session says that it differs.
        let record = serde_json::to_vec(&result.record).unwrap_or_default();
        let fits = record.len() <= MAX_RECORD_BYTES;
        if !fits {
            tracing::warn!(item = %open.id, bytes = record.len(), "a call's record is too large to keep");
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
        };
        Ok(TurnEvent::ToolEnded {
            result,
            tokens: cut.tokens,
        })
    }

    /// The call itself, with its progress shown at a bounded rate.
    async fn call_tool(&self, open: Open, request: ToolRequest) -> ToolResult {
        let stop = self.run.stop_token().clone();
        let arguments = canonical(&request.arguments);
        let (sender, mut progress) = mpsc::channel::<Progress>(PROGRESS_BUFFER);
        let started = Instant::now();
        let call = self.toolbox.call(request, stop.child_token(), sender);
        tokio::pin!(call);
        let mut shown = 0;
        let mut shown_at: Option<Instant> = None;
        loop {
            tokio::select! {
                biased;
                result = &mut call => return result,
                () = stop.cancelled() => break,
                Some(Progress { permille, note }) = progress.recv() => {
                    let due = shown_at.is_none_or(|at| at.elapsed() >= PROGRESS_EVERY);
                    if due && shown < MAX_PROGRESS {
                        shown += 1;
                        shown_at = Some(Instant::now());
                        let note = note.chars().take(NOTE_CHARS).collect();
                        self.run.push_progress(open, permille.map(|p| p.min(1000)), note);
                    }
                }
            }
        }
        match timeout(TOOL_STOP_GRACE, call).await {
            Ok(result) => result,
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

/// Arguments as the item shows them; the tool's own canonical text takes their place once it ran.
fn canonical(arguments: &Value) -> String {
    alcove_core::canonical::json(arguments).unwrap_or_else(|_| arguments.to_string())
}
