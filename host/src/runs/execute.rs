//! Carrying out a turn: its actions become work, and what comes of them events and items.

use std::{collections::VecDeque, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use alcove_api_types::{EventBody, ResponseStatus, Usage};
use alcove_core::turn::{Turn, TurnAction, TurnEnd, TurnEvent};
use alcove_runtime::{Sampling, TokenUsage};
use futures::FutureExt;
use tokio::time::Instant;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Moments, Run, Toolbox, arguments::Arguments, call::OpenCall, output::Open, pen::Page,
    quota::Purse, work_time::WorkTime,
};
use crate::{
    accounts::Principal,
    inference::{Form, Job, Model, ModelError, Priority},
    ledger::LedgerError,
    store::log::{ItemLog, LogError},
    tools::{Flow, OfferedTool, PriorCall},
    workspaces::Place,
};

/// Why a step did not come to its end.
#[derive(Debug)]
pub(super) enum Halt {
    Stopped,
    Model(ModelError),
    Log(LogError),
    Quota(LedgerError),
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

/// What a run needs for waiting: for its turn, and for its person.
pub(super) struct Waiting {
    pub(super) asks: bool,
    pub(super) approval_wait: Duration,
    pub(super) closing: CancellationToken,
    pub(super) work_time: WorkTime,
    pub(super) tasks: TaskTracker,
}

/// A run with everything that its task owns.
pub(super) struct Execution {
    pub(super) run: Run,
    pub(super) principal: Principal,
    /// Where its items go. Runs with `store: false` have none.
    pub(super) place: Option<Place>,
    turn: Turn,
    pub(super) model: Arc<dyn Model>,
    pub(super) tools: Vec<OfferedTool>,
    /// Calls of session tools on this path, those of this turn included.
    pub(super) prior: Vec<PriorCall>,
    /// What the conversation holds, and which addresses it knows.
    pub(super) flow: Flow,
    sampling: Sampling,
    pub(super) log: ItemLog,
    pub(super) toolbox: Arc<dyn Toolbox>,
    pub(super) usage: Usage,
    /// What pays for the model's work.
    pub(super) purse: Purse,
    /// The answer, once it has begun.
    pub(super) message: Option<Open>,
    /// The calls that are being written or run.
    pub(super) calls: Vec<OpenCall>,
    /// Where the text of those stands that are being written.
    pub(super) arguments: Arguments,
    pub(super) drafted_at: Instant,
    /// Whether there is a person to ask.
    pub(super) asks: bool,
    /// How long a question waits.
    pub(super) approval_wait: Duration,
    /// Cancelled when the server goes down: nothing waits for a person then.
    pub(super) closing: CancellationToken,
    /// What outlives the run: calls that did not end when they were stopped.
    pub(super) tasks: TaskTracker,
    /// When it may be worked on, and for how long.
    pub(super) work_time: WorkTime,
    /// The name to save a checkpoint under at the end, and who saves it.
    pub(super) save_as: Option<(Arc<dyn Moments>, String)>,
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
        flow: Flow,
        sampling: Sampling,
        log: ItemLog,
        toolbox: Arc<dyn Toolbox>,
        purse: Purse,
        waiting: Waiting,
    ) -> Execution {
        let Waiting {
            asks,
            approval_wait,
            closing,
            work_time,
            tasks,
        } = waiting;
        Execution {
            run,
            principal,
            place,
            turn,
            model,
            tools,
            prior,
            flow,
            sampling,
            log,
            toolbox,
            usage: Usage::default(),
            purse,
            message: None,
            calls: Vec::new(),
            arguments: Arguments::code(),
            drafted_at: Instant::now(),
            asks,
            approval_wait,
            closing,
            work_time,
            tasks,
            save_as: None,
        }
    }

    /// Runs to the end, whatever happens: readers always get a last event.
    pub(super) async fn run(mut self) {
        let run = self.run.clone();
        let id = run.id();
        if AssertUnwindSafe(self.work()).catch_unwind().await.is_err() {
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

    async fn work(&mut self) {
        let is_on = self.work_time.begin(&self.run).await;
        self.run.emit_with(|response| {
            response.status = ResponseStatus::InProgress;
            EventBody::InProgress {
                response: response.clone(),
            }
        });
        let first = if is_on {
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
                    priority: Priority::Interactive,
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
                max_calls,
                max_tokens,
            } => self
                .write_call(&tool, prompt, form, max_calls, max_tokens)
                .await
                .map(Some),
            TurnAction::RunTools {
                tool: _,
                calls,
                result_tokens,
            } => self.run_tools(calls, result_tokens).await.map(Some),
            TurnAction::RefuseCall { refusal } => self.refuse_calls(refusal).await.map(|()| None),
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
                    priority: Priority::Interactive,
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
            Halt::Quota(LedgerError::Exceeded(exceeded)) => {
                failed(INSUFFICIENT_QUOTA, exceeded.to_string())
            }
            Halt::Quota(LedgerError::Store(error)) => {
                tracing::error!(%response, error = describe(&error), "tokens could not be reserved");
                failed("server_error", internal())
            }
            Halt::Fault(what) => {
                tracing::error!(%response, what, "a run could not go on");
                failed("server_error", internal())
            }
        }
    }
}

/// The code of a response that the day's quota ended.
pub const INSUFFICIENT_QUOTA: &str = "insufficient_quota";
/// Most tokens of a decision: names are short.
const DECISION_TOKENS: u32 = 64;

fn internal() -> String {
    "the server could not go on with this answer: see its log".to_owned()
}

/// An error with its causes, for the log.
pub(super) fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
