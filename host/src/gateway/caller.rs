//! Who is asking: a session cookie, or an API key in the `Authorization` header.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, Method, header};

use super::cookie;
use super::error::ApiError;
use crate::accounts::Principal;
use crate::app::App;
use crate::config::Config;

/// The principal of a request. Handlers that take it are for people who signed in.
#[derive(Debug, Clone)]
pub(super) struct Caller(pub(super) Principal);

/// The principal of a request, who must be an administrator.
#[derive(Debug, Clone)]
pub(super) struct Admin(pub(super) Principal);

/// What proves who is asking; kept by WebSockets, to be checked again.
#[derive(Clone)]
pub(super) enum Credential {
    /// The session cookie's token.
    Session(String),
    /// The secret of an API key.
    Key(String),
}

impl Credential {
    /// The request's credential. A header wins over a cookie: it was set on purpose.
    pub(super) fn of(config: &Config, headers: &HeaderMap) -> Result<Credential, ApiError> {
        if let Some(value) = headers.get(header::AUTHORIZATION) {
            let text = value.to_str().unwrap_or_default();
            let (scheme, secret) = text.split_once(' ').unwrap_or((text, ""));
            let is_bearer = scheme.eq_ignore_ascii_case("bearer") && !secret.trim().is_empty();
            return match is_bearer {
                true => Ok(Credential::Key(secret.trim().to_owned())),
                false => Err(ApiError::WrongCredential(
                    "send an API key as `Authorization: Bearer alc_…`",
                )),
            };
        }
        let token = cookie::token(config, headers).ok_or(ApiError::SignedOut)?;
        Ok(Credential::Session(token.to_owned()))
    }

    /// Whether it is that of a browser, in front of which somebody sits.
    pub(super) fn is_a_session(&self) -> bool {
        matches!(self, Credential::Session(_))
    }

    /// Whom the credential stands for, as of now.
    pub(super) async fn principal(&self, app: &App) -> Result<Principal, ApiError> {
        match self {
            Credential::Session(token) => {
                let found = app.accounts.session_principal(token).await;
                found
                    .map_err(ApiError::internal)?
                    .ok_or(ApiError::SignedOut)
            }
            Credential::Key(secret) if app.local_key.is(secret) => {
                let found = app.accounts.local_principal().await;
                found.map_err(ApiError::internal)
            }
            Credential::Key(secret) => {
                let found = app.accounts.key_principal(secret).await;
                found
                    .map_err(ApiError::internal)?
                    .ok_or(ApiError::WrongCredential(
                        "this API key is not valid: it was revoked, has expired or never was",
                    ))
            }
        }
    }
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let credential = Credential::of(&app.config, &parts.headers)?;
        let principal = credential.principal(app).await?;
        if principal.within.is_some() && !is_for_narrowed_keys(parts) {
            return Err(ApiError::KeyNarrowed);
        }
        Ok(Caller(principal))
    }
}

/// A key with policies uses models and tools and reads; it changes nothing, or it could make itself
/// a wider key, allow a call that it may not make itself, or replace a secret.
fn is_for_narrowed_keys(parts: &Parts) -> bool {
    let path = parts.uri.path();
    let uses = path == "/mcp" || path.starts_with("/v1/");
    let asks = path == "/api/policy/explain";
    uses || asks || matches!(parts.method, Method::GET | Method::HEAD)
}

impl FromRequestParts<Arc<App>> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let Caller(principal) = Caller::from_request_parts(parts, app).await?;
        match principal.admin {
            true => Ok(Admin(principal)),
            false => Err(ApiError::NotAdmin),
        }
    }
}

/// Where the request comes from, as far as it can be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ClientAddress(pub(super) IpAddr);

/// The connection's other end; the server puts it into each request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

impl FromRequestParts<Arc<App>> for ClientAddress {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let peer = parts.extensions.get::<Peer>();
        let peer = peer.map_or(IpAddr::from([127, 0, 0, 1]), |Peer(address)| address.ip());
        Ok(ClientAddress(client_address(
            peer,
            app.config.public_url.is_some(),
            &parts.headers,
        )))
    }
}

/// Behind a proxy on this machine, the last entry of `X-Forwarded-For` is what the proxy itself
/// saw; earlier ones are the client's own claims.
fn client_address(peer: IpAddr, behind_proxy: bool, headers: &HeaderMap) -> IpAddr {
    if !(behind_proxy && peer.is_loopback()) {
        return peer;
    }
    headers
        .get_all("x-forwarded-for")
        .iter()
        .next_back()
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.rsplit(',').next())
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(peer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claimed_address_counts_only_behind_a_proxy() {
        let mut headers = HeaderMap::new();
        let value = http::HeaderValue::from_static("6.6.6.6, 203.0.113.9");
        headers.insert("x-forwarded-for", value);
        let loopback = IpAddr::from([127, 0, 0, 1]);
        let far = IpAddr::from([203, 0, 113, 1]);
        let seen = IpAddr::from([203, 0, 113, 9]);
        assert_eq!(client_address(loopback, true, &headers), seen);
        assert_eq!(client_address(loopback, false, &headers), loopback);
        assert_eq!(client_address(far, true, &headers), far);
    }
}
