//! The one thread that owns the device.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::engine::Engine;
use crate::error::GenerateError;
use crate::events::EventSender;
use crate::grammar::GrammarState;
use crate::models::{Model, ModelError};
use crate::request::{Event, Finish, Priority, Timings, TokenUsage};
use crate::sampler::Sampler;
use crate::scheduler::{Plan, Scheduler};
use crate::step::SequenceId;
use crate::text::TextStream;
use crate::tokenizer::Tokenizer;

/// One generation, on its way to the worker.
pub(crate) struct Job {
    pub(crate) tokens: Vec<u32>,
    pub(crate) max_tokens: u32,
    pub(crate) priority: Priority,
    pub(crate) sampler: Sampler,
    pub(crate) grammar: Option<GrammarState>,
    pub(crate) text: TextStream,
    pub(crate) cancel: CancellationToken,
    pub(crate) events: EventSender,
    /// Its place in the count of waiting requests; given up when it is admitted or gone.
    pub(crate) waiting: Option<WaitingPlace>,
    pub(crate) submitted: Instant,
}

/// One of the places of the queue, counted across threads.
pub(crate) struct WaitingPlace(Arc<AtomicUsize>);

impl WaitingPlace {
    /// Takes a place, unless `limit` are taken.
    pub(crate) fn take(count: &Arc<AtomicUsize>, limit: usize) -> Option<WaitingPlace> {
        let one_more = |count| (count < limit).then_some(count + 1);
        let taken = count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_more);
        taken.ok().map(|_| WaitingPlace(Arc::clone(count)))
    }
}

impl Drop for WaitingPlace {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A generation that the scheduler knows.
struct Active {
    job: Job,
    usage: TokenUsage,
    admitted: Option<Instant>,
    first_token: Option<Instant>,
    /// Set while choosing; the sequence ends after the step.
    ended: Option<Result<Finish, GenerateError>>,
}

/// Runs until the last handle is gone.
pub(crate) struct Worker<M: Model + ?Sized> {
    engine: Engine<M>,
    scheduler: Scheduler,
    tokenizer: Arc<Tokenizer>,
    jobs: Receiver<Job>,
    active: HashMap<SequenceId, Active>,
    next_id: u64,
    started: Instant,
    max_wait: Duration,
    shutdown: CancellationToken,
}

impl<M: Model + ?Sized> Worker<M> {
    pub(crate) fn new(
        engine: Engine<M>,
        scheduler: Scheduler,
        tokenizer: Arc<Tokenizer>,
        jobs: Receiver<Job>,
        max_wait: Duration,
        shutdown: CancellationToken,
    ) -> Worker<M> {
        Worker {
            engine,
            scheduler,
            tokenizer,
            jobs,
            active: HashMap::new(),
            next_id: 0,
            started: Instant::now(),
            max_wait,
            shutdown,
        }
    }

    /// The thread's body.
    pub(crate) fn run(mut self) {
        while self.receive() {
            self.end_cancelled();
            let plan = self.scheduler.plan(self.started.elapsed());
            self.note(&plan);
            if plan.step.spans.is_empty() {
                continue;
            }
            self.step(&plan);
        }
    }

