//! `[[http]]`: which requests may be sent.

use std::sync::Arc;

use url::Url;

use crate::addresses::{self, AddressScope};
use crate::inject::Inject;
use crate::limits::{ByteRate, Rate, read_byte_rate, read_rate};
use crate::origins::OriginPattern;
use crate::paths::{self, PathPattern};
use crate::section::Section;
use crate::{Denial, PolicyError};

/// What a policy says about one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpDecision {
    /// It may be sent.
    Allow {
        /// The line of the rule that allows it.
        line: u32,
        /// Which addresses it may go to.
        addresses: AddressScope,
        /// How often, for all requests that this rule allows.
        rate: Option<Rate>,
        /// How many bytes, both directions, for all requests that this rule allows.
        bytes: Option<ByteRate>,
        /// The secret that is added to it.
        inject: Option<Arc<Inject>>,
        /// Whether it is allowed only since any public host is: no rule names its origin, so that
        /// nobody decided that this server may learn what the request says.
        open: bool,
        /// What holds the rule, where several grants are joined: a binding's id or a file's name.
        grant: Option<Arc<str>>,
        /// What narrows the call, and allows it too.
        also: Vec<AlsoAllows>,
    },
    /// It may not.
    Deny(Denial),
}

/// The rule of what narrows a call, by which it may be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlsoAllows {
    /// What narrows the call, in words.
    pub by: Arc<str>,
    /// The line of the rule.
    pub line: u32,
    /// How often, for all requests of such calls that this rule allows.
    pub rate: Option<Rate>,
    /// How many bytes, both directions, for all of these requests.
    pub bytes: Option<ByteRate>,
    /// What both are counted under.
    pub identity: [u8; 32],
}

/// At most this many rules.
pub(crate) const MAX_RULES: usize = 256;
/// At most this many values of `methods`, and of `paths`.
const MAX_METHODS: usize = 16;
const MAX_PATHS: usize = 64;
/// A method's name is at most this long.
const MAX_METHOD_BYTES: usize = 32;
/// What a rule without `methods` allows: reading.
const DEFAULT_METHODS: &[&str] = &["GET", "HEAD"];
/// A URL in a message is cut to this many characters.
const MAX_SHOWN_CHARS: usize = 200;

/// One rule.
#[derive(Debug, Clone)]
pub(crate) struct HttpRule {
    line: u32,
    target: Target,
    methods: Vec<String>,
    paths: Vec<PathPattern>,
    addresses: AddressScope,
    rate: Option<Rate>,
    bytes: Option<ByteRate>,
    inject: Option<Arc<Inject>>,
}

#[derive(Debug, Clone)]
enum Target {
    /// `network = "public"`
    Public,
    /// `origin`
    Origin(OriginPattern),
}

impl HttpRule {
    pub(crate) fn read(section: &Section<'_>) -> Result<Self, PolicyError> {
        section.only_known()?;
        let target = match (section.get("origin"), section.get("network")) {
            (Some(entry), None) => {
                let origin = OriginPattern::parse(entry.text()?).map_err(|why| entry.error(why))?;
                Target::Origin(origin)
            }
            (None, Some(entry)) if entry.text()? == "public" => Target::Public,
            (None, Some(entry)) => {
                return Err(entry.error("must be \"public\", which means any public host"));
            }
            (Some(_), Some(entry)) => {
                return Err(entry.error("cannot stand beside `origin`; write two rules"));
            }
            (None, None) => {
                return Err(PolicyError::new(
                    section.line(),
                    "[[http]] needs `origin = \"https://host\"` or `network = \"public\"`",
                ));
            }
        };
        let methods = match section.get("methods") {
            Some(entry) => {
                let methods = entry.texts(MAX_METHODS)?;
                if let Some(bad) = methods.iter().find(|method| !is_method(method)) {
                    return Err(entry.error(format!(
                        "has \"{}\"; methods are words in capitals, such as \"GET\", and neither \
                         CONNECT nor TRACE",
                        bad.escape_debug()
                    )));
                }
                methods
            }
            None => DEFAULT_METHODS.to_vec(),
        };
        let paths = match section.get("paths") {
            Some(entry) => entry
                .texts(MAX_PATHS)?
                .into_iter()
                .map(|text| {
                    PathPattern::parse(text).map_err(|why| {
                        entry.error(format!("has \"{}\", which {why}", text.escape_debug()))
                    })
                })
                .collect::<Result<Vec<_>, _>>()?,
            None => Vec::new(),
        };
        let addresses = match (section.get("addresses"), &target) {
            (Some(entry), Target::Public) => {
                return Err(
                    entry.error("needs an `origin`; `network = \"public\"` means public addresses")
                );
            }
            (Some(entry), Target::Origin(_)) => AddressScope::Listed(addresses::read(&entry)?),
            (None, _) => AddressScope::Public,
        };
        let rate = section
            .get("rate")
            .map(|entry| read_rate(&entry))
            .transpose()?;
        let bytes = section
            .get("bytes")
            .map(|entry| read_byte_rate(&entry))
            .transpose()?;
        let inject = match section.get("inject") {
            Some(entry) => {
                check_inject_target(&target, &addresses).map_err(|why| entry.error(why))?;
                Some(Arc::new(Inject::read(&entry.table("[[http]] inject")?)?))
            }
            None => None,
        };
        Ok(Self {
            line: section.line(),
            target,
            methods: methods.into_iter().map(str::to_owned).collect(),
            paths,
            addresses,
            rate,
            bytes,
            inject,
        })
    }

