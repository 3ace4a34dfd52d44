//! From streamable HTTP, which the component speaks, to lines, which the process speaks.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures::StreamExt as _;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::DuplexStream;

use super::Server;
use super::process::Asked;
use crate::mcp::stdio::MAX_LINE_BYTES;
use crate::mcp::{Fault, Id, Message, code, reply};

/// Serves one connection.
pub(super) async fn serve(server: Arc<Server>, stream: DuplexStream) {
    let service = service_fn(move |request: Request<Incoming>| {
        let server = Arc::clone(&server);
        async move { Ok::<_, Infallible>(answer(&server, request).await) }
    });
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        // A call that was stopped leaves in the middle.
        tracing::debug!(%error, "a connection to an MCP server's process broke off");
    }
}

async fn answer(server: &Server, request: Request<Incoming>) -> Response {
    if request.method() == Method::DELETE {
        // There is no session to end: the process serves all calls.
        return StatusCode::OK.into_response();
    }
    let Ok(body) = Limited::new(request.into_body(), MAX_LINE_BYTES)
        .collect()
        .await
    else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let request = match Message::parse(&body.to_bytes()) {
        Ok(Message::Request(request)) => request,
        // The process was told that it is initialised, and hears of calls that were given up.
        Ok(Message::Notification(_)) => return StatusCode::ACCEPTED.into_response(),
        Ok(Message::Response(_)) | Err(_) => return StatusCode::BAD_REQUEST.into_response(),
    };
    let fault = |fault: Fault| whole(&fault.message(Some(&request.id)));
    if request.method == "server/discover" {
        // The process is spoken to in a revision that begins with `initialize`.
        return fault(Fault::no_such_method(&request.method));
    }
    let unreachable = |error: &dyn std::fmt::Display| {
        let text = format!("`{}`: {error}", server.settings.name);
        fault(Fault::new(code::INTERNAL, text))
    };
    let process = match server.process().await {
        Ok(process) => process,
        Err(error) => return unreachable(&error),
    };
    if request.method == "initialize" {
        return whole(&reply(&request.id, Ok(process.greeting().clone())));
    }
    match process.ask(&request.method, request.params) {
        Ok(asked) => events(request.id, asked),
        Err(error) => unreachable(&error),
    }
}

fn whole(message: &Value) -> Response {
    let body = Body::from(message.to_string());
    ([(http::header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// Progress as it comes, then the answer under the caller's own id.
fn events(id: Id, asked: Asked) -> Response {
    let events = futures::stream::unfold(Some(asked), move |asked| {
        let id = id.clone();
        async move {
            let mut asked = asked?;
            let mut message = match asked.messages.recv().await {
                Some(message) => message,
                None => Fault::new(
                    code::INTERNAL,
                    "the server's process ended before it answered",
                )
                .message(None),
            };
            let is_last = message.get("method").is_none();
            if is_last {
                message["id"] = json!(id);
            }
            Some((message, (!is_last).then_some(asked)))
        }
    });
    let events =
        events.map(|message| Ok::<_, Infallible>(Event::default().data(message.to_string())));
    Sse::new(events).into_response()
}
