//! Calls: the model writes them, the tool runs, their receipts are kept.

use alcove_api_types::{Item, ItemStatus, ToolOutcome};
use alcove_core::{
    context::cut_to_tokens,
    prompt::{CallForm, Prompt, ResultText},
    turn::{PlannedCall, Refusal, ToolEnd, TurnEvent},
};
use alcove_runtime::Sampling;
use serde_json::Value;

use super::{
    arguments::{Arguments, Part},
    cite,
    execute::{Execution, Halt},
    history::{self, Numbers},
    output::{NewCall, Open, refused},
    pen::Page,
};
use crate::{
    inference::{CallsForm, Form, Job, Priority, Tokens},
    store::log::MAX_RECORD_BYTES,
    tools::{Consent, OfferedTool, PriorCall, ToolRequest, ToolResult, unfit},
};

/// The failure of a tool whose code raised an error.
const RAISED: &str = "raised";

/// A call that has begun and not ended, with its tool's place in the turn.
#[derive(Debug, Clone, Copy)]
pub(super) struct OpenCall {
    pub(super) open: Open,
    tool: usize,
}

impl Execution {
    pub(super) async fn write_call(
        &mut self,
        tool: &str,
        prompt: Prompt,
        form: CallForm,
        max_calls: u32,
        max_tokens: u32,
    ) -> Result<TurnEvent, Halt> {
        let index = self
            .tools
            .iter()
            .position(|offered| offered.manifest.name == tool)
            .ok_or(Halt::Fault("the turn named a tool that was not offered"))?;
        self.open_call(index);
        self.arguments = match form {
            CallForm::Fenced { .. } => Arguments::code(),
            CallForm::Json { .. } => Arguments::array(),
        };
        let stop = form.stop();
        let form = match form {
            CallForm::Fenced { .. } => Form::Free,
            CallForm::Json { schema, next } => Form::Calls(CallsForm {
                schema,
                next,
                most: max_calls,
            }),
        };
        let job = Job {
            prompt,
            sampling: Sampling::Greedy,
            stop,
            max_tokens,
            form,
            priority: Priority::Interactive,
        };
        let written = self.write(job, Page::Arguments).await?;
        let (text, whole, tokens) = (written.text, written.whole, written.tokens);
        Ok(TurnEvent::CallWritten {
            text,
            whole,
            tokens,
        })
    }

    /// Begins a call of that tool, before its arguments are written.
    fn open_call(&mut self, tool: usize) {
        let offered = &self.tools[tool];
        let open = self.run.open_call(NewCall {
            plugin: &offered.plugin,
            digest: &offered.digest,
            tool: &offered.tool,
            title: &offered.manifest.title,
            badges: &offered.badges,
        });
        self.calls.push(OpenCall { open, tool });
    }

    /// Shows more of the text of calls, each call where it belongs.
    pub(super) fn show_arguments(&mut self, text: &str) {
        for part in self.arguments.feed(text) {
            let Some(last) = self.calls.last().copied() else {
                return;
            };
            match part {
                Part::More(more) => self.run.push_arguments(last.open, more),
                Part::Next => self.open_call(last.tool),
            }
        }
    }

    /// Runs calls of one tool that were written together, each as soon as it may; those of a
    /// session one after the other.
    pub(super) async fn run_tools(
        &mut self,
        calls: Vec<PlannedCall>,
        result_tokens: u32,
    ) -> Result<TurnEvent, Halt> {
        if self.calls.len() != calls.len() {
            return Err(Halt::Fault("other calls were to run than were written"));
        }
        for (call, planned) in self.calls.iter().zip(&calls) {
            let arguments = canonical(&planned.arguments);
            self.run.set_arguments(call.open, &arguments);
        }
        self.save_draft().await;
        let mut results = Vec::new();
        let mut begun = Vec::new();
        let mut halt = None;
        for (call, planned) in self.calls.clone().into_iter().zip(calls) {
            if let Some(refusal) = planned.refusal {
                begun.push(Err(refusal));
                continue;
            }
            let mut request = self.request(call, planned.arguments);
            if let Err(stopped) = self.seek_consent(call.open, &mut request).await {
                halt = Some(stopped);
                break;
            }
            let again = request.clone();
            let running = self.call_tool(call.open, request);
            if again.tool.session {
                // The next one goes on from what this one leaves.
                self.end_calls(std::mem::take(&mut begun), result_tokens, &mut results)
                    .await?;
                let ended = vec![Ok((again, running))];
                self.end_calls(ended, result_tokens, &mut results).await?;
            } else {
                begun.push(Ok((again, running)));
            }
        }
        self.end_calls(begun, result_tokens, &mut results).await?;
        match halt {
            Some(halt) => Err(halt),
            None if self.run.stop_token().is_cancelled() => Err(Halt::Stopped),
            None => Ok(TurnEvent::ToolsEnded { results }),
        }
    }

