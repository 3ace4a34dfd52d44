//! The secrets of a call: put into the guest's requests, and kept from the guest.
//!
//! The order matters. What the guest itself sends is scanned first: a secret in it has leaked, and
//! the request is refused before anything of the host's own is in it. Then the rule's secret goes
//! in. What comes back is scanned for it, so that a server that repeats it tells the guest nothing.

use std::fmt;
use std::sync::Arc;

use alcove_egress::{NeedleError, Needles};
use alcove_policies::{Inject, InjectPart, InjectPlace};
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, IF_RANGE, RANGE, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use url::Url;

/// Values for the `{secret:name}` of a policy. Cheap to clone, and never shown.
#[derive(Clone, Default)]
pub struct Secrets {
    inner: Option<Arc<Inner>>,
}

struct Inner {
    names: Vec<String>,
    values: Vec<String>,
    needles: Needles,
    /// For hosts and names of headers, whose letters change their case on the way.
    any_case: Needles,
}

impl Secrets {
    /// Names and values. A name that is not here is a refusal where a rule injects it.
    ///
    /// # Errors
    ///
    /// A value that cannot be told from other text, or too many of them.
    pub fn new(
        secrets: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Secrets, NeedleError> {
        let (names, values): (Vec<String>, Vec<String>) = secrets.into_iter().unzip();
        if names.is_empty() {
            return Ok(Secrets::default());
        }
        let texts: Vec<&str> = values.iter().map(String::as_str).collect();
        Ok(Secrets {
            inner: Some(Arc::new(Inner {
                needles: Needles::new(&texts, false)?,
                any_case: Needles::new(&texts, true)?,
                names,
                values,
            })),
        })
    }

    /// What to look for in bodies; nothing where there are no secrets.
    pub(crate) fn needles(&self) -> Option<&Needles> {
        self.inner.as_ref().map(|inner| &inner.needles)
    }

    pub(crate) fn name(&self, index: usize) -> &str {
        match &self.inner {
            Some(inner) => inner.names.get(index).map_or("", String::as_str),
            None => "",
        }
    }

    fn value(&self, name: &str) -> Option<&str> {
        let inner = self.inner.as_ref()?;
        let index = inner.names.iter().position(|own| own == name)?;
        inner.values.get(index).map(String::as_str)
    }

    /// The name of a secret that the guest's own URL holds.
    pub(crate) fn leaked_by_url(&self, url: &str) -> Option<&str> {
        let found = self.inner.as_ref()?.any_case.find(url.as_bytes())?;
        Some(self.name(found))
    }

    /// The name of a secret that the guest's own headers or trailers hold.
    pub(crate) fn leaked_by_headers(&self, headers: &HeaderMap) -> Option<&str> {
        let inner = self.inner.as_ref()?;
        let found = headers.iter().find_map(|(name, value)| {
            inner
                .any_case
                .find(name.as_str().as_bytes())
                .or_else(|| inner.needles.find(value.as_bytes()))
        })?;
        Some(self.name(found))
    }

    /// A URL to write down in place of one that holds a secret.
    pub(crate) fn clean_url(&self, uri: &Uri) -> Uri {
        let text = uri.to_string();
        self.inner
            .as_ref()
            .and_then(|inner| inner.any_case.scrub(text.as_bytes()))
            .and_then(|clean| Uri::try_from(clean).ok())
            .unwrap_or_else(|| Uri::from_static("http://redacted.invalid/"))
    }

    /// Puts a rule's secret into a request, in place of what the guest put there.
    ///
    /// # Errors
    ///
    /// The name of a secret that is not set.
    pub(crate) fn inject(
        &self,
        inject: &Inject,
        url: &mut Url,
        headers: &mut HeaderMap,
    ) -> Result<(), Missing> {
        let mut value = String::new();
        for part in &inject.value {
            match part {
                InjectPart::Text(text) => value.push_str(text),
                InjectPart::Secret(name) => {
                    value.push_str(self.value(name).ok_or_else(|| Missing(name.clone()))?);
                }
            }
        }
        match &inject.place {
            InjectPlace::Header(name) => {
                // A policy's names and values and a secret's are printable: both always fit.
                let (Ok(name), Ok(mut value)) = (
                    HeaderName::try_from(name.as_str()),
                    HeaderValue::try_from(value),
                ) else {
                    return Err(Missing(name.clone()));
                };
                value.set_sensitive(true);
                headers.insert(name, value);
            }
            InjectPlace::Query(key) => set_query(url, key, &value),
        }
        Ok(())
    }

    /// Asks for an answer that can be scanned: as it is, and whole.
    pub(crate) fn ask_for_plain(&self, headers: &mut HeaderMap) {
        if self.inner.is_some() {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            // Two ranges could each hold half of a secret.
            headers.remove(RANGE);
            headers.remove(IF_RANGE);
        }
    }

    /// The coding of an answer that cannot be scanned for it.
    pub(crate) fn coding(&self, headers: &HeaderMap) -> Option<String> {
        self.inner.as_ref()?;
        for (name, plain) in [
            (CONTENT_ENCODING, "identity"),
            (TRANSFER_ENCODING, "chunked"),
        ] {
            for value in headers.get_all(name) {
                let text = String::from_utf8_lossy(value.as_bytes());
                let other = text
                    .split(',')
                    .map(str::trim)
                    .find(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(plain));
                if let Some(other) = other {
                    return Some(other.chars().take(32).collect());
                }
            }
        }
        None
    }

    /// Blots secrets out of headers or trailers. A header that holds one in its name goes.
    pub(crate) fn scrub_headers(&self, headers: &mut HeaderMap) {
        let Some(inner) = &self.inner else { return };
        let names: Vec<HeaderName> = headers
            .keys()
            .filter(|name| inner.any_case.find(name.as_str().as_bytes()).is_some())
            .cloned()
            .collect();
        for name in names {
            headers.remove(name);
        }
        for value in headers.values_mut() {
            if let Some(clean) = inner.needles.scrub(value.as_bytes())
                && let Ok(clean) = HeaderValue::from_bytes(&clean)
            {
                *value = clean;
            }
        }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.inner {
            Some(inner) => write!(formatter, "Secrets({:?})", inner.names),
            None => formatter.write_str("Secrets([])"),
        }
    }
}

/// What a rule injects, as it may be written down.
pub(crate) fn placeholders(inject: &Inject) -> String {
    let value: String = inject
        .value
        .iter()
        .map(|part| match part {
            InjectPart::Text(text) => text.clone(),
            InjectPart::Secret(name) => format!("{{secret:{name}}}"),
        })
        .collect();
    match &inject.place {
        InjectPlace::Header(name) => format!("header {name} = {value}"),
        InjectPlace::Query(key) => format!("query {key} = {value}"),
    }
}

/// A secret that a rule injects and nobody has set.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Missing(pub(crate) String);

/// Sets one parameter and leaves the others as they are written.
fn set_query(url: &mut Url, key: &str, value: &str) {
    let is_other = |pair: &&str| {
        url::form_urlencoded::parse(pair.as_bytes()).all(|(own, _)| own != key) && !pair.is_empty()
    };
    let mut query: Vec<String> = url
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(is_other)
        .map(str::to_owned)
        .collect();
    let value: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
    query.push(format!("{key}={value}"));
    url.set_query(Some(&query.join("&")));
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &str = "s3cr3t/value+1";

    fn secrets() -> Secrets {
        Secrets::new([("key".to_owned(), VALUE.to_owned())]).unwrap()
    }

    fn inject(place: InjectPlace, parts: &[InjectPart]) -> Inject {
        Inject {
            place,
            value: parts.to_vec(),
            line: 3,
        }
    }

    #[test]
    fn a_query_parameter_replaces_the_guests_and_leaves_the_rest() {
        let rule = inject(
            InjectPlace::Query("k".to_owned()),
            &[InjectPart::Secret("key".to_owned())],
        );
        for (before, after) in [
            ("", "k=s3cr3t%2Fvalue%2B1"),
            ("?a=%20b&k=mine&%6B=mine&c", "a=%20b&c&k=s3cr3t%2Fvalue%2B1"),
        ] {
            let mut url: Url = format!("https://a.example/p{before}").parse().unwrap();
            secrets()
                .inject(&rule, &mut url, &mut HeaderMap::new())
                .unwrap();
            assert_eq!(url.query(), Some(after));
        }
    }

    #[test]
    fn a_header_replaces_the_guests_and_a_missing_secret_is_named() {
        let rule = inject(
            InjectPlace::Header("authorization".to_owned()),
            &[
                InjectPart::Text("Bearer ".to_owned()),
                InjectPart::Secret("key".to_owned()),
            ],
        );
        let mut url: Url = "https://a.example/".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.append("authorization", "one".parse().unwrap());
        headers.append("authorization", "two".parse().unwrap());
        secrets().inject(&rule, &mut url, &mut headers).unwrap();
        let sent: Vec<_> = headers.get_all("authorization").iter().collect();
        assert_eq!(sent, [&format!("Bearer {VALUE}")]);
        assert!(!format!("{headers:?} {:?}", secrets()).contains(VALUE));
        let missing = Secrets::default().inject(&rule, &mut url, &mut headers);
        assert_eq!(missing, Err(Missing("key".to_owned())));
    }

    #[test]
    fn what_the_guest_sends_and_what_comes_back_is_searched() {
        let secrets = secrets();
        let url = "https://s3cr3t.example/?q=S3CR3T%2fvalue%2B1";
        assert_eq!(secrets.leaked_by_url(url), Some("key"));
        let clean = secrets.clean_url(&url.parse().unwrap()).to_string();
        assert!(!clean.contains("CR3T") && clean.starts_with("https://s3cr3t.example/?q=*"));
        let mut headers = HeaderMap::new();
        headers.insert("x-echo", format!("you sent {VALUE}!").parse().unwrap());
        headers.insert("x-plain", "nothing".parse().unwrap());
        assert_eq!(secrets.leaked_by_headers(&headers), Some("key"));
        secrets.scrub_headers(&mut headers);
        assert_eq!(headers["x-echo"], format!("you sent {}!", "*".repeat(14)));
        assert_eq!(headers["x-plain"], "nothing");
        let named = Secrets::new([("n".to_owned(), "Name-Like-1".to_owned())]).unwrap();
        headers.insert("x-name-like-1", "a".parse().unwrap());
        named.scrub_headers(&mut headers);
        assert!(!headers.contains_key("x-name-like-1"));
    }

    #[test]
    fn only_plain_answers_can_be_scanned() {
        for (name, value, coding) in [
            ("content-encoding", "gzip", Some("gzip")),
            ("content-encoding", "identity, BR", Some("BR")),
            ("transfer-encoding", "gzip, chunked", Some("gzip")),
            ("content-encoding", "Identity", None),
            ("transfer-encoding", "chunked", None),
            ("content-encoding", "", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            assert_eq!(secrets().coding(&headers).as_deref(), coding, "{value}");
            assert_eq!(Secrets::default().coding(&headers), None);
        }
        let mut headers = HeaderMap::new();
        headers.insert("accept-encoding", "gzip".parse().unwrap());
        headers.insert("range", "bytes=0-3".parse().unwrap());
        secrets().ask_for_plain(&mut headers);
        assert_eq!(headers["accept-encoding"], "identity");
        assert!(!headers.contains_key("range"));
    }
}