    /// The names of the secrets that it injects.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.inject.iter().flat_map(|inject| inject.secrets())
    }

    pub(crate) fn summary(&self) -> String {
        match &self.target {
            Target::Public => "any public host".to_owned(),
            Target::Origin(origin) => origin.as_str().to_owned(),
        }
    }

    /// Whether it opens every public host.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.target, Target::Public)
    }

    /// What its answers hold that is not for everyone.
    pub(crate) fn private_source(&self) -> Option<&'static str> {
        match (&self.inject, &self.addresses) {
            (Some(_), _) => Some("what a secret opens"),
            (None, AddressScope::Listed(_)) => Some("servers on private addresses"),
            (None, AddressScope::Public | AddressScope::Except { .. }) => None,
        }
    }

    fn covers_origin(&self, url: &Url, origin: &str) -> bool {
        match &self.target {
            Target::Public => true,
            Target::Origin(own) => own.covers(url, origin),
        }
    }

    fn covers_method(&self, method: &str) -> bool {
        self.methods.iter().any(|own| own == method)
    }

    fn covers_path(&self, path: &str) -> bool {
        self.paths.is_empty() || paths::any_matches(&self.paths, path)
    }
}

/// What `rules` open and `others` do not, a phrase each.
pub(crate) fn more(rules: &[HttpRule], others: &[HttpRule]) -> Vec<String> {
    rules
        .iter()
        .filter_map(|rule| {
            let covered = others.iter().any(|other| rule.is_within(other));
            // An earlier rule for some of the same hosts may hold a rate that this one lacks.
            let hurried = others
                .iter()
                .filter(|other| rule.meets(other))
                .any(|other| rule.is_faster_than(other));
            (!covered || hurried).then_some((rule, covered))
        })
        .map(|(rule, covered)| {
            // Only the rate is more.
            let rate = match covered {
                true => " at a higher rate",
                false => "",
            };
            let paths: Vec<&str> = rule.paths.iter().map(PathPattern::as_str).collect();
            let paths = match paths.is_empty() {
                true => String::new(),
                false => format!(" on {}", paths.join(", ")),
            };
            let secret = match rule.inject {
                Some(_) => " with a secret",
                None => "",
            };
            format!(
                "http: {} {}{paths}{secret}{rate} (line {})",
                rule.methods.join(", "),
                rule.summary(),
                rule.line
            )
        })
        .collect()
}

impl HttpRule {
    /// Whether `other` grants all that this grants.
    fn is_within(&self, other: &HttpRule) -> bool {
        let target = match (&self.target, &other.target) {
            (_, Target::Public) => self.addresses == AddressScope::Public,
            (Target::Public, Target::Origin(_)) => false,
            (Target::Origin(own), Target::Origin(theirs)) => own.is_within(theirs),
        };
        let addresses = matches!(other.target, Target::Public)
            || self.addresses.common(&other.addresses).as_ref() == Some(&self.addresses);
        let paths = other.paths.is_empty()
            || (!self.paths.is_empty()
                && self.paths.iter().all(|own| own.is_within_any(&other.paths)));
        let same_secret = match (&self.inject, &other.inject) {
            (None, _) => true,
            (Some(own), Some(theirs)) => own.place == theirs.place && own.value == theirs.value,
            (Some(_), None) => false,
        };
        target
            && addresses
            && paths
            && same_secret
            && self
                .methods
                .iter()
                .all(|method| other.covers_method(method))
    }

    /// Whether there may be a host that both are for.
    fn meets(&self, other: &HttpRule) -> bool {
        match (&self.target, &other.target) {
            (Target::Public, _) | (_, Target::Public) => true,
            (Target::Origin(own), Target::Origin(theirs)) => {
                own.is_within(theirs) || theirs.is_within(own)
            }
        }
    }

    fn is_faster_than(&self, other: &HttpRule) -> bool {
        let rate = match (self.rate, other.rate) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(own), Some(theirs)) => own.is_above(theirs),
        };
        let bytes = match (self.bytes, other.bytes) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(own), Some(theirs)) => own.is_above(theirs),
        };
        rate || bytes
    }
}

