//! Origins: scheme, host and port, where `*` may stand for a whole label of the host.

use url::Url;

/// The origin of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OriginPattern {
    /// As the URL standard writes it: host in ASCII, no default port.
    text: String,
    /// Only where it holds a `*`.
    labels: Option<Labels>,
}

/// An origin with wildcards, cut into what is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Labels {
    /// `https`
    scheme: String,
    /// `*.example.com`, label by label.
    host: Vec<String>,
    port: u16,
}

/// What stands for one whole label.
const ANY_LABEL: &str = "*";
/// The last labels of a host, which `*` never stands for: whoever registers a name decides what is
/// below it, and nobody decides over all of `com`.
const FIXED_LABELS: usize = 2;
/// Below a country's domain, such a second label belongs to everybody as `com` does: `co.uk`.
const SHARED_SECOND_LABELS: &[&str] = &[
    "ac", "co", "com", "edu", "gob", "gov", "gouv", "ltd", "mil", "ne", "net", "nom", "or", "org",
    "plc", "sch",
];

impl OriginPattern {
    /// Reads an origin, or says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "must be a scheme and a host, such as \"https://api.example\"";
        let url: Url = text.parse().map_err(|_| FORM)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err("must begin with http:// or https://");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("may not hold a user name or password");
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err("must end after the host; put paths under `paths`");
        }
        let host = url.host_str().ok_or(FORM)?;
        let labels = if host.contains('*') {
            Some(Labels {
                scheme: url.scheme().to_owned(),
                host: wildcards(host)?,
                port: url.port_or_known_default().ok_or(FORM)?,
            })
        } else {
            None
        };
        Ok(Self {
            text: url.origin().ascii_serialization(),
            labels,
        })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether every origin that it covers is covered by `other`.
    pub(crate) fn is_within(&self, other: &OriginPattern) -> bool {
        let Some(theirs) = &other.labels else {
            return self.text == other.text;
        };
        let Some(own) = &self.labels else {
            let url: Result<Url, _> = self.text.parse();
            return url.is_ok_and(|url| other.covers(&url, &self.text));
        };
        own.scheme == theirs.scheme
            && own.port == theirs.port
            && own.host.len() == theirs.host.len()
            && own
                .host
                .iter()
                .zip(&theirs.host)
                .all(|(own, theirs)| own == theirs || theirs == ANY_LABEL)
    }

    /// Whether it covers the origin of `url`, whose text is `origin`.
    pub(crate) fn covers(&self, url: &Url, origin: &str) -> bool {
        let Some(own) = &self.labels else {
            return self.text == origin;
        };
        // An address is no name: its parts are not labels.
        let Some(url::Host::Domain(host)) = url.host() else {
            return false;
        };
        own.scheme == url.scheme()
            && Some(own.port) == url.port_or_known_default()
            && own.host.len() == host.split('.').count()
            && own
                .host
                .iter()
                .zip(host.split('.'))
                .all(|(own, label)| !label.is_empty() && (own == label || own == ANY_LABEL))
    }
}

fn wildcards(host: &str) -> Result<Vec<String>, &'static str> {
    let labels: Vec<String> = host.split('.').map(str::to_owned).collect();
    if labels.iter().any(String::is_empty) {
        return Err("has an empty label in its host");
    }
    if labels
        .iter()
        .any(|label| label.contains('*') && label != ANY_LABEL)
    {
        return Err("may hold `*` only as a whole label, as in \"https://*.example.com\"");
    }
    let fixed = labels.len().saturating_sub(FIXED_LABELS);
    if labels[fixed..].iter().any(|label| label == ANY_LABEL) {
        return Err(
            "has `*` in the last two labels of its host; for any public host write \
             `network = \"public\"`",
        );
    }
    let (second, top) = (&labels[fixed], &labels[labels.len() - 1]);
    if top.len() == 2 && SHARED_SECOND_LABELS.contains(&second.as_str()) {
        let named = fixed
            .checked_sub(1)
            .is_some_and(|at| labels[at] != ANY_LABEL);
        if !named {
            return Err(
                "has `*` below a domain that everybody registers names in; name one of them, as in \
                 \"https://*.example.co.uk\"",
            );
        }
    }
    Ok(labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, url: &str, expected: bool) {
        let pattern = OriginPattern::parse(pattern).unwrap();
        let parsed: Url = url.parse().unwrap();
        let origin = parsed.origin().ascii_serialization();
        assert_eq!(
            pattern.covers(&parsed, &origin),
            expected,
            "{} on {url}",
            pattern.as_str()
        );
    }

    #[test]
    fn a_star_is_one_label() {
        check("https://*.example.com", "https://a.example.com/x", true);
        check("https://*.example.com", "https://A.Example.COM./x", false);
        check("https://*.example.com", "https://example.com/", false);
        check("https://*.example.com", "https://a.b.example.com/", false);
        check("https://*.example.com", "https://.example.com/", false);
        check(
            "https://*.example.com",
            "https://a.example.com.evil.org/",
            false,
        );
        check("https://*.*.example.com", "https://a.b.example.com/", true);
        check(
            "https://api.*.example.com",
            "https://api.eu.example.com/",
            true,
        );
        check(
            "https://api.*.example.com",
            "https://web.eu.example.com/",
            false,
        );
    }

    #[test]
    fn scheme_and_port_hold_beside_a_star() {
        check("https://*.example.com", "http://a.example.com/", false);
        check("https://*.example.com:443", "https://a.example.com/", true);
        check(
            "https://*.example.com",
            "https://a.example.com:8443/",
            false,
        );
        check(
            "http://*.example.com:8080",
            "http://a.example.com:8080/",
            true,
        );
        check("http://*.example.com:8080", "http://a.example.com/", false);
    }

    #[test]
    fn names_in_other_scripts_are_one_with_their_ascii() {
        check(
            "https://*.bücher.example",
            "https://a.xn--bcher-kva.example/",
            true,
        );
        check(
            "https://*.xn--bcher-kva.example",
            "https://ä.bücher.example/",
            true,
        );
        check(
            "https://*.bücher.example",
            "https://a.bucher.example/",
            false,
        );
        check("https://%2a.example.com", "https://a.example.com/", true);
    }

    #[test]
    fn too_much_is_never_opened_by_a_star() {
        for text in [
            "https://*",
            "https://*.com",
            "https://*.*",
            "https://example.*",
            "https://a.*.com",
            "https://api*.example.com",
            "https://**.example.com",
            "https://*.co.uk",
            "https://*.*.co.uk",
            "https://*.com.au",
            "https://.*.example.com",
            "https://*.example.com.",
            "https://*.0.0.1",
            "https://10.0.0.*",
            "https://*.example.com/*",
            "ftp://*.example.com",
        ] {
            assert!(OriginPattern::parse(text).is_err(), "{text}");
        }
        assert!(OriginPattern::parse("https://*.example.co.uk").is_ok());
    }
}
