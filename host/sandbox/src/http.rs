//! `wasi:http`: every request of a guest goes through the policy and then out through the egress.

use std::sync::Arc;
use std::time::{Duration, Instant};

use alcove_egress::{Egress, EgressError, Limits, ResponseBody, Scope};
use alcove_policies::{AddressScope, Authority, Denial, HttpDecision, Rate};
use http::{Request, Response, Uri, header};
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use url::Url;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::call::Grant;
use crate::outbound::{Passage, bare_headers, is_reading};
use crate::quota::{Key, Quota, Rule};
use crate::recorder::{Answer, Answering, Exchange, Turn};
use crate::refusal::Refusal;
use crate::shared::Shared;

/// The most requests that an instance has under way at once, until their bodies are read or dropped.
const MAX_REQUESTS_AT_ONCE: usize = 16;

/// The one way out of a guest.
pub(crate) struct HttpGate {
    shared: Arc<Shared>,
    policy: Arc<Authority>,
    /// Only where the policy has rules for it: without, nothing here could make a request.
    way: Option<Way>,
}

struct Way {
    egress: Egress,
    quota: Arc<Quota>,
    key: Key,
    under_way: Arc<Semaphore>,
}

/// A request that the policy allows.
struct Permit {
    url: Url,
    line: u32,
    scope: Scope,
    /// Only its address is sent, and what the host itself puts beside it.
    bare: bool,
}

impl HttpGate {
    pub(crate) fn new(
        shared: Arc<Shared>,
        grant: &Grant,
        egress: &Egress,
        quota: &Arc<Quota>,
    ) -> HttpGate {
        HttpGate {
            shared,
            policy: Arc::clone(&grant.policy),
            way: grant.policy.has_http().then(|| Way {
                egress: egress.clone(),
                quota: Arc::clone(quota),
                key: Key::new(&grant.plugin, &grant.policy),
                under_way: Arc::new(Semaphore::new(MAX_REQUESTS_AT_ONCE)),
            }),
        }
    }

    /// Whether the request may be sent, and where to. What is parsed here is what is sent.
    fn permit(&self, method: &str, uri: &Uri, exchange: &Exchange) -> Result<Permit, Error> {
        if !self.shared.lease_holds() {
            return Err(Error::HttpRequestDenied);
        }
        let text = uri.to_string();
        let url = Url::parse(&text).map_err(|_| Error::HttpRequestUriInvalid)?;
        match self.policy.http(method, &url) {
            HttpDecision::Deny(denial) => {
                exchange.failed(&denial.detail);
                self.shared.refuse(Refusal::Denied(denial));
                Err(Error::HttpRequestDenied)
            }
            HttpDecision::Allow {
                line,
                addresses,
                rate,
                open,
                grant,
                ..
            } => {
                let bare = open && self.is_bare(method, &url, exchange)?;
                if let Some(rate) = rate {
                    self.count((grant, line), rate, exchange)?;
                }
                Ok(Permit {
                    url,
                    line,
                    bare,
                    scope: scope(addresses),
                })
            }
        }
    }

    /// Whether a request by an open rule goes bare; refused where it would tell something that
    /// nobody has seen.
    fn is_bare(&self, method: &str, url: &Url, exchange: &Exchange) -> Result<bool, Error> {
        let why = match self.shared.passage(url) {
            Passage::AsIs => return Ok(false),
            Passage::Bare if is_reading(method) => return Ok(true),
            Passage::Bare => "only GET and HEAD without a body may be sent",
            Passage::Refused => "nothing in it brought that address, and nobody allowed it",
        };
        let denial = flow_denial(method, url, why);
        exchange.failed(&denial.detail);
        self.shared.refuse(Refusal::Denied(denial));
        Err(Error::HttpRequestDenied)
    }

    fn count(&self, rule: Rule, rate: Rate, exchange: &Exchange) -> Result<(), Error> {
        let (grant, line) = &rule;
        let allowed = match grant {
            Some(grant) => format!("{rate} by the rule in line {line} ({grant})"),
            None => format!("{rate} by the rule in line {line}"),
        };
        let within = self
            .way
            .as_ref()
            .is_some_and(|way| way.quota.request(&way.key, rule, rate));
        if within {
            return Ok(());
        }
        exchange.failed(&format!("more than {allowed}"));
        self.shared.refuse(Refusal::HttpRate(allowed));
        Err(Error::HttpRequestDenied)
    }
}

/// The same in the egress's words.
fn scope(addresses: AddressScope) -> Scope {
    match addresses {
        AddressScope::Public => Scope::Public,
        AddressScope::Listed(nets) => Scope::Listed(nets),
        AddressScope::Except { within, nets } => Scope::Except {
            within: Box::new(scope(*within)),
            nets,
        },
    }
}

impl WasiHttpHooks for HttpGate {
    /// What is written down is what the guest sent and what it received, whatever `send` adds to the
    /// one and takes from the other.
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _done: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Answering {
        match self.shared.recorder.request(request) {
            Turn::Served(answering) => answering,
            Turn::Live { request, exchange } => {
                let answering = self.send(*request, options, &exchange);
                Box::new(exchange.through(answering))
            }
        }
    }
}

