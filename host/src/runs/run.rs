//! One run as its readers see it: a bounded buffer of events that can be read from any place.

use std::{
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Instant,
};

use alcove_api_types::{Answer, Awaiting, EventBody, Response, ResponseStatus, StreamEvent};
use alcove_core::ids::{ConversationId, ResponseId, UserId};
use futures::Stream;
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;

/// A run that the server owns: it goes on whoever listens, until it ends or is stopped.
#[derive(Clone)]
pub struct Run {
    inner: Arc<Inner>,
}

struct Inner {
    id: ResponseId,
    user: UserId,
    conversation: Option<ConversationId>,
    stop: CancellationToken,
    /// Why the server stops it, where it is not the person who does. Set before `stop`.
    halted_by: OnceLock<Cause>,
    state: Mutex<State>,
    /// How many events there are, and whether the last of them is in: readers wait on it.
    progress: watch::Sender<Progress>,
}

struct State {
    response: Response,
    events: Vec<StreamEvent>,
    ended_at: Option<Instant>,
    /// What the run waits for, if it does.
    question: Option<Pending>,
}

/// Why the server stops a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// It goes down.
    Shutdown,
    /// The run was worked on for as long as one may be.
    Time,
}

/// A question that waits for its answer.
struct Pending {
    awaiting: Awaiting,
    reply: oneshot::Sender<Reply>,
}

/// An answer that was written down, and when.
pub(super) type Reply = (Answer, i64);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Progress {
    events: usize,
    ended: bool,
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run")
            .field("id", &self.inner.id)
            .finish_non_exhaustive()
    }
}

impl Run {
    pub(crate) fn new(
        id: ResponseId,
        user: UserId,
        conversation: Option<ConversationId>,
        response: Response,
    ) -> Run {
        let (progress, _) = watch::channel(Progress::default());
        Run {
            inner: Arc::new(Inner {
                id,
                user,
                conversation,
                stop: CancellationToken::new(),
                halted_by: OnceLock::new(),
                state: Mutex::new(State {
                    response,
                    events: Vec::new(),
                    ended_at: None,
                    question: None,
                }),
                progress,
            }),
        }
    }

    /// A run that ended before: its events are those that lead to the response as it is, without
    /// the pieces that it was written in.
    pub fn finished_earlier(id: ResponseId, user: UserId, finished: Response) -> Run {
        let conversation = finished
            .conversation
            .as_ref()
            .and_then(|conversation| conversation.id().parse().ok());
        let begun = Response {
            status: ResponseStatus::InProgress,
            output: Vec::new(),
            error: None,
            incomplete_details: None,
            usage: None,
            ..finished.clone()
        };
        let run = Run::new(id, user, conversation, begun.clone());
        run.emit(EventBody::Created {
            response: begun.clone(),
        });
        run.emit(EventBody::InProgress { response: begun });
        for (output_index, item) in (0..).zip(&finished.output) {
            run.emit(EventBody::ItemAdded {
                output_index,
                item: item.clone(),
            });
            run.emit(EventBody::ItemDone {
                output_index,
                item: item.clone(),
            });
        }
        run.end(finished);
        run
    }

    /// The response's id.
    pub fn id(&self) -> ResponseId {
        self.inner.id
    }

    /// Whose it is.
    pub fn user(&self) -> UserId {
        self.inner.user
    }

    /// The conversation it belongs to; none with `store: false`.
    pub fn conversation(&self) -> Option<ConversationId> {
        self.inner.conversation
    }

    /// The response as far as it is.
    pub fn snapshot(&self) -> Response {
        self.state().response.clone()
    }

    /// Whether no more will come.
    pub fn is_ended(&self) -> bool {
        self.inner.progress.borrow().ended
    }

    pub(crate) fn ended_at(&self) -> Option<Instant> {
        self.state().ended_at
    }

    /// The token that stops model and tool.
    pub(crate) fn stop_token(&self) -> &CancellationToken {
        &self.inner.stop
    }

    /// Stops it for a reason of the server's: it ends as incomplete and not as cancelled. What was
    /// stopped before stays as it is.
    pub(crate) fn halt(&self, cause: Cause) {
        if !self.inner.stop.is_cancelled() {
            let _ = self.inner.halted_by.set(cause);
            self.inner.stop.cancel();
        }
    }