    /// Takes new jobs, waiting for one if there is nothing else to do. False ends the worker.
    fn receive(&mut self) -> bool {
        loop {
            if self.shutdown.is_cancelled() {
                return false;
            }
            let job = if self.scheduler.is_idle() {
                self.jobs.recv().map_err(|_| TryRecvError::Disconnected)
            } else {
                self.jobs.try_recv()
            };
            match job {
                Ok(job) => self.submit(job),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    fn submit(&mut self, mut job: Job) {
        let id = SequenceId(self.next_id);
        self.next_id += 1;
        let tokens = std::mem::take(&mut job.tokens);
        let usage = TokenUsage {
            prompt: tokens.len() as u32,
            ..TokenUsage::default()
        };
        let queued = self.scheduler.submit(
            id,
            tokens,
            job.max_tokens as usize,
            job.priority,
            self.started.elapsed(),
        );
        // The count of places keeps the queue from overflowing.
        if queued.is_err() {
            job.events
                .last(Err(GenerateError::Device("its queue is full".into())));
            return;
        }
        let active = Active {
            job,
            usage,
            admitted: None,
            first_token: None,
            ended: None,
        };
        self.active.insert(id, active);
    }

    fn end_cancelled(&mut self) {
        let cancelled = self
            .active
            .iter()
            .filter(|(_, active)| active.job.cancel.is_cancelled());
        let cancelled: Vec<SequenceId> = cancelled.map(|(id, _)| *id).collect();
        for id in cancelled {
            self.end(id, Ok(Finish::Cancelled));
        }
    }

    fn note(&mut self, plan: &Plan) {
        for (id, cached) in &plan.admitted {
            if let Some(active) = self.active.get_mut(id) {
                active.job.waiting = None;
                active.admitted = Some(Instant::now());
                active.usage.cached = *cached as u32;
            }
        }
        let limit_ms = self.max_wait.as_millis() as u64;
        for id in &plan.expired {
            self.end(*id, Err(GenerateError::QueueTimeout { limit_ms }));
        }
    }

    fn step(&mut self, plan: &Plan) {
        let active = &mut self.active;
        // Only a prompt takes long enough to be worth interrupting; a token is soon done.
        let prompts = plan.step.spans.iter().filter(|span| span.rows.len() > 1);
        let mut watched: Vec<CancellationToken> = prompts
            .filter_map(|span| active.get(&span.sequence))
            .map(|active| active.job.cancel.clone())
            .collect();
        watched.push(self.shutdown.clone());
        let interrupt = || watched.iter().any(CancellationToken::is_cancelled);
        let tokenizer = &self.tokenizer;
        let mut choose =
            |id: SequenceId, logits: &[f32]| active.get_mut(&id)?.choose(logits, tokenizer);
        match self.engine.step(plan, &mut choose, &interrupt) {
            Ok(chosen) => {
                self.scheduler.complete(&plan.step, &chosen);
                let ended = self
                    .active
                    .iter_mut()
                    .filter_map(|(id, active)| Some((*id, active.ended.take()?)));
                let ended: Vec<_> = ended.collect();
                for (id, result) in ended {
                    self.end(id, result);
                }
            }
            Err(ModelError::Interrupted) => {}
            Err(ModelError::Device(message)) => {
                tracing::error!(%message, "a step failed");
                for span in &plan.step.spans {
                    self.end(span.sequence, Err(GenerateError::Device(message.clone())));
                }
            }
        }
    }

    fn end(&mut self, id: SequenceId, result: Result<Finish, GenerateError>) {
        self.scheduler.finish(id);
        let Some(mut active) = self.active.remove(&id) else {
            return;
        };
        let rest = active.job.text.finish();
        active.job.events.text(&rest);
        let timings = active.timings();
        let usage = active.usage;
        active.job.events.last(result.map(|finish| Event::Done {
            finish,
            usage,
            timings,
        }));
    }
}

impl Active {
    /// Chooses the next token and streams its text. `None` when the generation is over.
    fn choose(&mut self, logits: &[f32], tokenizer: &Tokenizer) -> Option<u32> {
        match self.try_choose(logits, tokenizer) {
            Ok(Ok(token)) => return Some(token),
            Ok(Err(finish)) => self.ended = Some(Ok(finish)),
            Err(error) => self.ended = Some(Err(error)),
        }
        None
    }

    fn try_choose(
        &mut self,
        logits: &[f32],
        tokenizer: &Tokenizer,
    ) -> Result<Result<u32, Finish>, GenerateError> {
        let job = &mut self.job;
        let allowed = match &mut job.grammar {
            Some(grammar) => Some(grammar.allowed().map_err(GenerateError::Grammar)?),
            None => None,
        };
        let token = job.sampler.choose(logits, allowed.as_ref());
        let Some(token) = token else {
            return Err(GenerateError::Device(
                "no token has a finite probability".into(),
            ));
        };
        self.usage.generated += 1;
        self.first_token.get_or_insert_with(Instant::now);
        if tokenizer.is_end(token) {
            return Ok(Err(Finish::Stop));
        }
        let complete = match &mut job.grammar {
            Some(grammar) => grammar.advance(token).map_err(GenerateError::Grammar)?,
            None => false,
        };
        let text = job.text.push(tokenizer.text_bytes(token));
        job.events.text(&text);
        if complete || job.text.is_stopped() {
            return Ok(Err(Finish::Stop));
        }
        if self.usage.generated >= job.max_tokens {
            return Ok(Err(Finish::Length));
        }
        Ok(Ok(token))
    }

    fn timings(&self) -> Timings {
        let now = Instant::now();
        let admitted = self.admitted.unwrap_or(now);
        let first = self.first_token.unwrap_or(now);
        Timings {
            queued: admitted.saturating_duration_since(self.job.submitted),
            prefill: first.saturating_duration_since(admitted),
            decode: now.saturating_duration_since(first),
        }
    }
}
