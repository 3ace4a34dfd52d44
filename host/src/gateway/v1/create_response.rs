//! `POST /v1/responses`: starts a run and follows it.

use std::sync::Arc;

use alcove_api_types::CreateResponse;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::{fields, sse};
use crate::app::App;
use crate::gateway::caller::{Caller, Credential};
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;
use crate::runs::{IdempotencyKey, ValidRequest};

/// Every field of [`CreateResponse`].
pub(super) const FIELDS: &[&str] = &[
    "model",
    "input",
    "instructions",
    "stream",
    "background",
    "store",
    "conversation",
    "previous_response_id",
    "tool_choice",
    "alcove:server_tools",
    "alcove:specialist",
    "alcove:checkpoint",
    "alcove:ask",
    "temperature",
    "top_p",
    "alcove:seed",
    "max_output_tokens",
    "tools",
    "metadata",
];

/// Answers with events where `stream` is true, at once where `background` is, else when the
/// response is whole. The same `Idempotency-Key` gives the same run.
pub(in crate::gateway) async fn create_response(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Result<Response, ApiError> {
    let mut request: CreateResponse = fields::parse(body, FIELDS, fields::RESPONSES)?;
    let credential = Credential::of(&app.config, &headers)?;
    request.ask.get_or_insert(credential.is_a_session());
    let (stream, background) = (request.stream, request.background);
    let request = ValidRequest::parse(request)?;
    let key = idempotency_key(&headers)?;
    let run = app.runs.start(&principal, request, key).await?;
    if stream {
        return Ok(sse::events(run.events_after(None), sse::Ids::Absent));
    }
    if background {
        return Ok((StatusCode::OK, Json(run.snapshot())).into_response());
    }
    Ok(Json(run.finished().await).into_response())
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, ApiError> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default();
    Ok(Some(IdempotencyKey::parse(text)?))
}
