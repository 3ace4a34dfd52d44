//! Which sites are shown: the organisation's lists, and the person's own.

use alcove_sdk::{Failure, Outcome, Part, state};
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::SitesArguments;

/// Where the person's lists are kept.
const KEY: &str = "sites";
/// A person names at most this many sites.
const MAX_SITES: usize = 200;

/// Lists of sites. A name stands for itself and all names below it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sites {
    /// Where there are any, these alone are shown.
    #[serde(default)]
    pub(crate) only: Vec<String>,
    /// These are never shown.
    #[serde(default)]
    pub(crate) block: Vec<String>,
}

impl Sites {
    /// Whether a page may be shown.
    pub(crate) fn allow(&self, url: &Url) -> bool {
        let Some(host) = url.host_str() else {
            return false;
        };
        (self.only.is_empty() || covers(&self.only, host)) && !covers(&self.block, host)
    }

    fn forget(&mut self, site: &str) {
        self.only.retain(|own| own != site);
        self.block.retain(|own| own != site);
    }
}

fn covers(sites: &[String], host: &str) -> bool {
    sites.iter().any(|site| is_on(host, site))
}

/// Whether a host is a site or has a name below it.
pub(crate) fn is_on(host: &str, site: &str) -> bool {
    let host = host.trim_end_matches('.');
    host.strip_suffix(site)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// A site's name as hosts are compared; also out of a URL, since people paste those.
pub(crate) fn name(text: &str) -> Option<String> {
    let text = text.trim().trim_start_matches("*.");
    let url = if text.contains("://") {
        Url::parse(text)
    } else {
        Url::parse(&format!("http://{text}"))
    };
    match url.ok()?.host()? {
        Host::Domain(host) => {
            let host = host.trim_end_matches('.');
            let host = host.strip_prefix("www.").unwrap_or(host);
            (!host.is_empty()).then(|| host.to_owned())
        }
        Host::Ipv4(address) => Some(address.to_string()),
        Host::Ipv6(_) => None,
    }
}

/// What the person chose.
pub(crate) fn of_the_person() -> Result<Sites, Failure> {
    let kept = state::get(KEY)?;
    Ok(kept.map_or_else(Sites::default, |bytes| {
        serde_json::from_slice(&bytes).unwrap_or_default()
    }))
}

/// The tool `search_sites`.
pub(crate) fn change(arguments: &SitesArguments) -> Outcome {
    let mut sites = of_the_person()?;
    if arguments.action != "list" {
        let site = arguments.site.as_deref().and_then(name).ok_or_else(|| {
            Failure::invalid_input("`site` must be the name of a site such as example.com")
        })?;
        apply(&mut sites, &arguments.action, site)?;
        let bytes =
            serde_json::to_vec(&sites).map_err(|error| Failure::internal(error.to_string()))?;
        state::set(KEY, &bytes)?;
    }
    Ok(vec![Part::text(words(&sites))])
}

fn apply(sites: &mut Sites, action: &str, site: String) -> Result<(), Failure> {
    sites.forget(&site);
    if sites.only.len() + sites.block.len() >= MAX_SITES && action != "forget" {
        return Err(Failure::too_large(format!(
            "{MAX_SITES} sites are named already; forget one first"
        )));
    }
    match action {
        "block" => sites.block.push(site),
        "only" => sites.only.push(site),
        _ => {}
    }
    Ok(())
}

fn words(sites: &Sites) -> String {
    let mut lines = Vec::new();
    if !sites.only.is_empty() {
        lines.push(format!("Searches show only: {}", sites.only.join(", ")));
    }
    if !sites.block.is_empty() {
        lines.push(format!("Searches never show: {}", sites.block.join(", ")));
    }
    if lines.is_empty() {
        lines.push("Searches show every site.".to_owned());
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sites(only: &[&str], block: &[&str]) -> Sites {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Sites {
            only: owned(only),
            block: owned(block),
        }
    }

    #[test]
    fn a_name_covers_what_is_below_it_and_nothing_beside_it() {
        let blocked = sites(&[], &["example.com"]);
        let allow = |sites: &Sites, url: &str| sites.allow(&url.parse().unwrap());
        for url in [
            "https://example.com/",
            "http://a.b.EXAMPLE.com:8080/x",
            "https://example.com./",
        ] {
            assert!(!allow(&blocked, url), "{url}");
        }
        for url in ["https://notexample.com/", "https://example.com.evil.org/"] {
            assert!(allow(&blocked, url), "{url}");
        }
        let both = sites(&["example.com"], &["ads.example.com"]);
        assert!(allow(&both, "https://www.example.com/"));
        assert!(!allow(&both, "https://ads.example.com/"));
        assert!(!allow(&both, "https://other.org/"));
    }

    #[test]
    fn a_site_is_named_as_people_write_it() {
        for (text, expected) in [
            ("Example.com", Some("example.com")),
            ("https://www.example.com/a?b", Some("example.com")),
            (" *.example.com. ", Some("example.com")),
            ("bücher.example", Some("xn--bcher-kva.example")),
            ("10.0.0.1", Some("10.0.0.1")),
            ("", None),
            ("two words", None),
            ("[::1]", None),
        ] {
            assert_eq!(name(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn the_last_word_on_a_site_counts() {
        let mut own = Sites::default();
        for (action, expected) in [
            ("block", sites(&[], &["a.org"])),
            ("only", sites(&["a.org"], &[])),
            ("forget", Sites::default()),
        ] {
            apply(&mut own, action, "a.org".to_owned()).unwrap();
            assert_eq!(own, expected);
        }
        for number in 0..MAX_SITES {
            apply(&mut own, "block", format!("a{number}.org")).unwrap();
        }
        let more = apply(&mut own, "block", "b.org".to_owned());
        assert_eq!(more.unwrap_err().kind, "too-large");
        apply(&mut own, "forget", "a7.org".to_owned()).unwrap();
        assert_eq!(own.block.len(), MAX_SITES - 1);
    }
}