    /// Waits for calls in their order; one that does not run is refused in its place.
    async fn end_calls<F: Future<Output = ToolResult>>(
        &mut self,
        calls: Vec<Result<(ToolRequest, F), Refusal>>,
        result_tokens: u32,
        results: &mut Vec<ToolEnd>,
    ) -> Result<(), Halt> {
        for call in calls {
            match call {
                Ok((request, running)) => {
                    let result = running.await;
                    results.push(self.end_call(request, result, result_tokens).await?);
                }
                Err(refusal) => self.refuse_first(refusal).await?,
            }
        }
        Ok(())
    }

    fn request(&self, call: OpenCall, arguments: Value) -> ToolRequest {
        let tool = self.tools[call.tool].clone();
        let belongs = |prior: &&PriorCall| tool.session && prior.plugin == tool.plugin;
        ToolRequest {
            principal: self.principal.clone(),
            place: self.place,
            item: call.open.id,
            prior: self.prior.iter().filter(belongs).cloned().collect(),
            arguments,
            consent: Consent {
                flow: self.flow.clone(),
                ..Consent::default()
            },
            tool,
        }
    }

    /// Answers what the call asks, writes down how it ended, and says what the model reads of it.
    async fn end_call(
        &mut self,
        request: ToolRequest,
        result: ToolResult,
        result_tokens: u32,
    ) -> Result<ToolEnd, Halt> {
        let open = match self.calls.first() {
            Some(first) if first.open.id == request.item => first.open,
            _ => return Err(Halt::Fault("calls ended out of their order")),
        };
        let unfit = unfit(&request).is_some();
        let tool = request.tool.clone();
        let mut result = self.ask_until_done(open, request, result).await?;
        cite::number(&self.run.snapshot().output, &mut result.output);
        let raised =
            matches!(&result.outcome, ToolOutcome::Failed { failure, .. } if failure == RAISED);
        let read = history::result_text(Some(&result.outcome), &result.output, Numbers::Shown);
        self.keep_call(open, tool, result).await?;
        let cut = cut_to_tokens(&Tokens(&*self.model), &read.text, result_tokens);
        Ok(ToolEnd {
            result: ResultText {
                ok: read.ok,
                text: cut.text,
                cite: read.cite,
            },
            tokens: cut.tokens,
            anew: unfit || raised,
        })
    }

    /// The first open call is over: into the snapshot, the log, and what later calls go on from.
    async fn keep_call(
        &mut self,
        open: Open,
        tool: OfferedTool,
        result: ToolResult,
    ) -> Result<(), Halt> {
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
        self.calls.remove(0);
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
        Ok(())
    }

    /// Nothing of what was written runs.
    pub(super) async fn refuse_calls(&mut self, refusal: Refusal) -> Result<(), Halt> {
        while !self.calls.is_empty() {
            self.refuse_first(refusal).await?;
        }
        Ok(())
    }

    async fn refuse_first(&mut self, refusal: Refusal) -> Result<(), Halt> {
        let OpenCall { open, .. } = self.calls.remove(0);
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
pub(super) fn canonical(arguments: &Value) -> String {
    alcove_core::canonical::json(arguments).unwrap_or_else(|_| arguments.to_string())
}
