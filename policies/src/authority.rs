//! What is in force for a call: the union of a person's bindings, under the organisation's ceiling,
//! narrowed by the call itself.
//!
//! How a union is made: a request or folder that one binding grants is granted, and each limit and
//! quota is the most generous of all bindings', never above the ceiling. Two things are not
//! widened by joining: of approvals, what the most specific binding says holds (of equally
//! specific ones, the strictest), and results are private where any binding says so.

mod denials;

use std::sync::Arc;

use sha2::{Digest, Sha256};
use url::Url;

use crate::addresses::AddressScope;
use crate::approval::{Approval, Label, Labels};
use crate::capabilities::{AssetsGrant, DelegateGrant, InferenceGrant, StateGrant};
use crate::environment::EnvVariable;
use crate::files::{Access, FileGrant};
use crate::http::{self, HttpDecision};
use crate::limits::Limits;
use crate::{Ceiling, Denial, Policy};

use denials::{cited, http_denial};

/// A policy that takes part, and where it is from.
#[derive(Debug, Clone)]
pub struct Source {
    /// What a decision cites: a binding's id or a file's name. Empty where there is only one.
    pub name: Arc<str>,
    /// The more specific, the higher: everyone, a group, a user.
    pub rank: u8,
    /// What it says.
    pub policy: Arc<Policy>,
}

/// Everything that a call may do.
#[derive(Debug, Clone)]
pub struct Authority {
    plugin: String,
    /// The most specific first.
    sources: Vec<Source>,
    ceiling: Option<Arc<Ceiling>>,
    within: Option<Arc<Policy>>,
    limits: Limits,
    files: Vec<FileGrant>,
    state: Option<StateGrant>,
    assets: Option<AssetsGrant>,
    inference: Option<InferenceGrant>,
    delegate: Option<DelegateGrant>,
    env: Vec<EnvVariable>,
    labels: Option<Labels>,
    identity: [u8; 32],
}

impl From<Policy> for Authority {
    /// One policy, under no ceiling.
    fn from(policy: Policy) -> Self {
        Self::of(Arc::new(policy))
    }
}

impl Authority {
    /// One policy, under no ceiling.
    #[must_use]
    pub fn of(policy: Arc<Policy>) -> Self {
        let source = Source {
            name: Arc::from(""),
            rank: 0,
            policy: Arc::clone(&policy),
        };
        Self::build(policy.plugin().to_owned(), vec![source], None)
    }

    /// The union of `sources`, the most specific first, under a ceiling.
    ///
    /// # Errors
    /// A denial where there is no source, or the ceiling refuses the plugin itself.
    pub fn join(
        plugin: &str,
        sources: Vec<Source>,
        ceiling: Option<Arc<Ceiling>>,
    ) -> Result<Self, Denial> {
        let refuse = |detail: String| Denial {
            capability: "plugin",
            detail,
            grant: String::new(),
        };
        if sources.is_empty() {
            return Err(refuse(format!("{plugin} is not granted")));
        }
        if let Some(rule) = ceiling.as_ref().and_then(|own| own.denies_plugin(plugin)) {
            return Err(refuse(rule.says(plugin)));
        }
        Ok(Self::build(plugin.to_owned(), sources, ceiling))
    }

