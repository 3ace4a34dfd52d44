//! HTTP requests through `wasi:http`.
//!
//! The host sends them, under the plugin's policy: it resolves names, checks addresses and counts.
//! It follows no redirects: a redirect is an answer, and the next request is checked anew.

use std::time::Duration;

#[allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated from wit/deps"
)]
mod bindings {
    wit_bindgen::generate!({
        inline: "
            package alcove:sdk-http;
            world client { import wasi:http/outgoing-handler@0.2.12; }
        ",
        path: [
            "../../wit/deps/io.wit",
            "../../wit/deps/clocks.wit",
            "../../wit/deps/random.wit",
            "../../wit/deps/filesystem.wit",
            "../../wit/deps/sockets.wit",
            "../../wit/deps/cli.wit",
            "../../wit/deps/http.wit",
        ],
        world: "alcove:sdk-http/client",
        generate_all,
    });
}

use bindings::wasi::http::outgoing_handler::handle;
use bindings::wasi::http::types as wasi;
use bindings::wasi::io::streams::{InputStream, StreamError};

use crate::Failure;

/// How much is asked of the body's stream at a time.
const CHUNK_BYTES: u64 = 64 << 10;
/// How much a stream takes at once, as WASI has it.
const WRITE_BYTES: usize = 4096;

/// A request; its body, where it has one, goes to [`send_body`].
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// `GET`, `HEAD`, …
    pub method: &'a str,
    /// `http` or `https`.
    pub scheme: &'a str,
    /// Host, and port where it is not the scheme's own.
    pub authority: &'a str,
    /// Path and query; begins with a slash.
    pub path_and_query: &'a str,
    /// Further headers.
    pub headers: &'a [(&'a str, &'a str)],
    /// How long to wait for the connection, for the first byte, and between bytes.
    pub timeout: Duration,
}

/// An answer whose body is still on its way.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    headers: Vec<(String, Vec<u8>)>,
    response: wasi::IncomingResponse,
}

/// A body, read to its end or to a limit.
#[derive(Debug)]
pub struct Body {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Whether there was more.
    pub cut: bool,
}

/// Sends a request and waits for the head of its answer.
///
/// # Errors
/// `denied` where policy refuses it, `upstream` where the other side cannot be reached or answers
/// with something that is not HTTP, `invalid-input` for a request that is none.
pub fn send(request: &Request<'_>) -> Result<Response, Failure> {
    send_body(request, &[])
}

/// Sends a request with a body and waits for the head of its answer.
///
/// # Errors
/// As [`send`], and `upstream` where the other side does not take the body.
pub fn send_body(request: &Request<'_>, body: &[u8]) -> Result<Response, Failure> {
    let outgoing = outgoing(request)?;
    let gone = |()| Failure::internal("the request's body was taken twice");
    let writing = outgoing.body().map_err(gone)?;
    let future = handle(outgoing, Some(options(request.timeout)?)).map_err(failure)?;
    if !body.is_empty() {
        let stream = writing.write().map_err(gone)?;
        for piece in body.chunks(WRITE_BYTES) {
            stream
                .blocking_write_and_flush(piece)
                .map_err(|_| Failure::upstream("the request's body could not be sent"))?;
        }
    }
    wasi::OutgoingBody::finish(writing, None).map_err(failure)?;
    let response = loop {
        match future.get() {
            Some(Ok(result)) => break result.map_err(failure)?,
            Some(Err(())) => return Err(Failure::internal("the answer was taken twice")),
            None => future.subscribe().block(),
        }
    };
    Ok(Response {
        status: response.status(),
        headers: response.headers().entries(),
        response,
    })
}

