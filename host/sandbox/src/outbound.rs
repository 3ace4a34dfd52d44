//! What may leave a call whose network is open, while its conversation holds something private.

use std::fmt;

use alcove_egress::Stream;
use http::{HeaderMap, HeaderValue, header};
use url::Url;

/// Decides for each request that a rule with `network = "public"` allows. A rule that names its
/// origin is trusted by the grant, and is not asked about here.
pub trait Outbound: fmt::Debug + Send + Sync {
    /// How a request to that address may go.
    fn passage(&self, url: &Url) -> Passage;
}

/// A server of the host's own, which no name and no address leads to. The policy decides about
/// requests to it as about all others.
pub trait LocalServer: fmt::Debug + Send + Sync {
    /// Whether a request to that address is for it.
    fn serves(&self, url: &Url) -> bool;

    /// A new connection to it.
    fn connect(&self) -> Box<dyn Stream>;
}

/// How a request may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// As the guest made it.
    AsIs,
    /// Its address was known before, so that it tells nothing; everything else that the guest
    /// could tell with is left out: only GET and HEAD, no body, and the host's own headers.
    Bare,
    /// Not at all.
    Refused,
}

/// The media types that a bare request asks for.
const ACCEPT: &str = "text/html,application/xhtml+xml,text/markdown,text/plain,\
                      application/json;q=0.9,*/*;q=0.1";
const USER_AGENT: &str = concat!("Alcove/", env!("CARGO_PKG_VERSION"));

/// Whether a method sends nothing but its address.
pub(crate) fn is_reading(method: &str) -> bool {
    matches!(method, "GET" | "HEAD")
}

/// The headers of a bare request: the same for every guest and whatever it knows.
pub(crate) fn bare_headers(locale: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static(ACCEPT));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    headers.insert(
        header::ACCEPT_ENCODING,
        HeaderValue::from_static("identity"),
    );
    if let Ok(language) = HeaderValue::from_str(locale) {
        headers.insert(header::ACCEPT_LANGUAGE, language);
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_request_says_nothing_of_the_guest() {
        let headers = bare_headers("de-AT");
        let names: Vec<&str> = headers.keys().map(header::HeaderName::as_str).collect();
        assert_eq!(names.len(), 4, "{names:?}");
        assert_eq!(headers["accept-language"], "de-AT");
        assert_eq!(headers["accept-encoding"], "identity");
        // What could not be a header is left out.
        assert!(!bare_headers("a\nb").contains_key("accept-language"));
        assert!(is_reading("GET") && is_reading("HEAD") && !is_reading("POST"));
    }
}
