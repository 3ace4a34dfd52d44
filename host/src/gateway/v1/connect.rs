//! `GET /v1/responses` with an upgrade: the same events over a WebSocket.
//!
//! The client sends `{"type": "response.create", …}` with the fields of `POST /v1/responses`; one
//! turn runs at a time. Leaving does not stop a run: it is resumed by
//! `GET /v1/responses/{id}?stream=true`.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use alcove_api_types::{CreateResponse, OpenAiErrorBody, StreamEvent};
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use futures::{Stream, StreamExt as _};
use http::HeaderMap;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, MissedTickBehavior};

use super::{create_response, fields};
use crate::accounts::Principal;
use crate::app::App;
use crate::gateway::caller::Credential;
use crate::gateway::error::ApiError;
use crate::gateway::render;
use crate::gateway::request_id::RequestId;
use crate::runs::ValidRequest;

/// How often the server pings, and asks whether the session still stands.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How many heartbeats may go by without a word from the client.
const MAX_SILENT_HEARTBEATS: u32 = 3;
/// How long one message may take to send before the client counts as gone.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// Why the server closes; the codes are those of RFC 6455.
mod close {
    /// The server goes down, or the connection is as old as it may get: connect again.
    pub(super) const AWAY: u16 = 1001;
    /// A message that is not text.
    pub(super) const NOT_TEXT: u16 = 1003;
    /// The session ended, or the key was revoked: sign in again.
    pub(super) const SIGNED_OUT: u16 = 1008;
    /// A message that is larger than the limit.
    pub(super) const TOO_LARGE: u16 = 1009;
    /// Something failed inside.
    pub(super) const INTERNAL: u16 = 1011;
}

/// Opens the WebSocket.
pub(in crate::gateway) async fn connect(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    id: RequestId,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let credential = Credential::of(&app.config, &headers)?;
    credential.principal(&app).await?;
    let upgrade = upgrade.map_err(|_| ApiError::Invalid {
        param: None,
        code: None,
        message: "POST a request here, or connect with a WebSocket".to_owned(),
    })?;
    let permit = Arc::clone(&app.websockets).try_acquire_owned();
    let permit = permit.map_err(|_| ApiError::Unavailable {
        message: "too many WebSockets are open (`limits.websockets`)".to_owned(),
        retry_after: Some(HEARTBEAT),
    })?;
    let limit_bytes = app.config.limits.max_body_bytes;
    let upgrade = upgrade
        .max_message_size(limit_bytes)
        .max_frame_size(limit_bytes);
    Ok(upgrade.on_upgrade(move |socket| {
        let connection = Connection {
            socket,
            app,
            credential,
            id,
            events: None,
            silent_heartbeats: 0,
            _permit: permit,
        };
        connection.serve()
    }))
}

struct Connection {
    socket: WebSocket,
    app: Arc<App>,
    credential: Credential,
    id: RequestId,
    /// The turn in progress.
    events: Option<Pin<Box<dyn Stream<Item = StreamEvent> + Send>>>,
    silent_heartbeats: u32,
    _permit: OwnedSemaphorePermit,
}

/// The connection is over: with a last word, or because the client is gone.
enum Over {
    Close(u16, &'static str),
    Gone,
}

/// An error over a WebSocket: the body of the HTTP answer, and its status.
#[derive(Serialize)]
struct ErrorEvent {
    #[serde(rename = "type")]
    kind: &'static str,
    status: u16,
    error: OpenAiErrorBody,
}

impl Connection {
    async fn serve(mut self) {
        // A shutdown waits for this token, so that the last events and the close frame get out.
        let _token = self.app.tasks.token();
        let over = self.talk().await;
        if let Over::Close(code, reason) = over {
            let frame = CloseFrame {
                code,
                reason: reason.into(),
            };
            let closing = self.socket.send(Message::Close(Some(frame)));
            // A client that does not take the close frame is gone all the same.
            let _ = tokio::time::timeout(SEND_TIMEOUT, closing).await;
        }
    }

    async fn talk(&mut self) -> Over {
        let app = Arc::clone(&self.app);
        let end = Instant::now() + app.config.limits.websocket_lifetime;
        let mut heartbeat = tokio::time::interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let step = tokio::select! {
                () = app.closing.cancelled() => {
                    Err(Over::Close(close::AWAY, "the server is shutting down"))
                }
                () = tokio::time::sleep_until(end), if self.events.is_none() => {
                    Err(Over::Close(close::AWAY, "connect again: this connection is as old as it may get"))
                }
                _ = heartbeat.tick() => self.beat().await,
                event = next(&mut self.events) => self.forward(event).await,
                message = self.socket.recv() => self.take(message).await,
            };
            if let Err(over) = step {
                return over;
            }
        }
    }

