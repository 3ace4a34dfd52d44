//! A request that is allowed, on its way out and back.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use alcove_egress::{Egress, EgressError, Limits, ResponseBody, Scope};
use alcove_policies::{ByteRate, Inject};
use http::{HeaderMap, Request, Response, header};
use http_body_util::BodyExt;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use url::Url;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use crate::http_body::{Incoming, Outgoing};
use crate::http_denials::address_denial;
use crate::http_error::guest_error;
use crate::http_meter::Meter;
use crate::quota::Counted;
use crate::recorder::{Answer, Exchange};
use crate::refusal::Refusal;
use crate::secrets::Secrets;
use crate::shared::Shared;

/// A request that the policy allows.
pub(crate) struct Permit {
    pub(crate) url: Url,
    pub(crate) line: u32,
    pub(crate) scope: Scope,
    /// Only its address is sent, and what the host itself puts beside it.
    pub(crate) bare: bool,
    /// How many bytes the rules that allow it let through.
    pub(crate) bytes: Vec<Counted<ByteRate>>,
    pub(crate) inject: Option<Arc<Inject>>,
}

/// One request on its way.
pub(crate) struct Sending {
    pub(crate) egress: Egress,
    pub(crate) shared: Arc<Shared>,
    pub(crate) lease: CancellationToken,
    pub(crate) permit: Permit,
    pub(crate) limits: Limits,
    pub(crate) secrets: Secrets,
    pub(crate) meter: Meter,
    pub(crate) exchange: Exchange,
}

/// Why a request has no answer for the guest.
#[derive(Debug, thiserror::Error)]
enum SendError {
    #[error(transparent)]
    Egress(#[from] EgressError),
    /// The guest's body was refused; by what is written down.
    #[error("the body was refused while it was sent")]
    Refused,
    /// Counted while nothing was sent yet.
    #[error("it is larger than the call's or the rule's bytes allow")]
    TooMuch,
    /// It could not be searched for secrets.
    #[error(
        "the answer is coded ({0}) although a plain one was asked for, so it can't be searched for secrets"
    )]
    Coded(String),
}

impl Sending {
    pub(crate) async fn run(
        self,
        request: Request<WasiBody>,
        slot: OwnedSemaphorePermit,
    ) -> Answer {
        let result = tokio::select! {
            biased;
            () = self.lease.cancelled() => return Err(Error::HttpRequestDenied),
            result = self.send(request) => result,
        };
        match result {
            Ok(response) => {
                let location = response.headers().get(header::LOCATION);
                let next = location
                    .and_then(|location| location.to_str().ok())
                    .and_then(|location| self.permit.url.join(location).ok());
                if let Some(next) = next {
                    self.shared.led_to(next);
                }
                self.shared.succeeded();
                self.shared.http_use().answered();
                let response = response.map(|body| {
                    Incoming::new(body, &self.secrets, self.meter, slot).boxed_unsync()
                });
                Ok((response, Box::new(async { Ok(()) })))
            }
            Err(error) => {
                self.exchange.failed(&error.to_string());
                Err(match &error {
                    SendError::Egress(error) => {
                        self.explain(error);
                        guest_error(error)
                    }
                    SendError::Refused | SendError::TooMuch => Error::HttpRequestDenied,
                    SendError::Coded(_) => {
                        self.shared.succeeded();
                        Error::HttpProtocolError
                    }
                })
            }
        }
    }

    /// What explains a failure that comes of this error.
    fn explain(&self, error: &EgressError) {
        match error {
            EgressError::Address { .. } => self
                .shared
                .refuse(Refusal::Denied(address_denial(&self.permit, error))),
            EgressError::RequestTooLarge { .. } | EgressError::ResponseTooLarge { .. } => {
                self.meter.refuse();
            }
            _ => self.shared.succeeded(),
        }
    }

    async fn send(&self, request: Request<WasiBody>) -> Result<Response<ResponseBody>, SendError> {
        let (mut parts, body) = request.into_parts();
        parts.uri = self
            .permit
            .url
            .as_str()
            .parse()
            .map_err(|_| EgressError::Url("it cannot be sent"))?;
        let body = match self.permit.bare {
            true => http_body_util::Empty::new()
                .map_err(|never| match never {})
                .boxed_unsync(),
            false => body,
        };
        let url = self.permit.url.as_str();
        self.count(url.len() + header_bytes(&parts.headers))?;
        let (body, refused) = Outgoing::new(body, &self.shared, &self.secrets, self.meter.clone());
        let request = Request::from_parts(parts, body.boxed_unsync());
        let sent = match self.shared.local(&self.permit.url) {
            Some(local) => {
                let connection = local.connect();
                self.egress
                    .send_over(connection, request, &self.limits)
                    .await
            }
            None => {
                let scope = &self.permit.scope;
                self.egress.send(request, scope, &self.limits).await
            }
        };
        // A server may answer before it has read everything.
        if refused.load(Ordering::Relaxed) {
            return Err(SendError::Refused);
        }
        let mut response = sent?;
        self.count(header_bytes(response.headers()))?;
        if let Some(coding) = self.secrets.coding(response.headers()) {
            return Err(SendError::Coded(coding));
        }
        self.secrets.scrub_headers(response.headers_mut());
        Ok(response)
    }

    fn count(&self, bytes: usize) -> Result<(), SendError> {
        self.meter.take(bytes).map_err(|_| SendError::TooMuch)
    }
}

/// About how many bytes headers take.
fn header_bytes(headers: &HeaderMap) -> usize {
    headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len())
        .sum()
}

/// The guest's own timeouts hold where they are shorter, and nothing outlives the call.
pub(crate) fn limits(options: Option<RequestOptions>, deadline: Instant, bytes: u64) -> Limits {
    let mut limits = Limits {
        request_bytes: bytes,
        response_bytes: bytes,
        ..Limits::default()
    };
    let left = deadline.saturating_duration_since(Instant::now());
    // A little more, so that the call's own limit is what is reported.
    limits.total = limits.total.min(left + Duration::from_secs(1));
    if let Some(options) = options {
        // A guest counts what is left in milliseconds. One that waits for all of it has no timeout
        // of its own.
        let shortest = left.saturating_sub(Duration::from_millis(1));
        let shorten = |limit: &mut Duration, wish: Option<Duration>| {
            if let Some(wish) = wish.filter(|wish| *wish < shortest) {
                *limit = wish.min(*limit);
            }
        };
        shorten(&mut limits.connect, options.connect_timeout);
        shorten(&mut limits.first_byte, options.first_byte_timeout);
        shorten(&mut limits.idle, options.between_bytes_timeout);
    }
    limits
}