impl HttpGate {
    fn send(
        &self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        exchange: &Exchange,
    ) -> Answering {
        let permit = match self.permit(request.method().as_str(), request.uri(), exchange) {
            Ok(permit) => permit,
            Err(error) => return Box::new(async move { Err(error) }),
        };
        exchange.allowed_by(permit.line);
        let Some(way) = &self.way else {
            // A policy without rules allows nothing, so this is not reached; it is a refusal anyway.
            return Box::new(async { Err(Error::HttpRequestDenied) });
        };
        let Ok(slot) = Arc::clone(&way.under_way).try_acquire_owned() else {
            return Box::new(async { Err(Error::ConnectionLimitReached) });
        };
        let sending = Sending {
            limits: limits(options, self.shared.deadline()),
            lease: self.shared.lease(),
            egress: way.egress.clone(),
            shared: Arc::clone(&self.shared),
            permit,
            exchange: exchange.clone(),
        };
        Box::new(sending.run(request, slot))
    }
}

/// One request on its way.
struct Sending {
    egress: Egress,
    shared: Arc<Shared>,
    lease: CancellationToken,
    permit: Permit,
    limits: Limits,
    exchange: Exchange,
}

impl Sending {
    async fn run(self, request: Request<WasiBody>, slot: OwnedSemaphorePermit) -> Answer {
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
                let response = response.map(|body| guest_body(body, slot));
                Ok((response, Box::new(async { Ok(()) })))
            }
            Err(error) => {
                self.exchange.failed(&error.to_string());
                if let EgressError::Address { .. } = &error {
                    self.shared
                        .refuse(Refusal::Denied(address_denial(&self.permit, &error)));
                } else {
                    self.shared.succeeded();
                }
                Err(guest_error(&error))
            }
        }
    }

    async fn send(
        &self,
        request: Request<WasiBody>,
    ) -> Result<Response<ResponseBody>, EgressError> {
        let (mut parts, body) = request.into_parts();
        parts.uri = self
            .permit
            .url
            .as_str()
            .parse()
            .map_err(|_| EgressError::Url("it cannot be sent"))?;
        let body = if self.permit.bare {
            parts.headers = bare_headers(&self.shared.locale());
            alcove_egress::empty_body()
        } else {
            body.map_err(Into::into).boxed_unsync()
        };
        self.egress
            .send(
                Request::from_parts(parts, body),
                &self.permit.scope,
                &self.limits,
            )
            .await
    }
}

/// The body, which holds its slot until it is dropped.
fn guest_body(body: ResponseBody, slot: OwnedSemaphorePermit) -> WasiBody {
    body.map_err(move |error| {
        let _held = &slot;
        guest_error(&error)
    })
    .boxed_unsync()
}

/// The guest's own timeouts hold where they are shorter, and nothing outlives the call.
fn limits(options: Option<RequestOptions>, deadline: Instant) -> Limits {
    let mut limits = Limits::default();
    let left = deadline.saturating_duration_since(Instant::now());
    limits.total = limits.total.min(left);
    if let Some(options) = options {
        let shorten = |limit: &mut Duration, wish: Option<Duration>| {
            if let Some(wish) = wish {
                *limit = wish.min(*limit);
            }
        };
        shorten(&mut limits.connect, options.connect_timeout);
        shorten(&mut limits.first_byte, options.first_byte_timeout);
        shorten(&mut limits.idle, options.between_bytes_timeout);
    }
    limits
}

/// The policy's rule fits the URL, but something private is around.
fn flow_denial(method: &str, url: &Url, why: &str) -> Denial {
    Denial {
        capability: "flow",
        detail: format!(
            "{method} {url} was not sent: the conversation holds private items, and {why}"
        ),
        grant: format!(
            "[[http]]\norigin = \"{}\"\n",
            url.origin().ascii_serialization()
        ),
    }
}

/// The policy's rule fits the URL, but not where its name leads.
fn address_denial(permit: &Permit, error: &EgressError) -> Denial {
    let grant = match error {
        EgressError::Address {
            address,
            refusal: alcove_egress::Refusal::NotPublic | alcove_egress::Refusal::NotListed,
            ..
        } => format!(
            "[[http]]\norigin = \"{}\"\naddresses = [\"{}\"]\n",
            permit.url.origin().ascii_serialization(),
            single_address(*address),
        ),
        _ => String::new(),
    };
    Denial {
        capability: "http",
        detail: format!("{error} (the rule in line {} allows the URL)", permit.line),
        grant,
    }
}

/// An address as a network that holds nothing else.
fn single_address(address: std::net::IpAddr) -> String {
    let address = address.to_canonical();
    let bits = if address.is_ipv4() { 32 } else { 128 };
    format!("{address}/{bits}")
}

/// The same in the words of `wasi:http`.
fn guest_error(error: &EgressError) -> Error {
    match error {
        EgressError::Url(_) => Error::HttpRequestUriInvalid,
        EgressError::Method(_) => Error::HttpRequestMethodInvalid,
        EgressError::Address { .. } | EgressError::Peer { .. } => Error::DestinationIpProhibited,
        EgressError::Resolve { .. } => Error::DnsError {
            rcode: None,
            info_code: None,
        },
        EgressError::Connect { .. } => Error::ConnectionRefused,
        EgressError::Tls { .. } | EgressError::NoRoots | EgressError::Root(_) => {
            Error::TlsCertificateError
        }
        EgressError::Timeout { what, .. } if *what == "connecting" => Error::ConnectionTimeout,
        EgressError::Timeout { .. } => Error::HttpResponseTimeout,
        EgressError::HeadersTooLarge { .. } => Error::HttpResponseHeaderSectionSize(None),
        EgressError::ResponseTooLarge { limit } => Error::HttpResponseBodySize(Some(*limit)),
        EgressError::RequestTooLarge { limit } => Error::HttpRequestBodySize(Some(*limit)),
        EgressError::Incomplete => Error::HttpResponseIncomplete,
        _ => Error::HttpProtocolError,
    }
}