    /// Why the server stopped it, if it did.
    pub(crate) fn halted_by(&self) -> Option<Cause> {
        self.inner.halted_by.get().copied()
    }

    /// All events after that sequence number (all there are where absent), then those that come,
    /// up to the last. Leaving the stream does not touch the run.
    pub fn events_after(
        &self,
        sequence_number: Option<u64>,
    ) -> impl Stream<Item = StreamEvent> + Send + use<> {
        let next = sequence_number.map_or(0, |number| {
            usize::try_from(number)
                .unwrap_or(usize::MAX)
                .saturating_add(1)
        });
        let run = self.clone();
        let progress = self.inner.progress.subscribe();
        futures::stream::unfold(
            (run, progress, next),
            |(run, mut progress, next)| async move {
                loop {
                    let (event, ended) = {
                        let state = run.state();
                        (state.events.get(next).cloned(), state.ended_at.is_some())
                    };
                    match event {
                        Some(event) => return Some((event, (run, progress, next + 1))),
                        None if ended => return None,
                        // The sender lives in `run`, which this future holds: it can't be gone.
                        None => progress.changed().await.ok()?,
                    }
                }
            },
        )
    }

    /// Waits for the end.
    pub async fn finished(&self) -> Response {
        let mut progress = self.inner.progress.subscribe();
        // The sender lives in `self`: it can't be gone, and what there is is the answer then.
        let _ = progress.wait_for(|progress| progress.ended).await;
        self.snapshot()
    }

    /// Appends an event and keeps the snapshot in step with it.
    pub(crate) fn emit(&self, body: EventBody) {
        self.emit_with(|_| body);
    }

    /// Changes the response, then appends the event made from it.
    pub(crate) fn emit_with(&self, make: impl FnOnce(&mut Response) -> EventBody) {
        let progress = {
            let mut state = self.state();
            if state.ended_at.is_some() {
                return;
            }
            let body = make(&mut state.response);
            if body.is_final() {
                state.ended_at = Some(Instant::now());
            }
            let sequence_number = state.events.len() as u64;
            state.events.push(StreamEvent {
                sequence_number,
                body,
            });
            Progress {
                events: state.events.len(),
                ended: state.ended_at.is_some(),
            }
        };
        self.inner.progress.send_replace(progress);
    }

    /// The last event.
    pub(crate) fn end(&self, finished: Response) {
        self.emit_with(|response| {
            response.clone_from(&finished);
            let response = finished;
            match response.status {
                ResponseStatus::Completed => EventBody::Completed { response },
                ResponseStatus::Cancelled => EventBody::Cancelled { response },
                ResponseStatus::Incomplete => EventBody::Incomplete { response },
                // A run never ends in another status; if one did, that would be a failure.
                ResponseStatus::Failed | ResponseStatus::Queued | ResponseStatus::InProgress => {
                    EventBody::Failed { response }
                }
            }
        });
    }

    /// Begins to wait for an answer.
    pub(super) fn begin_question(&self, awaiting: Awaiting) -> oneshot::Receiver<Reply> {
        let (reply, answered) = oneshot::channel();
        self.state().question = Some(Pending { awaiting, reply });
        answered
    }

    /// What the run waits for.
    pub(super) fn question(&self) -> Option<Awaiting> {
        let state = self.state();
        state
            .question
            .as_ref()
            .map(|pending| pending.awaiting.clone())
    }

    /// Hands over an answer that was written down; a question that is over takes none.
    pub(super) fn reply(&self, id: &str, reply: Reply) {
        let pending = {
            let mut state = self.state();
            state
                .question
                .take_if(|pending| pending.awaiting.id() == id)
        };
        if let Some(pending) = pending {
            // A run that was stopped meanwhile does not listen any more.
            let _ = pending.reply.send(reply);
        }
    }

    /// Stops waiting.
    pub(super) fn end_question(&self) {
        self.state().question = None;
    }

    /// Changes the response without an event.
    pub(crate) fn update(&self, change: impl FnOnce(&mut Response)) {
        change(&mut self.state().response);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held; if it did, the data is whole between two events.
        self.inner
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
