//! Carrying out a turn: its actions become work, and what comes of them events and items.

use std::{collections::VecDeque, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use alcove_api_types::{
    EventBody, IncompleteDetails, ItemStatus, ResponseError, ResponseStatus, ToolOutcome,
    ToolUsage, Usage,
};
use alcove_core::{
    context::cut_to_tokens,
    ids::{BranchId, ConversationId},
    item::Payload,
    prompt::{CallForm, Prompt},
    turn::{Refusal, Turn, TurnAction, TurnEnd, TurnEvent},
};
use alcove_runtime::{Sampling, TokenUsage};
use alcove_sandbox::Progress;
use futures::FutureExt;
use serde_json::Value;
use tokio::{
    sync::{Semaphore, mpsc},
    time::{Instant, timeout},
};

use super::{
    Run, Toolbox, history,
    output::{NewCall, Open, payload, refused},
    pen::{DRAFT_EVERY, Page},
};
use crate::{
    accounts::Principal,
    inference::{Form, Job, Model, ModelError, Tokens},
    store::log::{Append, Draft, ItemLog, LogError, MAX_RECORD_BYTES, ResponseEnd},
    tools::{OfferedTool, PriorCall, ToolRequest, ToolResult},
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

/// Where the items of a run go. Runs with `store: false` have none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) conversation: ConversationId,
    pub(super) branch: BranchId,
}

/// Why a step did not come to its end.
#[derive(Debug)]
pub(super) enum Halt {
    Stopped,
    Model(ModelError),
    Log(LogError),
    /// A fault of this program; the text is for the log.
    Fault(&'static str),
}

impl From<ModelError> for Halt {
    fn from(error: ModelError) -> Halt {
        Halt::Model(error)
    }
}

impl From<LogError> for Halt {
    fn from(error: LogError) -> Halt {
        Halt::Log(error)
    }
}

/// A run with everything that its task owns.
pub(super) struct Execution {
    pub(super) run: Run,
    principal: Principal,
    place: Option<Place>,
    turn: Turn,
    pub(super) model: Arc<dyn Model>,
    tools: Vec<OfferedTool>,
    /// Calls of session tools on this path, those of this turn included.
    prior: Vec<PriorCall>,
    sampling: Sampling,
    log: ItemLog,
    toolbox: Arc<dyn Toolbox>,
    usage: Usage,
    /// The answer, once it has begun.
    pub(super) message: Option<Open>,
    /// The call that is being written or run, with its tool's place in `tools`.
    call: Option<(Open, usize)>,
    drafted_at: Instant,
}

impl Execution {
    #[expect(clippy::too_many_arguments, reason = "one call site, which names each")]
    pub(super) fn new(
        run: Run,
        principal: Principal,
        place: Option<Place>,
        turn: Turn,
        model: Arc<dyn Model>,
        tools: Vec<OfferedTool>,
        prior: Vec<PriorCall>,
        sampling: Sampling,
        log: ItemLog,
        toolbox: Arc<dyn Toolbox>,
    ) -> Execution {
        Execution {
            run,
            principal,
            place,
            turn,
            model,
            tools,
            prior,
            sampling,
            log,
            toolbox,
            usage: Usage::default(),
            message: None,
            call: None,
            drafted_at: Instant::now(),
        }
    }

    /// Runs to the end, whatever happens: readers always get a last event.
    pub(super) async fn run(mut self, active: Arc<Semaphore>) {
        let run = self.run.clone();
        let id = run.id();
        if AssertUnwindSafe(self.work(&active))
            .catch_unwind()
            .await
            .is_err()
        {
            tracing::error!(response = %id, "a run panicked");
            let end = TurnEnd::Failed {
                code: "server_error".to_owned(),
                message: internal(),
            };
            if AssertUnwindSafe(self.finish(end))
                .catch_unwind()
                .await
                .is_err()
            {
                let mut response = run.snapshot();
                response.status = ResponseStatus::Failed;
                run.end(response);
            }
        }
    }

    async fn work(&mut self, active: &Semaphore) {
        let stop = self.run.stop_token().clone();
        let permit = tokio::select! {
            biased;
            () = stop.cancelled() => None,
            permit = active.acquire() => permit.ok(),
        };
        self.run.emit_with(|response| {
            response.status = ResponseStatus::InProgress;
            EventBody::InProgress {
                response: response.clone(),
            }
        });
        let first = if permit.is_some() {
            TurnEvent::Started
        } else {
            TurnEvent::StopRequested
        };
        let mut actions: VecDeque<TurnAction> = self.turn.handle(first).into();
        while let Some(action) = actions.pop_front() {
            let event = match action {
                TurnAction::Finish(end) => return self.finish(end).await,
                action => self.carry_out(action).await,
            };
            let event = match event {
                Ok(None) => continue,
                Ok(Some(event)) => event,
                Err(halt) => self.halted(halt),
            };
            actions.extend(self.turn.handle(event));
        }
        // The machine ends every turn with `Finish`; without it the run would never end.
        self.finish(TurnEnd::Failed {
            code: "server_error".to_owned(),
            message: internal(),
        })
        .await;
    }

    async fn carry_out(&mut self, action: TurnAction) -> Result<Option<TurnEvent>, Halt> {
        match action {
            TurnAction::Decide { prompt, options } => {
                let job = Job {
                    prompt,
                    sampling: Sampling::Greedy,
                    stop: None,
                    max_tokens: DECISION_TOKENS,
                    form: Form::Choice(options),
                };
                let written = self.write(job, Page::None).await?;
                Ok(Some(TurnEvent::Decided {
                    name: written.text.trim().to_owned(),
                }))
            }
            TurnAction::WriteCall {
                tool,
                prompt,
                form,
                max_tokens,
            } => self
                .write_call(&tool, prompt, form, max_tokens)
                .await
                .map(Some),
            TurnAction::RunTool {
                tool: _,
                arguments,
                result_tokens,
            } => self.run_tool(arguments, result_tokens).await.map(Some),
            TurnAction::RefuseCall { refusal } => self.refuse_call(refusal).await.map(|()| None),
            TurnAction::Answer {
                prompt,
                max_tokens,
                copy,
            } => {
                let job = Job {
                    prompt,
                    sampling: self.sampling,
                    stop: None,
                    max_tokens,
                    form: copy.map_or(Form::Free, Form::Copying),
                };
                let written = self.write(job, Page::Answer).await?;
                // The text went out in pieces already; the machine keeps no second copy.
                Ok(Some(TurnEvent::AnswerEnded {
                    whole: written.whole,
                    tokens: written.tokens,
                }))
            }
            TurnAction::Finish(_) => Err(Halt::Fault("an end was to be carried out")),
        }
    }

    async fn write_call(
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

    async fn run_tool(&mut self, arguments: Value, result_tokens: u32) -> Result<TurnEvent, Halt> {
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
        let result = alcove_core::prompt::ResultText {
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
                    record: alcove_sandbox::HostRecord::default(),
                    arguments_canonical: arguments,
                }
            }
        }
    }

    async fn refuse_call(&mut self, refusal: Refusal) -> Result<(), Halt> {
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

    /// Ends what is open, stores how the response ended, and tells the readers.
    async fn finish(&mut self, end: TurnEnd) {
        let mut response = self.run.snapshot();
        (response.status, response.error, response.incomplete_details) = match end {
            TurnEnd::Completed => (ResponseStatus::Completed, None, None),
            TurnEnd::OutOfTokens => (
                ResponseStatus::Incomplete,
                None,
                because("max_output_tokens"),
            ),
            TurnEnd::Cancelled if self.run.is_interrupted() => {
                (ResponseStatus::Incomplete, None, because("interrupted"))
            }
            TurnEnd::Cancelled => (ResponseStatus::Cancelled, None, None),
            TurnEnd::Failed { code, message } => (
                ResponseStatus::Failed,
                Some(ResponseError { code, message }),
                None,
            ),
        };
        response.usage = Some(self.usage);
        if response.status == ResponseStatus::Completed && self.message.is_none() {
            // The specification knows no response without output; an empty answer is one.
            self.message = Some(self.run.open_message());
        }
        if let Err(error) = self.close_and_store(&response).await {
            tracing::error!(response = %self.run.id(), error = describe(&error), "a response could not be stored");
            response.status = ResponseStatus::Failed;
            response.incomplete_details = None;
            response.error = Some(ResponseError {
                code: "server_error".to_owned(),
                message: "the answer could not be stored: what there is of it is kept only until \
                          the server ends; see the server's log"
                    .to_owned(),
            });
        }
        response.output = self.run.snapshot().output;
        self.run.end(response);
    }

    /// The open item and the response's end, in one transaction where there is an open item.
    async fn close_and_store(
        &mut self,
        response: &alcove_api_types::Response,
    ) -> Result<(), LogError> {
        let end = ResponseEnd {
            status: response.status,
            usage: response.usage,
            error: response.error.clone(),
            incomplete: response
                .incomplete_details
                .as_ref()
                .map(|details| details.reason.clone()),
        };
        let status = match response.status {
            ResponseStatus::Completed => ItemStatus::Completed,
            _ => ItemStatus::Incomplete,
        };
        if let Some((open, _)) = self.call.take() {
            self.run.set_outcome(open, |call| {
                call.status = ItemStatus::Incomplete;
                if call.arguments.is_empty() {
                    call.arguments = "{}".to_owned();
                }
            });
            let stored = self.append(open, None, Some(end)).await;
            self.run.close_call(open);
            return stored;
        }
        if let Some(open) = self.message.take() {
            self.run.set_message_status(open, status);
            let stored = self.append(open, None, Some(end)).await;
            self.run.close_message(open, status);
            return stored;
        }
        self.log.finish(&self.principal, self.run.id(), end).await
    }

    /// Appends the item as it is in the snapshot. Without a place, only an end is stored.
    async fn append(
        &self,
        open: Open,
        record: Option<Vec<u8>>,
        end: Option<ResponseEnd>,
    ) -> Result<(), LogError> {
        let Some(place) = self.place else {
            return match end {
                Some(end) => self.log.finish(&self.principal, self.run.id(), end).await,
                None => Ok(()),
            };
        };
        let Some(payload) = self.payload(open) else {
            return Ok(());
        };
        let append = Append {
            id: open.id,
            conversation: place.conversation,
            branch: place.branch,
            response: Some(self.run.id()),
            payload,
            record,
            end,
        };
        self.log.append(&self.principal, append).await.map(|_| ())
    }

    /// Saves what there is of the open item, at most once a second.
    pub(super) async fn save_draft_if_due(&mut self) {
        if self.drafted_at.elapsed() >= DRAFT_EVERY {
            self.save_draft().await;
        }
    }

    async fn save_draft(&mut self) {
        self.drafted_at = Instant::now();
        let open = self.message.or(self.call.map(|(open, _)| open));
        let (Some(_), Some(open)) = (self.place, open) else {
            return;
        };
        let Some(payload) = self.payload(open) else {
            return;
        };
        let draft = Draft {
            id: open.id,
            response: self.run.id(),
            payload,
        };
        // A draft that could not be saved costs a second of text if the server is killed, and
        // the next one is due soon.
        if let Err(error) = self.log.save_draft(&self.principal, &draft).await {
            tracing::warn!(response = %self.run.id(), %error, "a draft could not be saved");
        }
    }

    fn payload(&self, open: Open) -> Option<Payload> {
        self.run.item(open).map(|item| payload(&item))
    }

    pub(super) fn count(&mut self, used: TokenUsage) {
        let usage = &mut self.usage;
        usage.input_tokens = usage.input_tokens.saturating_add(used.prompt);
        usage.cached_tokens = usage.cached_tokens.saturating_add(used.cached);
        usage.output_tokens = usage.output_tokens.saturating_add(used.generated);
        usage.total_tokens = usage.input_tokens.saturating_add(usage.output_tokens);
    }

    /// What the turn hears of a step that did not come to its end.
    fn halted(&self, halt: Halt) -> TurnEvent {
        let response = self.run.id();
        let failed = |code: &str, message: String| TurnEvent::Failed {
            code: code.into(),
            message,
        };
        match halt {
            Halt::Stopped => TurnEvent::StopRequested,
            Halt::Model(error) => {
                tracing::error!(%response, %error, "the model failed");
                failed(error.code(), error.public_message())
            }
            Halt::Log(error) => {
                tracing::error!(%response, error = describe(&error), "an item could not be stored");
                failed("server_error", internal())
            }
            Halt::Fault(what) => {
                tracing::error!(%response, what, "a run could not go on");
                failed("server_error", internal())
            }
        }
    }
}

/// Most tokens of a decision: names are short.
const DECISION_TOKENS: u32 = 64;

/// Arguments as the item shows them; the tool's own canonical text takes their place once it ran.
fn canonical(arguments: &Value) -> String {
    alcove_core::canonical::json(arguments).unwrap_or_else(|_| arguments.to_string())
}

fn because(reason: &str) -> Option<IncompleteDetails> {
    Some(IncompleteDetails {
        reason: reason.to_owned(),
    })
}

fn internal() -> String {
    "the server could not go on with this answer: see its log".to_owned()
}

/// An error with its causes, for the log.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