/// A secret goes to named servers only, and not in clear over the internet.
fn check_inject_target(target: &Target, addresses: &AddressScope) -> Result<(), &'static str> {
    match (target, addresses) {
        (Target::Public, _) => {
            Err("needs an `origin`; a secret is never sent to just any public host")
        }
        (Target::Origin(origin), AddressScope::Public)
            if origin.as_str().starts_with("http://") =>
        {
            Err("would send the secret in clear; use https, or list the `addresses`")
        }
        _ => Ok(()),
    }
}

fn is_method(text: &str) -> bool {
    (1..=MAX_METHOD_BYTES).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b'-')
        // A tunnel is not a request: what goes through it could not be matched.
        && text != "CONNECT"
        && text != "TRACE"
}

pub(crate) fn decide(
    rules: &[HttpRule],
    plugin: &str,
    method: &str,
    url: &Url,
    public: bool,
) -> HttpDecision {
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        let detail = format!("{} is not an http or https URL", shown(url));
        return deny(detail, String::new());
    }
    if !url.username().is_empty() || url.password().is_some() {
        let detail = "a URL with a user name or password is never sent".to_owned();
        return deny(detail, String::new());
    }
    let origin = url.origin().ascii_serialization();
    if let Some(allowed) = allowed(rules, method, url, &origin, public) {
        return allowed;
    }
    deny(
        why(rules, plugin, method, url, &origin),
        grant(&origin, method, url.path()),
    )
}

/// The decision of the first rule that matches: without one, finding words for a denial is left to
/// whoever needs them. `origin` is the URL's, which has no user name.
pub(crate) fn allowed(
    rules: &[HttpRule],
    method: &str,
    url: &Url,
    origin: &str,
    public: bool,
) -> Option<HttpDecision> {
    let covering = || {
        rules.iter().filter(|rule| {
            (public || !rule.is_open())
                && rule.covers_origin(url, origin)
                && rule.covers_method(method)
                && rule.covers_path(url.path())
        })
    };
    let rule = covering().next()?;
    Some(HttpDecision::Allow {
        line: rule.line,
        addresses: rule.addresses.clone(),
        rate: rule.rate,
        bytes: rule.bytes,
        inject: rule.inject.clone(),
        open: rule.is_open() && covering().all(HttpRule::is_open),
        grant: None,
        also: Vec::new(),
    })
}

/// Whether a URL is one that is sent at all.
pub(crate) fn is_sendable(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && url.host().is_some()
        && url.username().is_empty()
        && url.password().is_none()
}

fn deny(detail: String, grant: String) -> HttpDecision {
    HttpDecision::Deny(Denial {
        capability: "http",
        detail,
        grant,
    })
}

/// Why no rule matched, by the rule that came nearest.
fn why(rules: &[HttpRule], plugin: &str, method: &str, url: &Url, origin: &str) -> String {
    let method = cut(method);
    let near: Vec<&HttpRule> = rules
        .iter()
        .filter(|rule| rule.covers_origin(url, origin))
        .collect();
    if rules.is_empty() {
        return format!("the policy of {plugin} grants no HTTP");
    }
    let Some(first) = near.first() else {
        let first = rules[0].line;
        return format!(
            "no rule of {plugin} names {origin} (its HTTP rules begin at line {first})"
        );
    };
    match near.iter().find(|rule| rule.covers_method(&method)) {
        Some(rule) => {
            let paths: Vec<&str> = rule.paths.iter().map(PathPattern::as_str).collect();
            format!(
                "line {} of the policy of {plugin} grants {method} on the paths {}, not {}",
                rule.line,
                paths.join(", "),
                cut(url.path())
            )
        }
        None => format!(
            "line {} of the policy of {plugin} grants {} on {}, not {method}",
            first.line,
            first.methods.join(", "),
            first.summary()
        ),
    }
}

/// The lines that would let this request through and as little else as a rule can. Nothing for a
/// path that no pattern can name, as one is that servers read in different ways: what is left would
/// be to open the whole origin, and that is not to be advised here.
fn grant(origin: &str, method: &str, path: &str) -> String {
    let is_pattern = PathPattern::parse(path)
        .is_ok_and(|pattern| !path.contains('*') && paths::any_matches(&[pattern], path));
    // A pattern holds neither quotes nor backslashes. The host of a URL may hold a quote, which would
    // end the text that it is to stand in, and a star, which would grant more than was asked for.
    if !is_method(method) || !is_pattern || origin.contains(['"', '\\', '*']) {
        return String::new();
    }
    format!("[[http]]\norigin = \"{origin}\"\nmethods = [\"{method}\"]\npaths = [\"{path}\"]\n")
}

fn shown(url: &Url) -> String {
    cut(url.as_str())
}

fn cut(text: &str) -> String {
    let mut out: String = text.chars().take(MAX_SHOWN_CHARS).collect();
    if out.len() < text.len() {
        out.push('…');
    }
    out
}