    /// Pings, and makes sure that the session still stands.
    async fn beat(&mut self) -> Result<(), Over> {
        self.check().await?;
        if self.silent_heartbeats >= MAX_SILENT_HEARTBEATS {
            return Err(Over::Gone);
        }
        self.silent_heartbeats += 1;
        self.send(Message::Ping(bytes::Bytes::new())).await
    }

    async fn check(&mut self) -> Result<Principal, Over> {
        match self.credential.principal(&self.app).await {
            Ok(principal) => Ok(principal),
            Err(error @ ApiError::Internal(_)) => {
                render::log(&error, &self.id);
                Err(Over::Close(
                    close::INTERNAL,
                    "something went wrong inside the server",
                ))
            }
            Err(_) => Err(Over::Close(
                close::SIGNED_OUT,
                "the session ended: sign in again",
            )),
        }
    }

    async fn forward(&mut self, event: Option<StreamEvent>) -> Result<(), Over> {
        match event {
            None => {
                self.events = None;
                Ok(())
            }
            Some(event) => {
                // A client may begin the next turn as soon as it has the last event of this one.
                if event.body.is_final() {
                    self.events = None;
                }
                self.send_json(&event).await
            }
        }
    }

    async fn take(&mut self, message: Option<Result<Message, axum::Error>>) -> Result<(), Over> {
        self.silent_heartbeats = 0;
        match message {
            None => Err(Over::Gone),
            // Too large, or no valid WebSocket traffic; the reason tells the client which.
            Some(Err(error)) if is_too_large(&error) => Err(Over::Close(
                close::TOO_LARGE,
                "the message is larger than `limits.body`",
            )),
            Some(Err(_)) | Some(Ok(Message::Close(_))) => Err(Over::Gone),
            Some(Ok(Message::Binary(_))) => {
                Err(Over::Close(close::NOT_TEXT, "send JSON as text messages"))
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
            Some(Ok(Message::Text(text))) => match self.begin(text.as_str()).await {
                Ok(()) => Ok(()),
                Err(Refused::Over(over)) => Err(over),
                Err(Refused::Turn(error)) => self.send_error(&error).await,
            },
        }
    }

    /// Starts a turn.
    async fn begin(&mut self, text: &str) -> Result<(), Refused> {
        let principal = self.check().await.map_err(Refused::Over)?;
        let request = parse(text, self.credential.is_a_session())?;
        if self.events.is_some() {
            return Err(Refused::Turn(ApiError::Conflict(
                "a turn is in progress on this connection: wait for its last event".to_owned(),
            )));
        }
        let run = self.app.runs.start(&principal, request, None).await;
        let run = run.map_err(ApiError::from)?;
        self.events = Some(run.events_after(None).boxed());
        Ok(())
    }

    async fn send_error(&mut self, error: &ApiError) -> Result<(), Over> {
        render::log(error, &self.id);
        let event = ErrorEvent {
            kind: "error",
            status: error.status().as_u16(),
            error: render::openai_body(error).error,
        };
        self.send_json(&event).await
    }

    async fn send_json(&mut self, value: &impl Serialize) -> Result<(), Over> {
        // Wire types have string keys and finite numbers: they always serialise.
        let text = serde_json::to_string(value).unwrap_or_default();
        self.send(Message::Text(text.into())).await
    }

    async fn send(&mut self, message: Message) -> Result<(), Over> {
        match tokio::time::timeout(SEND_TIMEOUT, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Over::Gone),
        }
    }
}

/// Why a message did not start a turn.
enum Refused {
    Turn(ApiError),
    Over(Over),
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Refused {
        Refused::Turn(error)
    }
}

fn parse(text: &str, asks: bool) -> Result<ValidRequest, ApiError> {
    let mut body: Value = crate::gateway::json::parse(text.as_bytes())?;
    let kind = body
        .as_object_mut()
        .and_then(|fields| fields.remove("type"));
    if kind.as_ref().and_then(Value::as_str) != Some("response.create") {
        return Err(ApiError::invalid(
            "type",
            "messages have the type `response.create`",
        ));
    }
    let mut request: CreateResponse =
        fields::parse(body, create_response::FIELDS, fields::RESPONSES)?;
    request.ask.get_or_insert(asks);
    Ok(ValidRequest::parse(request)?)
}

async fn next(
    events: &mut Option<Pin<Box<dyn Stream<Item = StreamEvent> + Send>>>,
) -> Option<StreamEvent> {
    match events {
        Some(events) => events.next().await,
        None => std::future::pending().await,
    }
}

/// tungstenite's error is known by its words alone through axum's wrapper.
fn is_too_large(error: &axum::Error) -> bool {
    let text = render::chain(error);
    text.contains("too long") || text.contains("too large") || text.contains("Space limit")
}
