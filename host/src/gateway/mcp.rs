//! `/mcp`: the Model Context Protocol over streamable HTTP.
//!
//! A message is a POST, answered with JSON, or with a stream of events where the client asked for
//! progress. A client that goes away stops its call; one of an older revision may also say so.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt as _;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::caller::Caller;
use super::error::ApiError;
use super::json::{self, Json};
use crate::accounts::{Principal, Via};
use crate::app::App;
use crate::mcp::{Context, Fault, Id, LEGACY, MODERN, Mcp, Message, Request as Call, Revision};
use crate::mcp::{InFlight, Place, Sessions};
use crate::mcp::{can_be_asked, code, reply, stdio, unsupported, version_of};

/// Messages of one stream that wait to be sent; progress beyond is lost.
const BUFFER: usize = 32;
/// How often a silent stream says that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// What a connection is upgraded to: messages, a line each.
const LINES: &str = "mcp-lines";

const VERSION_HEADER: &str = "mcp-protocol-version";
const METHOD_HEADER: &str = "mcp-method";
const NAME_HEADER: &str = "mcp-name";
const SESSION_HEADER: &str = "mcp-session-id";

/// Takes a message.
pub(super) async fn post(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    request: Request,
) -> Result<Response, ApiError> {
    let headers = request.headers().clone();
    if !json::is_json(&headers) {
        return Err(ApiError::NotJson);
    }
    let body = json::read(request, app.config.limits.max_body_bytes).await?;
    let call = match Message::parse(&body) {
        Ok(Message::Request(call)) => call,
        Ok(Message::Notification(told)) => {
            let place = told
                .cancelled()
                .and_then(|id| place(&headers, &principal, id));
            if let Some(place) = place {
                app.mcp_sessions.cancel(&place);
            }
            return Ok(StatusCode::ACCEPTED.into_response());
        }
        Ok(Message::Response(response)) => {
            app.mcp.answered(&principal, response);
            return Ok(StatusCode::ACCEPTED.into_response());
        }
        Err(unreadable) => {
            let (id, fault) = *unreadable;
            let body = Json(fault.message(id.as_ref()));
            return Ok((StatusCode::BAD_REQUEST, body).into_response());
        }
    };
    if let Err(fault) = agree(&headers, &call) {
        let body = Json(fault.message(Some(&call.id)));
        return Ok((StatusCode::BAD_REQUEST, body).into_response());
    }
    let token = call.meta("progressToken");
    let opens_session = call.method == "initialize" && version_of(&call).is_none();
    let new_asks = opens_session && can_be_asked(&call);
    let is_asked = call.method == "tools/call" && accepts_events(&headers) && asks(&headers);
    let wants_progress = token.is_some_and(|token| !token.is_null());
    let wants_stream = is_asked || (wants_progress && accepts_events(&headers));
    let (mut answering, guard) = Answering::new(&app, principal, call, is_asked);
    if let Err(fault) = answering.join_session(&app, &headers) {
        let body = Json(fault.message(Some(&answering.call.id)));
        return Ok((StatusCode::BAD_REQUEST, body).into_response());
    }
    let mut response = match wants_stream {
        true => stream(&app, answering, guard),
        false => whole(&app, answering, guard).await?,
    };
    if opens_session
        && let Some(name) = Sessions::new_name(new_asks)
        && let Ok(name) = HeaderValue::from_str(&name)
    {
        response.headers_mut().insert(SESSION_HEADER, name);
    }
    Ok(response)
}

/// Whether the request is of a session whose client can be asked.
fn asks(headers: &HeaderMap) -> bool {
    let session = headers.get(SESSION_HEADER).map(HeaderValue::to_str);
    matches!(session, Some(Ok(session)) if Sessions::asks(session))
}

/// The place of a request in the session that the headers name, where they do.
fn place(headers: &HeaderMap, principal: &Principal, id: Id) -> Option<Place> {
    let session = headers.get(SESSION_HEADER)?.to_str().ok()?;
    Place::new(principal.user, session, id)
}

/// Hands the connection to `alcove mcp --stdio`, which pipes its own streams through it.
pub(super) async fn connect(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    mut request: Request,
) -> Result<Response, ApiError> {
    let asked = request.headers().get(header::UPGRADE);
    // A key can be revoked while the connection stands; the local key can't.
    if asked.is_none_or(|asked| asked != LINES) || principal.via != Via::Local {
        return Err(ApiError::MethodNotAllowed);
    }
    let permit = Arc::clone(&app.websockets).try_acquire_owned();
    let permit = permit.map_err(|_| ApiError::Unavailable {
        message: "too many connections are upgraded (`limits.websockets`)".to_owned(),
        retry_after: Some(KEEP_ALIVE),
    })?;
    let upgrading = hyper::upgrade::on(&mut request);
    let tasks = app.tasks.clone();
    tasks.spawn(async move {
        let _permit = permit;
        match upgrading.await {
            Ok(upgraded) => {
                let (reader, writer) = tokio::io::split(TokioIo::new(upgraded));
                let mcp = app.mcp.clone();
                stdio::serve(mcp, principal, reader, writer, app.closing.clone()).await;
            }
            Err(error) => tracing::debug!(%error, "a connection was not upgraded"),
        }
    });
    let headers = [(header::CONNECTION, "upgrade"), (header::UPGRADE, LINES)];
    Ok((StatusCode::SWITCHING_PROTOCOLS, headers).into_response())
}

