//! The session cookie.

use http::{HeaderMap, HeaderValue, header};

use super::error::ApiError;
use crate::config::Config;

const NAME: &str = "alcove_session";
/// Browsers take this name only with `Secure`, `Path=/` and no domain: no sibling can set it.
const SECURE_NAME: &str = "__Host-alcove_session";

fn name(config: &Config) -> &'static str {
    if config.is_https() { SECURE_NAME } else { NAME }
}

/// Whether any cookie of ours came with the request, under either name.
pub(super) fn is_sent(headers: &HeaderMap) -> bool {
    [NAME, SECURE_NAME]
        .iter()
        .any(|name| find(headers, name).is_some())
}

/// The session's token, where the request carries one.
pub(super) fn token<'a>(config: &Config, headers: &'a HeaderMap) -> Option<&'a str> {
    find(headers, name(config))
}

fn find<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name && !value.is_empty()).then_some(value))
}

/// The server ends sessions; a cookie only has to live as long as the longest of them.
const MAX_AGE_S: u32 = 90 * 24 * 60 * 60;

/// A `Set-Cookie` that signs in.
pub(super) fn set(config: &Config, token: &str) -> Result<HeaderValue, ApiError> {
    write(config, token, MAX_AGE_S)
}

fn write(config: &Config, token: &str, max_age_s: u32) -> Result<HeaderValue, ApiError> {
    let name = name(config);
    let secure = if config.is_https() { "; Secure" } else { "" };
    let text =
        format!("{name}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={max_age_s}{secure}");
    HeaderValue::from_str(&text).map_err(ApiError::internal)
}

/// A `Set-Cookie` that signs out.
pub(super) fn clear(config: &Config) -> Result<HeaderValue, ApiError> {
    write(config, "", 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_found_among_others() {
        let mut headers = HeaderMap::new();
        let sent = HeaderValue::from_static("a=1; alcove_session=abc; b=2");
        headers.insert(header::COOKIE, sent);
        assert_eq!(find(&headers, NAME), Some("abc"));
        assert_eq!(find(&headers, SECURE_NAME), None);
        assert!(is_sent(&headers));
    }

    #[test]
    fn an_empty_one_is_none() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_static("alcove_session="));
        assert_eq!(find(&headers, NAME), None);
    }
}
