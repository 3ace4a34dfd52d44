//! A name for each request, in its answer and in every log line about it.

use std::fmt;
use std::time::Instant;

use axum::extract::{FromRequestParts, Request};
use axum::middleware::Next;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderName, HeaderValue};
use tracing::Instrument as _;
use uuid::Uuid;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");
const MAX_BYTES: usize = 64;

/// A request's id: the client's or the proxy's own where it is short and plain, else a new one.
#[derive(Clone)]
pub(super) struct RequestId(HeaderValue);

impl RequestId {
    /// The id that [`trace`] gave to the request.
    pub(super) fn of(request: &Request) -> RequestId {
        let given = request.extensions().get::<RequestId>();
        given.cloned().unwrap_or_else(RequestId::new)
    }

    fn new() -> RequestId {
        let text = Uuid::now_v7().simple().to_string();
        // Hex digits are always a valid header value.
        RequestId(HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("unknown")))
    }

    #[cfg(test)]
    pub(super) fn fixed(text: &'static str) -> RequestId {
        RequestId(HeaderValue::from_static(text))
    }

    fn sent_with(request: &Request) -> Option<RequestId> {
        let value = request.headers().get(HEADER)?;
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let bytes = value.as_bytes();
        let usable = !bytes.is_empty() && bytes.len() <= MAX_BYTES && bytes.iter().all(plain);
        usable.then(|| RequestId(value.clone()))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RequestId {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let given = parts.extensions.get::<RequestId>();
        Ok(given.cloned().unwrap_or_else(RequestId::new))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.to_str().unwrap_or("unknown"))
    }
}

/// Names the request, opens its span, and logs how it ended.
pub(super) async fn trace(mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = RequestId::sent_with(&request).unwrap_or_else(RequestId::new);
    // The path only: a query may hold what somebody typed.
    let span = tracing::info_span!(
        "request",
        request_id = %id,
        method = %request.method(),
        path = request.uri().path(),
    );
    request.extensions_mut().insert(id.clone());
    let mut response = next.run(request).instrument(span.clone()).await;
    let duration_ms = started.elapsed().as_secs_f64() * 1e3;
    let status = response.status().as_u16();
    span.in_scope(|| tracing::debug!(status, duration_ms, "answered"));
    response.headers_mut().insert(HEADER, id.0);
    response
}
