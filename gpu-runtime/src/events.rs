//! From the worker to the reader of one generation.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::error::GenerateError;
use crate::request::Event;

/// What the reader has not read yet. Text runs together, so a slow reader gets larger pieces and the
/// queue never holds more than the answer itself, which `max_tokens` bounds.
#[derive(Default)]
struct Queue {
    text: String,
    last: Option<Result<Event, GenerateError>>,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    ready: Notify,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The worker's end. Dropped without a last event, it tells the reader that the worker is gone.
pub(crate) struct EventSender(Arc<Shared>);

/// The reader's end.
pub(crate) struct EventReceiver(Arc<Shared>);

/// A new pair.
pub(crate) fn channel() -> (EventSender, EventReceiver) {
    let shared = Arc::new(Shared::default());
    (EventSender(Arc::clone(&shared)), EventReceiver(shared))
}

impl EventSender {
    /// Appends text.
    pub(crate) fn text(&self, text: &str) {
        if !text.is_empty() {
            self.0.queue().text.push_str(text);
            self.0.ready.notify_one();
        }
    }

    /// Ends the stream.
    pub(crate) fn last(&self, event: Result<Event, GenerateError>) {
        let mut queue = self.0.queue();
        if !queue.closed {
            queue.closed = true;
            queue.last = Some(event);
        }
        drop(queue);
        self.0.ready.notify_one();
    }
}

impl Drop for EventSender {
    fn drop(&mut self) {
        self.last(Err(GenerateError::Stopped));
    }
}

impl EventReceiver {
    /// The next event; `None` after the last one. Cancelling the call loses nothing.
    pub(crate) async fn next(&mut self) -> Option<Result<Event, GenerateError>> {
        loop {
            {
                let mut queue = self.0.queue();
                if !queue.text.is_empty() {
                    return Some(Ok(Event::Text(std::mem::take(&mut queue.text))));
                }
                if queue.closed {
                    return queue.last.take();
                }
            }
            self.0.ready.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn text_runs_together_and_the_end_comes_once() {
        let (sender, mut receiver) = channel();
        sender.text("a");
        sender.text("b");
        assert_eq!(receiver.next().await, Some(Ok(Event::Text("ab".into()))));
        sender.text("c");
        drop(sender);
        assert_eq!(receiver.next().await, Some(Ok(Event::Text("c".into()))));
        assert_eq!(receiver.next().await, Some(Err(GenerateError::Stopped)));
        assert_eq!(receiver.next().await, None);
    }
}