/// Whether the headers say what the body says: proxies may have acted on the headers.
fn agree(headers: &HeaderMap, call: &Call) -> Result<(), Fault> {
    let header = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let mismatch = |text: String| Fault::new(code::HEADER_MISMATCH, text);
    let claimed = header(VERSION_HEADER);
    let Some(version) = version_of(call) else {
        return match claimed {
            // Older clients did not send it, nor does `initialize` know a version yet.
            None => Ok(()),
            Some(version) if LEGACY.contains(&version) => Ok(()),
            Some(MODERN) => Err(Fault::invalid_params(format!(
                "Revision {MODERN} says its version in `params._meta` too"
            ))),
            Some(other) => Err(unsupported(other)),
        };
    };
    if version.as_str() != claimed {
        return Err(mismatch(format!(
            "Header mismatch: {VERSION_HEADER} is {claimed:?}, the body says {version}"
        )));
    }
    // Which version that is, the core looks at; these headers came with the newest.
    if claimed != Some(MODERN) {
        return Ok(());
    }
    if header(METHOD_HEADER) != Some(call.method.as_str()) {
        return Err(mismatch(format!(
            "Header mismatch: {METHOD_HEADER} does not say {:?}",
            call.method
        )));
    }
    if call.method == "tools/call" {
        let name = call.params.get("name").and_then(Value::as_str);
        let said = header(NAME_HEADER).and_then(decoded);
        if name.is_some() && said.as_deref() != name {
            return Err(mismatch(format!(
                "Header mismatch: {NAME_HEADER} does not name the tool that the body names"
            )));
        }
    }
    Ok(())
}

/// A header's value, which stands in base64 where it would not be plain text.
fn decoded(value: &str) -> Option<String> {
    let encoded = value
        .strip_prefix("=?base64?")
        .and_then(|rest| rest.strip_suffix("?="));
    match encoded {
        None => Some(value.to_owned()),
        Some(encoded) => String::from_utf8(STANDARD.decode(encoded).ok()?).ok(),
    }
}

fn accepts_events(headers: &HeaderMap) -> bool {
    headers.get_all(header::ACCEPT).iter().any(|value| {
        value
            .to_str()
            .is_ok_and(|text| text.contains("text/event-stream"))
    })
}

/// What a request needs to be answered: its own copy of everything, and what stops it.
struct Answering {
    mcp: Mcp,
    principal: Principal,
    call: Call,
    cancel: CancellationToken,
    is_asked: bool,
    /// Held while the call can be stopped by its session.
    in_flight: Option<InFlight>,
}

impl Answering {
    /// Lets the client stop the call by its session.
    fn join_session(&mut self, app: &App, headers: &HeaderMap) -> Result<(), Fault> {
        if let Some(place) = place(headers, &self.principal, self.call.id.clone()) {
            let begun = app.mcp_sessions.begin(place, self.cancel.clone());
            self.in_flight = Some(begun.ok_or_else(|| {
                Fault::new(
                    code::INVALID_REQUEST,
                    "A request with this id is being answered: ids are used once",
                )
            })?);
        }
        Ok(())
    }

    /// With the guard that stops it when the client is gone. The call is written down however it
    /// ends, so it runs on a task of its own.
    fn new(app: &App, principal: Principal, call: Call, is_asked: bool) -> (Answering, DropGuard) {
        let cancel = app.closing.child_token();
        let guard = cancel.clone().drop_guard();
        let answering = Answering {
            mcp: app.mcp.clone(),
            principal,
            call,
            cancel,
            is_asked,
            in_flight: None,
        };
        (answering, guard)
    }

    async fn run(self, notify: Option<mpsc::Sender<Value>>) -> (StatusCode, Value) {
        let context = Context {
            principal: &self.principal,
            cancel: self.cancel,
            notify,
            is_asked: self.is_asked,
        };
        let _in_flight = self.in_flight;
        let outcome = self.mcp.answer(&self.call, context).await;
        let status = match &outcome {
            Ok(_) => StatusCode::OK,
            Err(fault) => status(fault, &self.call),
        };
        (status, reply(&self.call.id, outcome))
    }
}

async fn whole(
    app: &App,
    answering: Answering,
    _stops_when_dropped: DropGuard,
) -> Result<Response, ApiError> {
    let running = app.tasks.spawn(answering.run(None));
    let (status, message) = running.await.map_err(ApiError::internal)?;
    Ok((status, Json(message)).into_response())
}

/// The status beside a fault. The older revisions put faults of the protocol into an ordinary
/// answer.
fn status(fault: &Fault, call: &Call) -> StatusCode {
    match fault.code {
        code::INTERNAL => StatusCode::INTERNAL_SERVER_ERROR,
        _ if Revision::of(call) == Ok(Revision::Legacy) => StatusCode::OK,
        code::METHOD_NOT_FOUND => StatusCode::NOT_FOUND,
        _ => StatusCode::BAD_REQUEST,
    }
}

/// Notifications as they come, then the answer.
fn stream(app: &App, answering: Answering, guard: DropGuard) -> Response {
    let (sender, messages) = mpsc::channel(BUFFER);
    app.tasks.spawn(async move {
        let (_, message) = answering.run(Some(sender.clone())).await;
        // A client that left reads nothing.
        let _ = sender.send(message).await;
    });
    let events = ReceiverStream::new(messages).map(move |message: Value| {
        let _stops_when_dropped = &guard;
        Ok::<_, Infallible>(Event::default().event("message").data(message.to_string()))
    });
    let mut response = Sse::new(events)
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_base64_is_read() {
        assert_eq!(decoded("python").as_deref(), Some("python"));
        assert_eq!(
            decoded("=?base64?SGVsbG8sIOS4lueVjA==?=").as_deref(),
            Some("Hello, 世界")
        );
        assert_eq!(decoded("=?base64?!?="), None);
        assert_eq!(decoded("=?base64?/w==?="), None);
    }
}
