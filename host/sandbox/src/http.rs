//! `wasi:http`: every request of a guest goes through the policy and then out through the egress.

use std::sync::Arc;

use alcove_egress::{Egress, Scope};
use alcove_policies::{AddressScope, Authority, HttpDecision, Rate};
use http::{HeaderMap, Method, Request, Uri};
use tokio::sync::Semaphore;
use url::Url;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::call::Grant;
use crate::http_denials::{flow_denial, leaked, missing_denial};
use crate::http_meter::Meter;
use crate::http_send::{Permit, Sending, limits};
use crate::outbound::{Passage, bare_headers, is_reading};
use crate::quota::{Counted, Key, Quota};
use crate::recorder::{Answering, Exchange, Turn};
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
    /// Where what the grants' rules let through is counted.
    key: Key,
    under_way: Arc<Semaphore>,
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
                key: Key::new(&grant.plugin, grant.policy.identity()),
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
                also,
            } => {
                let bare = open && self.is_bare(method, &url, exchange)?;
                if let Err(refusal) = self.shared.http_use().request(self.policy.limits()) {
                    return Err(self.over(refusal, exchange));
                }
                let Some(way) = &self.way else {
                    // A policy without rules allows nothing, so this is not reached.
                    return Err(Error::HttpRequestDenied);
                };
                // What narrows the call comes first: what it refuses is not the grant's to count.
                let mut counted = Vec::new();
                for own in also {
                    let key = way.key.under(own.identity);
                    counted.push((key, (Some(own.by), own.line), own.rate, own.bytes));
                }
                counted.push((way.key.clone(), (grant, line), rate, bytes));
                let mut by_bytes = Vec::new();
                for (key, rule, rate, bytes) in counted {
                    if let Some(rate) = rate {
                        let (key, rule) = (key.clone(), rule.clone());
                        self.count(way, &Counted { key, rule, rate }, exchange)?;
                    }
                    by_bytes.extend(bytes.map(|rate| Counted { key, rule, rate }));
                }
                Ok(Permit {
                    url,
                    line,
                    bare,
                    scope: scope(addresses),
                    bytes: by_bytes,
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

    fn count(&self, way: &Way, counted: &Counted<Rate>, exchange: &Exchange) -> Result<(), Error> {
        if way.quota.request(counted) {
            return Ok(());
        }
        Err(self.over(Refusal::HttpRate(counted.to_string()), exchange))
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
            return Box::new(async { Err(Error::HttpRequestDenied) });
        };
        let Ok(slot) = Arc::clone(&way.under_way).try_acquire_owned() else {
            return Box::new(async { Err(Error::ConnectionLimitReached) });
        };
        let rules = std::mem::take(&mut permit.bytes);
        let meter = Meter::new(&self.shared, &way.quota, rules);
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