    fn build(plugin: String, sources: Vec<Source>, ceiling: Option<Arc<Ceiling>>) -> Self {
        let all = || sources.iter().map(|source| source.policy.as_ref());
        let open = |capability: &str| {
            ceiling
                .as_ref()
                .is_none_or(|own| own.denies_capability(capability).is_none())
        };
        let limits = all()
            .map(|policy| policy.limits().clone())
            .reduce(|one, other| one.or(&other))
            .unwrap_or_default();
        let limits = match &ceiling {
            Some(own) => own.lower(&limits),
            None => limits,
        };
        let mut files: Vec<FileGrant> = Vec::new();
        for grant in all().flat_map(Policy::files) {
            let denied = ceiling
                .as_ref()
                .is_some_and(|own| own.denies_source(&grant.source).is_some());
            if denied || !open("files") {
                continue;
            }
            match files.iter_mut().find(|own| own.mount == grant.mount) {
                // Of two folders for one place, the more specific binding's is there.
                Some(own) if own.source == grant.source && grant.access == Access::ReadWrite => {
                    own.access = grant.access;
                    own.line = grant.line;
                }
                Some(_) => {}
                None => files.push(grant.clone()),
            }
        }
        let mut env: Vec<EnvVariable> = Vec::new();
        for variable in all().flat_map(Policy::env) {
            if !env.iter().any(|own| own.name == variable.name) {
                env.push(variable.clone());
            }
        }
        let when = |is_open: bool| is_open.then_some(());
        let state = when(open("state")).and_then(|()| {
            all()
                .filter_map(Policy::state)
                .max_by_key(|grant| grant.quota_bytes)
                .cloned()
        });
        let assets = when(open("assets")).and_then(|()| {
            all()
                .filter_map(Policy::assets)
                .max_by_key(|grant| grant.quota_bytes)
                .cloned()
        });
        let inference = when(open("inference")).and_then(|()| {
            all()
                .filter_map(Policy::inference)
                .cloned()
                .reduce(InferenceGrant::or)
        });
        let delegate = when(open("delegate")).and_then(|()| {
            all()
                .filter_map(Policy::delegate)
                .cloned()
                .reduce(DelegateGrant::or)
        });
        let labels = all()
            .filter_map(Policy::labels)
            .max_by_key(|labels| labels.output)
            .copied()
            // A grant that says `public` says so of what it opens, not of what another one does.
            .filter(|labels| {
                labels.output == Label::Private
                    || all().all(|policy| {
                        policy.labels().is_some() || policy.private_sources().is_empty()
                    })
            });
        let mut hash = Sha256::new();
        for source in &sources {
            hash.update(source.policy.text().as_bytes());
            hash.update([0]);
        }
        if let Some(own) = &ceiling {
            hash.update(own.text().as_bytes());
        }
        Self {
            plugin,
            limits,
            files,
            state,
            assets,
            inference,
            delegate,
            env,
            labels,
            identity: hash.finalize().into(),
            within: None,
            sources,
            ceiling,
        }
    }

    /// The same, and nothing that `within` does not grant too.
    #[must_use]
    pub fn attenuated(mut self, within: Arc<Policy>) -> Self {
        self.limits = self.limits.and(within.limits());
        self.files.retain_mut(|own| {
            let other = within
                .files()
                .iter()
                .find(|other| other.mount == own.mount && other.source == own.source);
            if other.is_some_and(|other| other.access == Access::ReadOnly) {
                own.access = Access::ReadOnly;
            }
            other.is_some()
        });
        self.state = both(self.state, within.state(), |own, other| StateGrant {
            quota_bytes: own.quota_bytes.min(other.quota_bytes),
            ..own
        });
        self.assets = both(self.assets, within.assets(), |own, other| AssetsGrant {
            quota_bytes: own.quota_bytes.min(other.quota_bytes),
            ..own
        });
        self.inference = both(self.inference, within.inference(), InferenceGrant::and);
        self.delegate = both(self.delegate, within.delegate(), DelegateGrant::and);
        self.env.retain(|own| {
            within
                .env()
                .iter()
                .any(|other| other.name == own.name && other.value == own.value)
        });
        if let Some(other) = within.labels()
            && self.labels.is_none_or(|own| own.output < other.output)
        {
            self.labels = Some(*other);
        }
        let mut hash = Sha256::new();
        hash.update(self.identity);
        hash.update(within.text().as_bytes());
        self.identity = hash.finalize().into();
        self.within = Some(within);
        self
    }

    /// Which plugin it is for: `publisher/name`.
    #[must_use]
    pub fn plugin(&self) -> &str {
        &self.plugin
    }

    /// The same for equal authorities, and for no others: what is counted is counted under it.
    #[must_use]
    pub fn identity(&self) -> [u8; 32] {
        self.identity
    }

