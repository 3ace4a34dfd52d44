//! A run's events as server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use alcove_api_types::StreamEvent;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt as _, stream};
use http::{HeaderValue, header};
use serde::Serialize;

/// How often a silent stream says that it lives, so that proxies keep it open.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Whether events carry an SSE `id:`. Open Responses says that they should not; the stream that
/// resumes has them, so that a browser's `EventSource` resumes by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ids {
    Absent,
    SequenceNumbers,
}

/// Events of a run, then `[DONE]`.
pub(super) fn events(
    events: impl Stream<Item = StreamEvent> + Send + 'static,
    ids: Ids,
) -> Response {
    respond(events.map(move |event| {
        let named = Event::default().event(event.body.name());
        let named = match ids {
            Ids::Absent => named,
            Ids::SequenceNumbers => named.id(event.sequence_number.to_string()),
        };
        with_json(named, &event)
    }))
}

/// Bodies without names, then `[DONE]`: the form of chat completions.
pub(super) fn chunks<T: Serialize>(chunks: impl Stream<Item = T> + Send + 'static) -> Response {
    respond(chunks.map(|chunk| with_json(Event::default(), &chunk)))
}

fn with_json(event: Event, value: &impl Serialize) -> Event {
    // Wire types have string keys and finite numbers: they always serialise.
    let text = serde_json::to_string(value).unwrap_or_default();
    event.data(text)
}

fn respond(events: impl Stream<Item = Event> + Send + 'static) -> Response {
    let done = stream::once(async { Event::default().data("[DONE]") });
    let all = events.chain(done).map(Ok::<_, Infallible>);
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    let mut response = Sse::new(all).keep_alive(keep_alive).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies such as nginx would hold events back otherwise.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}
