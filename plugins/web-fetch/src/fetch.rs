//! Getting the bytes: one request a hop, and what an answer that is no page means.

use std::time::Duration;

use alcove_sdk::session::{self, Level};
use alcove_sdk::{Failure, http};
use url::Url;

use crate::sites::Sites;

/// So many redirects are followed, each as a request of its own.
pub(crate) const MAX_REDIRECTS: usize = 5;
/// A body is read to this many bytes; the rest of a longer page is left.
pub(crate) const MAX_BODY_BYTES: usize = 2 << 20;
/// And that of a PDF, which is of no use in part.
pub(crate) const MAX_PDF_BYTES: usize = 16 << 20;
/// How long to wait for a connection, for an answer, and between its bytes.
const TIMEOUT: Duration = Duration::from_secs(15);
const USER_AGENT: &str = concat!("Alcove-web-fetch/", env!("CARGO_PKG_VERSION"));
const ACCEPT: &str = "text/html,application/xhtml+xml,text/markdown,text/plain,application/json;q=0.9,application/pdf;q=0.9,*/*;q=0.1";

/// What came back.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// Where it came from, after redirects.
    pub(crate) url: Url,
    /// The `Content-Type` header; empty where there is none.
    pub(crate) content_type: String,
    /// The body, at most [`MAX_BODY_BYTES`] of it, or [`MAX_PDF_BYTES`].
    pub(crate) body: Vec<u8>,
    /// Whether there was more.
    pub(crate) cut: bool,
}

/// The address that a person or model wrote.
pub(crate) fn address(text: &str) -> Result<Url, Failure> {
    let mut url: Url = text
        .trim()
        .parse()
        .map_err(|error| Failure::invalid_input(format!("`url` is not a URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Failure::invalid_input(
            "`url` must begin with http:// or https://",
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Failure::invalid_input(
            "`url` may not hold a user name or password",
        ));
    }
    url.set_fragment(None);
    Ok(url)
}

/// Fetches a page.
pub(crate) fn fetch(mut url: Url) -> Result<Fetched, Failure> {
    let mut sites = Sites::default();
    for _ in 0..=MAX_REDIRECTS {
        session::progress(None, url.host_str().unwrap_or_default());
        sites.admit(&url)?;
        let response = send(&url, TIMEOUT)?;
        if let Some(next) = redirect(&url, response.status, response.header("location"))? {
            session::log(Level::Info, &format!("{} leads to {next}", response.status));
            url = next;
            continue;
        }
        refusal(response.status, response.header("retry-after"))?;
        as_it_is(&response)?;
        let content_type = response
            .header("content-type")
            .unwrap_or_default()
            .to_owned();
        let body = response.body(crate::page::limit(&content_type)?)?;
        return Ok(Fetched {
            url,
            content_type,
            body: body.bytes,
            cut: body.cut,
        });
    }
    Err(Failure::upstream(format!(
        "the page redirects more than {MAX_REDIRECTS} times"
    )))
}

/// One request, of which no redirect is followed.
pub(crate) fn send(url: &Url, timeout: Duration) -> Result<http::Response, Failure> {
    let host = url
        .host_str()
        .ok_or_else(|| Failure::invalid_input("the URL has no host"))?;
    let authority = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    let path_and_query = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let locale = session::locale();
    let language = if is_language(&locale) { &locale } else { "en" };
    http::send(&http::Request {
        method: "GET",
        scheme: url.scheme(),
        authority: &authority,
        path_and_query: &path_and_query,
        headers: &[
            ("user-agent", USER_AGENT),
            ("accept", ACCEPT),
            ("accept-language", language),
            ("accept-encoding", "identity"),
        ],
        timeout,
    })
}

fn is_language(tag: &str) -> bool {
    !tag.is_empty()
        && tag
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Where a redirect leads.
pub(crate) fn redirect(
    from: &Url,
    status: u16,
    location: Option<&str>,
) -> Result<Option<Url>, Failure> {
    if !matches!(status, 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = location.ok_or_else(|| {
        Failure::upstream(format!(
            "the site redirects ({status}) without saying where"
        ))
    })?;
    let next = from.join(location).map_err(|_| {
        Failure::upstream(format!(
            "the site redirects ({status}) to what is not a URL"
        ))
    })?;
    address(next.as_str())
        .map(Some)
        .map_err(|_| Failure::upstream("the site redirects to an address that cannot be fetched"))
}

/// Refuses what is compressed, which nothing here reads.
pub(crate) fn as_it_is(response: &http::Response) -> Result<(), Failure> {
    match response.header("content-encoding") {
        Some(encoding) if !encoding.trim().eq_ignore_ascii_case("identity") => {
            Err(Failure::unavailable(format!(
                "the site sent a compressed page ({encoding}) although it was asked not to"
            )))
        }
        _ => Ok(()),
    }
}

/// What a status that is no success means.
fn refusal(status: u16, retry_after: Option<&str>) -> Result<(), Failure> {
    match status {
        200..=299 => Ok(()),
        404 | 410 => Err(Failure::not_found(format!(
            "there is no such page (status {status})"
        ))),
        401 | 407 => Err(Failure::new(
            "auth-required",
            format!("the page needs a sign-in (status {status})"),
        )),
        403 | 451 => Err(Failure::denied(format!(
            "the site refuses to show the page (status {status})"
        ))),
        429 => {
            let wait = retry_after
                .and_then(|seconds| seconds.trim().parse::<u64>().ok())
                .map(|seconds| seconds.saturating_mul(1_000));
            Err(Failure::rate_limited("the site wants fewer requests", wait))
        }
        _ => Err(Failure::upstream(format!(
            "the site answered with status {status}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_addresses_are_fetched() {
        assert!(address(" https://example.com/a#b ").is_ok_and(|url| url.fragment().is_none()));
        for bad in [
            "example.com",
            "ftp://example.com/",
            "file:///etc/passwd",
            "https://user:word@example.com/",
            "https://",
        ] {
            assert_eq!(address(bad).unwrap_err().kind, "invalid-input", "{bad}");
        }
    }

    #[test]
    fn redirects_are_resolved_against_where_they_come_from() {
        let from = address("https://example.com/a/b?c").unwrap();
        let to =
            |location| redirect(&from, 302, Some(location)).map(|url| url.unwrap().to_string());
        assert_eq!(to("/x").unwrap(), "https://example.com/x");
        assert_eq!(to("x").unwrap(), "https://example.com/a/x");
        assert_eq!(to("//other.example/x").unwrap(), "https://other.example/x");
        assert!(to("javascript:alert(1)").is_err());
        assert!(to("https://user@other.example/").is_err());
        assert!(redirect(&from, 302, None).is_err());
        assert!(redirect(&from, 304, Some("/x")).unwrap().is_none());
    }

    #[test]
    fn sites_are_told_the_name_that_their_rules_know() {
        let (product, _) = USER_AGENT.split_once('/').unwrap();
        assert_eq!(product, crate::robots::PRODUCT);
    }

    #[test]
    fn every_status_has_a_kind() {
        assert!(refusal(204, None).is_ok());
        assert_eq!(refusal(404, None).unwrap_err().kind, "not-found");
        assert_eq!(refusal(401, None).unwrap_err().kind, "auth-required");
        assert_eq!(refusal(403, None).unwrap_err().kind, "denied");
        assert_eq!(refusal(500, None).unwrap_err().kind, "upstream");
        let limited = refusal(429, Some("7")).unwrap_err();
        assert_eq!(limited.kind, "rate-limited");
        assert_eq!(limited.retry_after_ms, Some(7_000));
    }
}