    /// The policies that it is made of, the most specific first.
    #[must_use]
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The names of the secrets that its rules inject, each as often as it is named.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.sources
            .iter()
            .flat_map(|source| source.policy.secrets())
    }

    /// What a call may use.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The folders it may see.
    #[must_use]
    pub fn files(&self) -> &[FileGrant] {
        &self.files
    }

    /// What it may keep, where it may.
    #[must_use]
    pub fn state(&self) -> Option<&StateGrant> {
        self.state.as_ref()
    }

    /// Which assets it may make, where it may.
    #[must_use]
    pub fn assets(&self) -> Option<&AssetsGrant> {
        self.assets.as_ref()
    }

    /// Which models it may ask, where it may.
    #[must_use]
    pub fn inference(&self) -> Option<&InferenceGrant> {
        self.inference.as_ref()
    }

    /// Which tools it may call, where it may.
    #[must_use]
    pub fn delegate(&self) -> Option<&DelegateGrant> {
        self.delegate.as_ref()
    }

    /// The environment variables that it sees.
    #[must_use]
    pub fn env(&self) -> &[EnvVariable] {
        &self.env
    }

    /// What its results count as, where that is said.
    #[must_use]
    pub fn labels(&self) -> Option<&Labels> {
        self.labels.as_ref()
    }

    /// Whether its results count as private whatever was used.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.labels
            .is_some_and(|labels| labels.output == Label::Private)
    }

    /// When a person is asked before `tool` runs: what the most specific source says that says
    /// something, of equally specific ones the strictest, and not less than the call's own.
    #[must_use]
    pub fn approval(&self, tool: &str) -> Approval {
        let said: Vec<(u8, Approval)> = self
            .sources
            .iter()
            .map(|source| (source.rank, source.policy.approval(tool)))
            .filter(|(_, approval)| approval.line.is_some())
            .collect();
        let rank = said.iter().map(|(rank, _)| *rank).max();
        said.iter()
            .filter(|(own, _)| Some(*own) == rank)
            .map(|(_, approval)| *approval)
            .chain(self.within.as_ref().map(|within| within.approval(tool)))
            .max_by_key(|approval| (approval.mode, approval.line.is_some()))
            .unwrap_or_default()
    }

    /// Whether it may send to any public host.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let closed = self.ceiling.as_ref().and_then(|own| own.denies_public());
        closed.is_none()
            && self.has_http()
            && self.sources.iter().any(|source| source.policy.is_open())
    }

    /// What it may read that is private, in words; empty where that is nothing.
    #[must_use]
    pub fn private_sources(&self) -> Vec<&'static str> {
        let mut found: Vec<&'static str> = Vec::new();
        for own in self
            .sources
            .iter()
            .flat_map(|own| own.policy.private_sources())
        {
            if !found.contains(&own) {
                found.push(own);
            }
        }
        found
    }

    /// Whether any request may be sent at all.
    #[must_use]
    pub fn has_http(&self) -> bool {
        self.denied("http").is_none()
            && self.sources.iter().any(|source| source.policy.has_http())
            && self.within.as_ref().is_none_or(|within| within.has_http())
    }

    /// What the HTTP rules open, a short phrase each.
    #[must_use]
    pub fn http_summary(&self) -> Vec<String> {
        self.sources
            .iter()
            .flat_map(|source| source.policy.http_summary())
            .collect()
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
            rate,
            bytes,
            grant,
            open,
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
        if let Some(within) = &self.within {
            match within.http(method, url) {
                HttpDecision::Deny(denial) => {
                    return HttpDecision::Deny(cited(denial, "the call's own limits"));
                }
                HttpDecision::Allow {
                    addresses: other,
                    rate: other_rate,
                    bytes: other_bytes,
                    ..
                } => {
                    let Some(common) = addresses.common(&other) else {
                        return HttpDecision::Deny(http_denial(
                            "the call's own limits allow other addresses than its grant".to_owned(),
                        ));
                    };
                    *addresses = common;
                    *rate = match (*rate, other_rate) {
                        (Some(one), Some(other)) if one.is_above(other) => Some(other),
                        (one, other) => one.or(other),
                    };
                    *bytes = match (*bytes, other_bytes) {
                        (Some(one), Some(other)) if one.is_above(other) => Some(other),
                        (one, other) => one.or(other),
                    };
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

fn both<T>(own: Option<T>, other: Option<&T>, narrow: impl FnOnce(T, &T) -> T) -> Option<T> {
    match (own, other) {
        (Some(own), Some(other)) => Some(narrow(own, other)),
        _ => None,
    }
}
