//! Which requests may be sent.

use std::sync::Arc;

use url::Url;

use super::Authority;
use super::denials::{cited, http_denial};
use crate::addresses::AddressScope;
use crate::http::{self, AlsoAllows, HttpDecision};
use crate::{Denial, Policy};

impl Authority {
    /// Whether it may send to any public host.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let closed = self.ceiling.as_ref().and_then(|own| own.denies_public());
        closed.is_none()
            && self.has_http()
            && self.sources.iter().any(|source| source.policy.is_open())
    }

    /// Whether any request may be sent at all.
    #[must_use]
    pub fn has_http(&self) -> bool {
        self.denied("http").is_none()
            && self.sources.iter().any(|source| source.policy.has_http())
            && self.narrowers.iter().all(|own| own.policy.has_http())
    }

    /// What the HTTP rules open, a short phrase each: of a call that is narrowed, what is opened by
    /// the grants and by what narrows it.
    #[must_use]
    pub fn http_summary(&self) -> Vec<String> {
        let of = |policy: &Policy| (policy.http_summary(), policy.is_open());
        let mut own = (Vec::new(), false);
        for source in &self.sources {
            let (phrases, is_open) = of(&source.policy);
            own.0.extend(phrases);
            own.1 |= is_open;
        }
        for narrower in &self.narrowers {
            let other = of(&narrower.policy);
            own = (
                [(&own, &other), (&other, &own)]
                    .into_iter()
                    .flat_map(|(one, other)| {
                        let kept = one.0.iter();
                        kept.filter(|phrase| other.1 || other.0.contains(phrase))
                    })
                    .cloned()
                    .collect(),
                own.1 && other.1,
            );
        }
        own.0
    }

    /// Whether a request may be sent: not where the ceiling denies it; else by the first rule that
    /// matches, the most specific source's first; and only if the call's own limits let it too.
    ///
    /// `url` must be the URL that will be sent: what was parsed is what is matched.
    #[must_use]
    pub fn http(&self, method: &str, url: &Url) -> HttpDecision {
        if let Some(denial) = self.ceiling_denies(url) {
            return HttpDecision::Deny(denial);
        }
        let no_public = self.ceiling.as_ref().and_then(|own| own.denies_public());
        // First whether, then why not: most requests are allowed, and words take time.
        if http::is_sendable(url) {
            let origin = url.origin().ascii_serialization();
            for source in &self.sources {
                let rules = source.policy.http_rules();
                if let Some(allowed) =
                    http::allowed(rules, method, url, &origin, no_public.is_none())
                {
                    return self.narrow(allowed, method, url, &source.name);
                }
            }
        }
        let mut nearest: Option<Denial> = None;
        for source in &self.sources {
            match source.policy.http_where(method, url, no_public.is_none()) {
                HttpDecision::Deny(denial) => {
                    let denial = cited(denial, &source.name);
                    // A denial by a rule says more than that there is none.
                    let by_rule = |own: &Denial| own.detail.starts_with("line ");
                    let is_nearer = match &nearest {
                        Some(own) => by_rule(&denial) && !by_rule(own),
                        None => true,
                    };
                    if is_nearer {
                        nearest = Some(denial);
                    }
                }
                allowed => return self.narrow(allowed, method, url, &source.name),
            }
        }
        // Only the ceiling stands between the request and a rule for any public host.
        if let Some(rule) = no_public
            && self
                .sources
                .iter()
                .any(|source| matches!(source.policy.http(method, url), HttpDecision::Allow { .. }))
        {
            return HttpDecision::Deny(http_denial(rule.says("`network = \"public\"`")));
        }
        HttpDecision::Deny(nearest.unwrap_or_else(|| http_denial("nothing is granted".to_owned())))
    }

    fn ceiling_denies(&self, url: &Url) -> Option<Denial> {
        let ceiling = self.ceiling.as_ref()?;
        if let Some(rule) = ceiling.denies_capability("http") {
            return Some(http_denial(rule.says("http")));
        }
        let rule = ceiling.denies_url(url)?;
        let host = url.host_str().unwrap_or_default();
        Some(http_denial(rule.says(host)))
    }

    /// What a source allows, as far as ceiling and call let it.
    fn narrow(
        &self,
        mut allowed: HttpDecision,
        method: &str,
        url: &Url,
        name: &Arc<str>,
    ) -> HttpDecision {
        let HttpDecision::Allow {
            addresses,
            grant,
            open,
            also,
            ..
        } = &mut allowed
        else {
            return allowed;
        };
        // An origin that any of the grants names is no open one.
        *open = *open
            && self.sources.iter().all(|source| {
                !matches!(
                    source.policy.http(method, url),
                    HttpDecision::Allow { open: false, .. }
                )
            });
        if !name.is_empty() {
            *grant = Some(Arc::clone(name));
        }
        for own in &self.narrowers {
            match own.policy.http(method, url) {
                HttpDecision::Deny(denial) => {
                    return HttpDecision::Deny(cited(denial, &own.name));
                }
                HttpDecision::Allow {
                    line,
                    addresses: other,
                    rate,
                    bytes,
                    ..
                } => {
                    let Some(common) = addresses.common(&other) else {
                        return HttpDecision::Deny(http_denial(format!(
                            "line {line} allows other addresses than the grant ({})",
                            own.name
                        )));
                    };
                    *addresses = common;
                    also.push(AlsoAllows {
                        by: Arc::clone(&own.name),
                        line,
                        rate,
                        bytes,
                        identity: own.count.identity,
                    });
                }
            }
        }
        if let Some(ceiling) = &self.ceiling {
            let nets = ceiling.denied_networks();
            if !nets.is_empty() {
                let within = Box::new(std::mem::replace(addresses, AddressScope::Public));
                *addresses = AddressScope::Except { within, nets };
            }
        }
        allowed
    }
}
