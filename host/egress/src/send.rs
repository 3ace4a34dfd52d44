//! One request, one answer.

use std::future::Future;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::header::{self, HeaderMap, HeaderName};
use http::{HeaderValue, Method, Request, Response};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use crate::Egress;
use crate::address::Scope;
use crate::body::{Body, Connection, CountedBody, ResponseBody, from_hyper};
use crate::connect::Stream;
use crate::error::EgressError;
use crate::limits::Limits;
use crate::target::Target;

/// Headers that speak about one connection, which is ours to speak about.
const HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    header::HOST,
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// hyper refuses a smaller buffer.
const MIN_HEADER_BYTES: usize = 8192;

impl Egress {
    /// Sends one request to a URL that is in `scope`, and answers with the response as it is,
    /// redirects included.
    ///
    /// # Errors
    ///
    /// A URL or address that is refused, a limit that was reached, or a connection that failed. When
    /// an address is refused, nothing was connected.
    pub async fn send(
        &self,
        request: Request<Body>,
        scope: &Scope,
        limits: &Limits,
    ) -> Result<Response<ResponseBody>, EgressError> {
        let target = Target::parse(&request.uri().to_string())?;
        self.send_to(&target, request, scope, limits).await
    }

    /// The same over a connection to a server of the host's own: nothing is resolved or connected.
    ///
    /// # Errors
    ///
    /// As of [`Egress::send`], but for what addresses can fail with.
    pub async fn send_over(
        &self,
        connection: Box<dyn Stream>,
        request: Request<Body>,
        limits: &Limits,
    ) -> Result<Response<ResponseBody>, EgressError> {
        let target = Target::parse(&request.uri().to_string())?;
        let connecting = std::future::ready(Ok(connection));
        exchange(&target, request, connecting, limits).await
    }

    pub(crate) async fn send_to(
        &self,
        target: &Target,
        request: Request<Body>,
        scope: &Scope,
        limits: &Limits,
    ) -> Result<Response<ResponseBody>, EgressError> {
        let connecting = self.inner.connect(target, scope);
        exchange(target, request, connecting, limits).await
    }
}

/// Sends a request over the connection that `connecting` makes.
async fn exchange(
    target: &Target,
    request: Request<Body>,
    connecting: impl Future<Output = Result<Box<dyn Stream>, EgressError>>,
    limits: &Limits,
) -> Result<Response<ResponseBody>, EgressError> {
    let (mut parts, body) = request.into_parts();
    if [Method::CONNECT, Method::TRACE].contains(&parts.method) {
        return Err(EgressError::Method(parts.method.to_string()));
    }
    parts.uri = target.path_and_query.clone();
    parts.version = http::Version::HTTP_11;
    parts.headers = own_headers(parts.headers, target);
    let (body, exceeded) = CountedBody::new(body, limits.request_bytes);
    let request = Request::from_parts(parts, body);

    let started = Instant::now();
    let deadline = started + limits.total;
    let stream = bounded(
        "connecting",
        limits.connect,
        limits.total,
        deadline,
        connecting,
    )
    .await??;
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(limits.header_bytes.max(MIN_HEADER_BYTES))
        .max_headers(limits.headers)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(from_hyper)?;
    let connection = Connection(tokio::spawn(async move {
        // Its error, if any, also comes out of the response.
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection ended early");
        }
    }));
    let response = bounded(
        "the first byte",
        limits.first_byte,
        limits.total,
        deadline,
        sender.send_request(request),
    )
    .await?
    .map_err(|error| {
        if exceeded.load(Ordering::Relaxed) {
            EgressError::RequestTooLarge {
                limit: limits.request_bytes,
            }
        } else if is_head_too_large(&error) {
            EgressError::HeadersTooLarge {
                limit: limits.header_bytes,
            }
        } else if error.is_user() {
            EgressError::RequestBody(error.into())
        } else {
            from_hyper(error)
        }
    })?;
    let announced = response
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limits.response_bytes)
        && !http_body::Body::is_end_stream(response.body())
    {
        return Err(EgressError::ResponseTooLarge {
            limit: limits.response_bytes,
        });
    }
    Ok(response.map(|body| ResponseBody::new(body, connection, limits, deadline)))
}

/// hyper tells this apart only in its words, and only a server may ask for the kind.
fn is_head_too_large(error: &hyper::Error) -> bool {
    error.is_parse() && error.to_string().contains("too large")
}

/// The guest's headers without those that are ours, and ours.
fn own_headers(mut headers: HeaderMap, target: &Target) -> HeaderMap {
    // What `Connection` names is hop-by-hop as well.
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in HOP_BY_HOP.iter().chain(&named) {
        headers.remove(name);
    }
    headers.insert(header::HOST, target.host_header.clone());
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    headers
}

/// `future` within its own limit and the whole request's.
async fn bounded<F: Future>(
    what: &'static str,
    limit: Duration,
    total: Duration,
    deadline: Instant,
    future: F,
) -> Result<F::Output, EgressError> {
    let own = Instant::now() + limit;
    match tokio::time::timeout_at(own.min(deadline), future).await {
        Ok(output) => Ok(output),
        Err(_) if own <= deadline => Err(EgressError::Timeout { what, limit }),
        Err(_) => Err(EgressError::Timeout {
            what: "the request",
            limit: total,
        }),
    }
}
