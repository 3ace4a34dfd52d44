//! Following a response: server-sent events, resumed by sequence number.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use alcove_api_types::{EventBody, Response, StreamEvent};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{EventSource, MessageEvent};

use crate::api::{self, ApiError};
use crate::browser;

/// Events that wait for the next frame. With more, the stream is left and taken up again where it
/// was, so that a page in the background stays small.
const MAX_WAITING: usize = 8_192;
/// The first pause before a new attempt; it doubles.
const FIRST_PAUSE_MS: i32 = 300;
/// The longest pause.
const MAX_PAUSE_MS: i32 = 5_000;

/// What the follower tells.
pub(crate) enum News {
    /// What came since the last frame, in order.
    Events(Vec<StreamEvent>),
    /// The connection is lost; it is being tried again.
    Lost,
    /// The connection is back.
    Back,
    /// The events are gone (the run ended some time ago): the conversation has the outcome.
    Gone,
    /// The person is no longer signed in.
    SignedOut,
}

/// Stops the follower that holds the other half.
#[derive(Clone, Default)]
pub(crate) struct Stop(Rc<Cell<bool>>, Rc<RefCell<Option<Waker>>>);

impl Stop {
    pub(crate) fn stop(&self) {
        self.0.set(true);
        if let Some(waker) = self.1.borrow_mut().take() {
            waker.wake();
        }
    }
}

/// Follows a response to its end.
pub(crate) async fn follow(id: String, stop: Stop, tell: impl Fn(News)) {
    let mut last = None;
    let mut pause_ms = FIRST_PAUSE_MS;
    let mut lost = false;
    loop {
        let Some(stream) = Stream::open(&id, last, &stop) else {
            tell(News::Gone);
            return;
        };
        let mut ended = false;
        while !ended {
            stream.wait().await;
            browser::frame().await;
            if stop.0.get() {
                return;
            }
            let (events, over) = stream.take();
            ended = over;
            // A replay may repeat what was seen.
            let events: Vec<_> = events
                .into_iter()
                .filter(|event| last.is_none_or(|last| event.sequence_number > last))
                .collect();
            let Some(newest) = events.last() else {
                continue;
            };
            last = Some(newest.sequence_number);
            let whole = events.iter().any(|event| event.body.is_final());
            pause_ms = FIRST_PAUSE_MS;
            if std::mem::take(&mut lost) {
                tell(News::Back);
            }
            tell(News::Events(events));
            if whole {
                return;
            }
        }
        drop(stream);
        if !lost && pause_ms > FIRST_PAUSE_MS {
            lost = true;
            tell(News::Lost);
        }
        browser::sleep(pause_ms).await;
        pause_ms = (pause_ms * 2).min(MAX_PAUSE_MS);
        if stop.0.get() {
            return;
        }
        // An event source does not say why it failed, so ask.
        match api::response(&id).await {
            Ok(response) => {
                if let Some(event) = outcome(response, last) {
                    if lost {
                        tell(News::Back);
                    }
                    if !stop.0.get() {
                        tell(News::Events(vec![event]));
                    }
                    return;
                }
            }
            Err(ApiError::SignedOut) => {
                tell(News::SignedOut);
                return;
            }
            Err(error) if error.is_not_found() => {
                tell(News::Gone);
                return;
            }
            Err(_) if !lost => {
                lost = true;
                tell(News::Lost);
            }
            Err(_) => {}
        }
        if stop.0.get() {
            return;
        }
    }
}

/// The last event of a response that has ended.
fn outcome(response: Response, last: Option<u64>) -> Option<StreamEvent> {
    use alcove_api_types::ResponseStatus as Status;
    let body = match response.status {
        Status::Queued | Status::InProgress => return None,
        Status::Completed => EventBody::Completed { response },
        Status::Failed => EventBody::Failed { response },
        Status::Cancelled => EventBody::Cancelled { response },
        Status::Incomplete => EventBody::Incomplete { response },
    };
    Some(StreamEvent {
        sequence_number: last.map_or(0, |last| last + 1),
        body,
    })
}

/// An open event source and what came from it.
struct Stream {
    source: EventSource,
    inbox: Rc<RefCell<Inbox>>,
    waker: Rc<RefCell<Option<Waker>>>,
    stopped: Rc<Cell<bool>>,
    /// Kept as long as the source may call them.
    _on_event: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut()>,
}

#[derive(Default)]
struct Inbox {
    events: Vec<StreamEvent>,
    over: bool,
}

impl Stream {
    fn open(id: &str, after: Option<u64>, stop: &Stop) -> Option<Stream> {
        let mut url = format!("/v1/responses/{id}?stream=true");
        if let Some(after) = after {
            url.push_str(&format!("&starting_after={after}"));
        }
        let source = EventSource::new(&url).ok()?;
        let inbox = Rc::new(RefCell::new(Inbox::default()));
        let waker = Rc::clone(&stop.1);
        let wake = {
            let waker = Rc::clone(&waker);
            move || {
                let waiting = waker.borrow_mut().take();
                if let Some(waiting) = waiting {
                    waiting.wake();
                }
            }
        };
        let on_event = {
            let (inbox, wake, source) = (Rc::clone(&inbox), wake.clone(), source.clone());
            Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
                let text = message.data().as_string().unwrap_or_default();
                let mut inbox = inbox.borrow_mut();
                match serde_json::from_str(&text) {
                    Ok(event) if inbox.events.len() < MAX_WAITING => inbox.events.push(event),
                    // Too many, or of a newer server: what is missing comes with the next stream
                    // or with the whole item.
                    Ok(_) => {
                        source.close();
                        inbox.over = true;
                    }
                    Err(_) => {}
                }
                drop(inbox);
                wake();
            })
        };
        let on_error = {
            let (inbox, source) = (Rc::clone(&inbox), source.clone());
            Closure::<dyn FnMut()>::new(move || {
                // The source would connect again by itself, but without our sequence number.
                source.close();
                inbox.borrow_mut().over = true;
                wake();
            })
        };
        for name in EventBody::NAMES {
            let listener = on_event.as_ref().unchecked_ref();
            source
                .add_event_listener_with_callback(name, listener)
                .ok()?;
        }
        source.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Some(Stream {
            source,
            inbox,
            waker,
            stopped: Rc::clone(&stop.0),
            _on_event: on_event,
            _on_error: on_error,
        })
    }

    /// Until something came, the stream is over, or the follower is stopped.
    async fn wait(&self) {
        poll_fn(|context| {
            let inbox = self.inbox.borrow();
            if self.stopped.get() || inbox.over || !inbox.events.is_empty() {
                return Poll::Ready(());
            }
            *self.waker.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn take(&self) -> (Vec<StreamEvent>, bool) {
        let mut inbox = self.inbox.borrow_mut();
        (std::mem::take(&mut inbox.events), inbox.over)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.source.set_onerror(None);
        self.source.close();
    }
}