impl Response {
    /// The first header of that name, where it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(own, _)| own.eq_ignore_ascii_case(name))
            .and_then(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// Reads the body, at most `max_bytes` of it.
    ///
    /// # Errors
    /// `upstream` where it breaks off.
    pub fn body(self, max_bytes: usize) -> Result<Body, Failure> {
        let mut stream = self.stream()?;
        let mut bytes = Vec::new();
        while let Some(chunk) = stream.next()? {
            let room = max_bytes - bytes.len();
            if chunk.len() > room {
                bytes.extend_from_slice(&chunk[..room]);
                return Ok(Body { bytes, cut: true });
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Body { bytes, cut: false })
    }

    /// The body piece by piece, as it arrives.
    ///
    /// # Errors
    /// `internal` where it was taken before.
    pub fn stream(self) -> Result<Stream, Failure> {
        let gone = |()| Failure::internal("the body was taken twice");
        let body = self.response.consume().map_err(gone)?;
        Ok(Stream {
            stream: body.stream().map_err(gone)?,
            _body: body,
            _response: self.response,
        })
    }
}

/// A body that is still on its way.
#[derive(Debug)]
pub struct Stream {
    // Each lives in what follows it, and so has to go before it.
    stream: InputStream,
    _body: wasi::IncomingBody,
    _response: wasi::IncomingResponse,
}

impl Stream {
    /// Waits for the next piece; none at the end.
    ///
    /// # Errors
    /// `upstream` where the body breaks off.
    #[expect(clippy::should_implement_trait, reason = "it fails, and waits")]
    pub fn next(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        match self.stream.blocking_read(CHUNK_BYTES) {
            Ok(chunk) => Ok(Some(chunk)),
            Err(StreamError::Closed) => Ok(None),
            Err(StreamError::LastOperationFailed(error)) => {
                Err(match wasi::http_error_code(&error) {
                    Some(code) => failure(code),
                    None => Failure::upstream("the answer broke off"),
                })
            }
        }
    }
}

fn outgoing(request: &Request<'_>) -> Result<wasi::OutgoingRequest, Failure> {
    let headers: Vec<(String, Vec<u8>)> = request
        .headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
        .collect();
    let fields = wasi::Fields::from_list(&headers)
        .map_err(|_| Failure::invalid_input("a header that may not be sent"))?;
    let outgoing = wasi::OutgoingRequest::new(fields);
    let method = match request.method {
        "GET" => wasi::Method::Get,
        "HEAD" => wasi::Method::Head,
        "POST" => wasi::Method::Post,
        "PUT" => wasi::Method::Put,
        "DELETE" => wasi::Method::Delete,
        "OPTIONS" => wasi::Method::Options,
        "PATCH" => wasi::Method::Patch,
        other => wasi::Method::Other(other.to_owned()),
    };
    let scheme = match request.scheme {
        "http" => wasi::Scheme::Http,
        "https" => wasi::Scheme::Https,
        other => wasi::Scheme::Other(other.to_owned()),
    };
    let bad = |()| Failure::invalid_input("a request that cannot be sent");
    outgoing.set_method(&method).map_err(bad)?;
    outgoing.set_scheme(Some(&scheme)).map_err(bad)?;
    outgoing
        .set_authority(Some(request.authority))
        .map_err(bad)?;
    outgoing
        .set_path_with_query(Some(request.path_and_query))
        .map_err(bad)?;
    Ok(outgoing)
}

fn options(timeout: Duration) -> Result<wasi::RequestOptions, Failure> {
    let nanoseconds = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
    let options = wasi::RequestOptions::new();
    let unknown = |()| Failure::internal("the host has no timeouts");
    options
        .set_connect_timeout(Some(nanoseconds))
        .map_err(unknown)?;
    options
        .set_first_byte_timeout(Some(nanoseconds))
        .map_err(unknown)?;
    options
        .set_between_bytes_timeout(Some(nanoseconds))
        .map_err(unknown)?;
    Ok(options)
}

/// What went wrong, in words for a person.
fn failure(code: wasi::ErrorCode) -> Failure {
    use wasi::ErrorCode as Code;
    match code {
        Code::HttpRequestDenied => Failure::denied("this host does not allow the request"),
        Code::DestinationIpProhibited => {
            Failure::denied("the name leads to an address that this host does not allow")
        }
        Code::DnsTimeout | Code::DnsError(_) | Code::DestinationNotFound => {
            Failure::upstream("the host's name could not be resolved")
        }
        Code::ConnectionRefused => Failure::upstream("the connection was refused"),
        Code::ConnectionTimeout | Code::ConnectionReadTimeout | Code::ConnectionWriteTimeout => {
            Failure::upstream("the connection timed out")
        }
        Code::HttpResponseTimeout => Failure::upstream("no answer came in time"),
        Code::ConnectionTerminated | Code::HttpResponseIncomplete => {
            Failure::upstream("the connection broke off")
        }
        Code::TlsProtocolError | Code::TlsCertificateError | Code::TlsAlertReceived(_) => {
            Failure::upstream("the site's certificate or encryption is not valid")
        }
        Code::HttpResponseBodySize(_)
        | Code::HttpResponseHeaderSize(_)
        | Code::HttpResponseHeaderSectionSize(_) => {
            Failure::too_large("the answer is larger than this host allows")
        }
        Code::HttpRequestUriInvalid | Code::HttpRequestMethodInvalid => {
            Failure::invalid_input("a request that cannot be sent")
        }
        Code::InternalError(Some(message)) => Failure::upstream(message),
        other => Failure::upstream(format!("the request failed: {other:?}")),
    }
}
