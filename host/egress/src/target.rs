//! Where a request goes, parsed once.

use std::net::IpAddr;

use http::{HeaderValue, Uri};
use url::{Host, Url};

use crate::error::EgressError;

/// The longest URL that is requested, in bytes.
const MAX_URL_BYTES: usize = 16 << 10;

/// Where a request goes. Everything in it comes from one parse of the URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// For messages: the host as the parsed URL names it.
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) port: u16,
    pub(crate) tls: bool,
    /// The value of the `Host` header.
    pub(crate) host_header: HeaderValue,
    /// What stands in the request line.
    pub(crate) path_and_query: Uri,
}

/// An address needs no resolver; it is checked all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Address(IpAddr),
    Name(String),
}

impl Target {
    /// Parses as browsers do: `http://2130706433/` and `http://0x7f.1/` both mean `127.0.0.1`.
    pub(crate) fn parse(url: &str) -> Result<Target, EgressError> {
        if url.len() > MAX_URL_BYTES {
            return Err(EgressError::Url("it is too long"));
        }
        let url = Url::parse(url).map_err(|_| EgressError::Url("it is not a valid URL"))?;
        Target::from_url(&url)
    }

    pub(crate) fn from_url(url: &Url) -> Result<Target, EgressError> {
        let tls = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(EgressError::Url("only http and https can be requested")),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EgressError::Url("it holds a user name or a password"));
        }
        let port = url
            .port_or_known_default()
            .filter(|port| *port != 0)
            .ok_or(EgressError::Url("it has no port that can be connected to"))?;
        let (place, name) = match url.host() {
            Some(Host::Ipv4(v4)) => (Place::Address(IpAddr::V4(v4)), v4.to_string()),
            Some(Host::Ipv6(v6)) => (Place::Address(IpAddr::V6(v6)), format!("[{v6}]")),
            Some(Host::Domain(name)) => {
                // A trailing dot names the root; TLS and servers want the name without it.
                let name = name.strip_suffix('.').unwrap_or(name);
                if name.is_empty() || name.len() > 253 {
                    return Err(EgressError::Url("its host is not a name"));
                }
                (Place::Name(name.to_owned()), name.to_owned())
            }
            None => return Err(EgressError::Url("it has no host")),
        };
        let header = match url.port() {
            Some(port) => format!("{name}:{port}"),
            None => name.clone(),
        };
        let host_header = HeaderValue::from_str(&header)
            .map_err(|_| EgressError::Url("its host cannot be written in a header"))?;
        let mut line = url.path().to_owned();
        if let Some(query) = url.query() {
            line.push('?');
            line.push_str(query);
        }
        let path_and_query = line
            .parse()
            .map_err(|_| EgressError::Url("its path cannot be sent"))?;
        Ok(Target {
            name,
            place,
            port,
            tls,
            host_header,
            path_and_query,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(url: &str) -> Option<String> {
        match Target::parse(url).unwrap().place {
            Place::Address(address) => Some(address.to_string()),
            Place::Name(_) => None,
        }
    }

    #[test]
    fn every_spelling_of_an_address_lands_on_it() {
        for url in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0177.0.0.1/",
            "http://0x7f.1/",
            "http://127.1/",
            "http://127.0.0.1./",
            "http://１２７.0.0.1/",
            "http://127。0。0。1/",
        ] {
            assert_eq!(address(url).as_deref(), Some("127.0.0.1"), "{url}");
        }
        assert_eq!(
            address("http://[::ffff:7f00:1]/").as_deref(),
            Some("::ffff:127.0.0.1")
        );
    }

    #[test]
    fn what_cannot_be_requested_is_refused() {
        for url in [
            "ftp://example.org/",
            "file:///etc/passwd",
            "http://user@example.org/",
            "http://user:secret@example.org/",
            "http://example.org:0/",
            "http:///",
            "http://./",
            "http://exa mple.org/",
            "http://1.2.3.4.5/",
            "example.org",
            "",
        ] {
            assert!(
                matches!(Target::parse(url), Err(EgressError::Url(_))),
                "{url}"
            );
        }
        assert!(Target::parse(&format!("http://example.org/{}", "a".repeat(20_000))).is_err());
    }

    #[test]
    fn the_request_is_built_from_the_parsed_url() {
        let target = Target::parse("HTTPS://Bücher.Example.:8443/a/../b c?d=é#part").unwrap();
        assert_eq!(target.name, "xn--bcher-kva.example");
        assert_eq!(target.host_header, "xn--bcher-kva.example:8443");
        assert_eq!(target.path_and_query, "/b%20c?d=%C3%A9");
        assert!(target.tls);
        assert_eq!(target.port, 8443);
    }
}
