//! Which host names and which sites a request may come by.
//!
//! A page of another site can make a browser send requests here, with the cookie or, by DNS
//! rebinding, under a host name of its own. So the host name must be one of ours, and what
//! changes something must come from a page of ours.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::uri::Authority;
use http::{HeaderMap, Method, header};
use url::Url;

use super::cookie;
use super::error::ApiError;
use crate::app::App;
use crate::config::Config;

/// Refuses host names that are not ours: see [`is_our_host`].
pub(super) async fn check_host(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    let host = request_host(&request);
    match host.as_ref().map(Authority::host) {
        Some(name) if is_our_host(&app.config, name) => next.run(request).await,
        name => ApiError::UnknownHost(name.unwrap_or_default().to_owned()).into_response(),
    }
}

/// Refuses unsafe methods and WebSockets that come from pages of other sites.
pub(super) async fn check_site(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    match came_from_here(&app.config, &request) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

/// Refuses whatever a page of another site sent, credentials or not: what MCP asks of its servers.
pub(super) async fn check_page(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    let is_ours = match origin(request.headers()) {
        Some(origin) => is_our_origin(&app.config, &request, &origin),
        None => !request.headers().contains_key(header::ORIGIN),
    };
    match is_ours {
        true => next.run(request).await,
        false => ApiError::CrossSite("its page has another origin").into_response(),
    }
}

fn request_host(request: &Request) -> Option<Authority> {
    if let Some(authority) = request.uri().authority() {
        return Some(authority.clone());
    }
    let host = request.headers().get(header::HOST)?;
    host.to_str().ok()?.parse().ok()
}

/// Loopback names, the host of `public_url`, and those in `allowed_hosts`.
fn is_our_host(config: &Config, name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    matches!(name.as_str(), "localhost" | "127.0.0.1" | "[::1]")
        || config.allowed_hosts.contains(&name)
        || config.public_url.as_ref().and_then(Url::host_str) == Some(name.as_str())
}

/// Whether a browser that sent this request was on a page of ours, or it was no browser.
fn came_from_here(config: &Config, request: &Request) -> Result<(), ApiError> {
    let headers = request.headers();
    let is_upgrade = headers.contains_key(header::UPGRADE);
    let is_safe = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    if is_safe && !is_upgrade {
        return Ok(());
    }
    if headers.contains_key(header::AUTHORIZATION) {
        // A page of another site can't set this header without our leave, which it never gets.
        return Ok(());
    }
    if let Some(site) = headers.get("sec-fetch-site") {
        return match site.as_bytes() {
            b"same-origin" => Ok(()),
            _ => Err(ApiError::CrossSite("its page has another origin")),
        };
    }
    match origin(headers) {
        Some(origin) if is_our_origin(config, request, &origin) => Ok(()),
        Some(_) => Err(ApiError::CrossSite("its page has another origin")),
        None if headers.contains_key(header::ORIGIN) => {
            Err(ApiError::CrossSite("its origin is not known"))
        }
        // Signing in by a program, without a browser: nothing to borrow yet.
        None if !cookie::is_sent(headers) && !is_upgrade => Ok(()),
        None => Err(ApiError::CrossSite(
            "with a cookie, send an `Origin` or `Sec-Fetch-Site` header as browsers do",
        )),
    }
}

fn origin(headers: &HeaderMap) -> Option<Url> {
    Url::parse(headers.get(header::ORIGIN)?.to_str().ok()?).ok()
}

/// The page's origin is that of `public_url`, or that of the address asked for.
fn is_our_origin(config: &Config, request: &Request, origin: &Url) -> bool {
    if let Some(public) = &config.public_url
        && public.origin() == origin.origin()
    {
        return true;
    }
    // The server itself speaks plain HTTP; where a proxy adds TLS, `public_url` says so.
    let Some(host) = request_host(request) else {
        return false;
    };
    let own = Url::parse(&format!("http://{host}/"));
    own.is_ok_and(|own| own.origin() == origin.origin())
}
