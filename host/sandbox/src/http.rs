//! `wasi:http`: every request of a guest goes through the policy and then out through the egress.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use alcove_egress::{Egress, EgressError, Limits, ResponseBody, Scope};
use alcove_policies::{AddressScope, Authority, ByteRate, Denial, HttpDecision, Inject, Rate};
use http::{HeaderMap, Method, Request, Response, Uri, header};
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use url::Url;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::call::Grant;
use crate::http_body::{Incoming, Outgoing};
use crate::http_meter::Meter;
use crate::outbound::{Passage, bare_headers, is_reading};
use crate::quota::{Key, Quota, Rule, by_rule};
use crate::recorder::{Answer, Answering, Exchange, Turn};
use crate::refusal::Refusal;
use crate::secrets::{Missing, Secrets, placeholders};
use crate::shared::Shared;

/// The most requests that an instance has under way at once, until their bodies are read or dropped.
const MAX_REQUESTS_AT_ONCE: usize = 16;

/// The one way out of a guest.
pub(crate) struct HttpGate {
    shared: Arc<Shared>,
    policy: Arc<Authority>,
    secrets: Secrets,
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
    rule: Rule,
    scope: Scope,
    /// Only its address is sent, and what the host itself puts beside it.
    bare: bool,
    bytes: Option<ByteRate>,
    inject: Option<Arc<Inject>>,
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
            secrets: grant.secrets.clone(),
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
                bytes,
                inject,
                open,
                grant,
            } => {
                let bare = open && self.is_bare(method, &url, exchange)?;
                if let Err(refusal) = self.shared.http_use().request(self.policy.limits()) {
                    return Err(self.over(refusal, exchange));
                }
                if let Some(rate) = rate {
                    self.count((grant.clone(), line), rate, exchange)?;
                }
                Ok(Permit {
                    url,
                    line,
                    rule: (grant, line),
                    bare,
                    scope: scope(addresses),
                    bytes,
                    inject,
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
        let allowed = by_rule(rate, &rule);
        let within = self
            .way
            .as_ref()
            .is_some_and(|way| way.quota.request(&way.key, rule, rate));
        if within {
            return Ok(());
        }
        Err(self.over(Refusal::HttpRate(allowed), exchange))
    }

    /// A limit was reached.
    fn over(&self, refusal: Refusal, exchange: &Exchange) -> Error {
        exchange.failed(&format!("more than {}", refusal.allowed()));
        self.shared.refuse(refusal);
        Error::HttpRequestDenied
    }

    /// The name of a secret that the guest itself sends, with a request that can be written down.
    fn vet(&self, request: Request<WasiBody>) -> (Request<WasiBody>, Option<String>) {
        let name = self
            .secrets
            .leaked_by_url(&request.uri().to_string())
            .or_else(|| self.secrets.leaked_by_url(request.method().as_str()))
            .or_else(|| self.secrets.leaked_by_headers(request.headers()))
            .map(str::to_owned);
        let Some(name) = name else {
            return (request, None);
        };
        let (mut parts, body) = request.into_parts();
        parts.uri = self.secrets.clean_url(&parts.uri);
        parts.headers.clear();
        if self.secrets.leaked_by_url(parts.method.as_str()).is_some() {
            parts.method = Method::GET;
        }
        (Request::from_parts(parts, body), Some(name))
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
        let (request, leak) = self.vet(request);
        match self.shared.recorder.request(request) {
            Turn::Served(answering) => answering,
            Turn::Live { request, exchange } => {
                let answering = match leak {
                    None => self.send(*request, options, &exchange),
                    Some(name) => {
                        let refusal = leaked(&name);
                        exchange.failed(refusal.allowed());
                        self.shared.refuse(refusal);
                        Box::new(async { Err(Error::HttpRequestDenied) })
                    }
                };
                Box::new(exchange.through(answering))
            }
        }
    }
}

impl HttpGate {
    fn send(
        &self,
        mut request: Request<WasiBody>,
        options: Option<RequestOptions>,
        exchange: &Exchange,
    ) -> Answering {
        let mut permit = match self.permit(request.method().as_str(), request.uri(), exchange) {
            Ok(permit) => permit,
            Err(error) => return Box::new(async move { Err(error) }),
        };
        exchange.allowed_by(permit.line);
        if permit.bare {
            *request.headers_mut() = bare_headers(&self.shared.locale());
        }
        if let Err(missing) = self.inject(&mut permit, request.headers_mut(), exchange) {
            let denial = missing_denial(&permit, &missing);
            exchange.failed(&denial.detail);
            self.shared.refuse(Refusal::Denied(denial));
            return Box::new(async { Err(Error::HttpRequestDenied) });
        }
        let Some(way) = &self.way else {
            // A policy without rules allows nothing, so this is not reached; it is a refusal anyway.
            return Box::new(async { Err(Error::HttpRequestDenied) });
        };
        let Ok(slot) = Arc::clone(&way.under_way).try_acquire_owned() else {
            return Box::new(async { Err(Error::ConnectionLimitReached) });
        };
        let mut meter = Meter::new(&self.shared);
        if let Some(rate) = permit.bytes {
            meter = meter.ruled(&way.quota, &way.key, permit.rule.clone(), rate);
        }
        let sending = Sending {
            limits: limits(options, self.shared.deadline(), meter.left()),
            secrets: self.secrets.clone(),
            meter,
            lease: self.shared.lease(),
            egress: way.egress.clone(),
            shared: Arc::clone(&self.shared),
            permit,
            exchange: exchange.clone(),
        };
        Box::new(sending.run(request, slot))
    }

    /// Puts the rule's secret in, after the guest's request was searched for it.
    fn inject(
        &self,
        permit: &mut Permit,
        headers: &mut HeaderMap,
        exchange: &Exchange,
    ) -> Result<(), Missing> {
        if let Some(inject) = permit.inject.clone() {
            self.secrets.inject(&inject, &mut permit.url, headers)?;
            exchange.injected(placeholders(&inject));
        }
        self.secrets.ask_for_plain(headers);
        Ok(())
    }
}

/// One request on its way.
struct Sending {
    egress: Egress,
    shared: Arc<Shared>,
    lease: CancellationToken,
    permit: Permit,
    limits: Limits,
    secrets: Secrets,
    meter: Meter,
    exchange: Exchange,
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
fn limits(options: Option<RequestOptions>, deadline: Instant, bytes: u64) -> Limits {
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

/// The guest knows what it must not.
pub(crate) fn leaked(name: &str) -> Refusal {
    Refusal::Denied(Denial {
        capability: "http",
        detail: format!(
            "the plugin's own request holds the secret `{name}`, which no plugin may know: it was \
             not sent. Somebody has let it out; make a new one and set it with `alcove secret set \
             {name}`"
        ),
        grant: String::new(),
    })
}

/// The rule injects what nobody has set.
fn missing_denial(permit: &Permit, missing: &Missing) -> Denial {
    let name = &missing.0;
    Denial {
        capability: "http",
        detail: format!(
            "the rule in line {} puts the secret `{name}` into the request, and it is not set: set \
             it with `alcove secret set {name}`, or `alcove secret set {name} --user` for yourself",
            permit.line
        ),
        grant: String::new(),
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
pub(crate) fn guest_error(error: &EgressError) -> Error {
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
