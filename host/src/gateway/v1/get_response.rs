//! `GET /v1/responses/{id}`: a response as it stands, or its events from some place on.

use std::sync::Arc;

use alcove_api_types::{EventBody, Response as WireResponse, ResponseStatus, StreamEvent};
use alcove_core::ids::ResponseId;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use serde::Deserialize;

use super::sse;
use crate::app::App;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;
use crate::gateway::query::Query;
use crate::runs::Found;

/// The query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::gateway) struct Options {
    /// Follow the events.
    #[serde(default)]
    stream: bool,
    /// Only events after this sequence number.
    #[serde(default)]
    starting_after: Option<u64>,
}

/// With `stream=true`: all events, or those after `starting_after`, then what comes. Where the
/// run is so old that its events are gone, one last event holds the whole response.
pub(in crate::gateway) async fn get_response(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Path(id): Path<String>,
    Query(options): Query<Options>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let id = parse_id(&id)?;
    let found = app.runs.find(&principal, id).await?;
    if !options.stream {
        return Ok(match found {
            Found::Run(run) => Json(run.snapshot()).into_response(),
            Found::Finished(response) => Json(response).into_response(),
        });
    }
    // A browser that reconnects by itself repeats the old query and adds this header.
    let after = last_event_id(&headers).or(options.starting_after);
    Ok(match found {
        Found::Run(run) => sse::events(run.events_after(after), sse::Ids::SequenceNumbers),
        Found::Finished(response) => {
            let event = StreamEvent {
                sequence_number: after.map_or(0, |number| number.saturating_add(1)),
                body: last_event(*response),
            };
            let one = futures::stream::once(async { event });
            sse::events(one, sse::Ids::SequenceNumbers)
        }
    })
}

fn last_event_id(headers: &HeaderMap) -> Option<u64> {
    headers.get("last-event-id")?.to_str().ok()?.parse().ok()
}

fn last_event(response: WireResponse) -> EventBody {
    match response.status {
        ResponseStatus::Completed => EventBody::Completed { response },
        ResponseStatus::Failed => EventBody::Failed { response },
        ResponseStatus::Cancelled => EventBody::Cancelled { response },
        ResponseStatus::Incomplete | ResponseStatus::Queued | ResponseStatus::InProgress => {
            EventBody::Incomplete { response }
        }
    }
}

/// An id that does not parse can't exist: it is as unknown as any other.
pub(super) fn parse_id(text: &str) -> Result<ResponseId, ApiError> {
    let unknown = || {
        let shown: String = text.chars().take(64).collect();
        ApiError::NotFound(format!("there is no response {shown}"))
    };
    text.parse().map_err(|_| unknown())
}
