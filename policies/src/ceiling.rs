//! An organisation's ceiling: what no grant can exceed. The only place with `deny`, and it wins.

use std::path::{Path, PathBuf};

use ipnet::IpNet;
use toml::de::DeTable;
use url::{Host, Url};

use crate::files::{FileSource, is_plain_absolute};
use crate::limits::{Limits, Maxima};
use crate::origins::OriginPattern;
use crate::policy::{is_plugin_id, is_plugin_word};
use crate::section::{Entry, Lines, Section};
use crate::{PolicyError, addresses};

/// The version of the ceiling's language.
const VERSION: u32 = 1;
/// A ceiling longer than this is refused unread.
const MAX_TEXT_BYTES: usize = 64 << 10;
/// At most this many rules.
const MAX_RULES: usize = 256;
/// A reason is at most this long.
const MAX_REASON_CHARS: usize = 200;
/// What can be denied as a whole.
const CAPABILITIES: &[&str] = &["http", "files", "state", "assets", "inference", "delegate"];

const ROOT_KEYS: &[&str] = &["version", "deny", "limits"];
const DENY_KEYS: &[&str] = &[
    "plugin",
    "capability",
    "origin",
    "host",
    "network",
    "addresses",
    "source",
    "reason",
];

/// A ceiling, read.
///
/// ```
/// use alcove_policies::Ceiling;
///
/// let ceiling = Ceiling::parse(r#"
/// version = 1
/// [[deny]]
/// host   = "*.intranet.example"
/// reason = "our own servers are not for tools"
/// [limits]
/// memory = "256 MiB"
/// "#)?;
/// let url = "https://wiki.intranet.example/".parse()?;
/// assert_eq!(ceiling.denies_url(&url).map(|rule| rule.line), Some(3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Ceiling {
    text: String,
    rules: Vec<DenyRule>,
    maxima: Maxima,
}

/// One `[[deny]]`.
#[derive(Debug, Clone)]
pub struct DenyRule {
    /// The line on which it begins.
    pub line: u32,
    /// Why, for whoever is refused.
    pub reason: String,
    what: Denied,
}

#[derive(Debug, Clone)]
enum Denied {
    /// `acme/notes`, or all of `acme/*`.
    Plugin {
        publisher: String,
        name: Option<String>,
    },
    Capability(String),
    Origin(OriginPattern),
    /// A name, and with `*.` before it every name below; or an address.
    Host {
        name: String,
        below: bool,
    },
    /// `network = "public"`: rules for any public host.
    PublicNetwork,
    Addresses(Vec<IpNet>),
    Workspace,
    /// This folder and what is in it.
    Folder(PathBuf),
}

impl Ceiling {
    /// Reads a ceiling.
    ///
    /// # Errors
    /// The first thing that is wrong, with its line.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        if text.len() > MAX_TEXT_BYTES {
            let message = format!("the ceiling is longer than {} KiB", MAX_TEXT_BYTES >> 10);
            return Err(PolicyError::new(1, message));
        }
        let lines = Lines::new(text);
        let table = DeTable::parse(text).map_err(|error| {
            let line = error.span().map_or(1, |span| lines.at(span.start));
            PolicyError::new(line, format!("not TOML: {}", error.message()))
        })?;
        let root = Section::top("the ceiling", table.get_ref(), &lines);
        root.only(ROOT_KEYS)?;
        let version = root.require("version")?;
        if version.integer(0, u32::MAX)? != VERSION {
            return Err(version.error(format!(
                "must be {VERSION}, the only version that this program knows"
            )));
        }
        let rules = match root.get("deny") {
            Some(entry) => entry
                .tables("[[deny]]", MAX_RULES)?
                .iter()
                .map(DenyRule::read)
                .collect::<Result<Vec<_>, _>>()?,
            None => Vec::new(),
        };
        let maxima = match root.get("limits") {
            Some(entry) => Maxima::read(&entry.table("[limits]")?)?,
            None => Maxima::default(),
        };
        Ok(Self {
            text: text.to_owned(),
            rules,
            maxima,
        })
    }

    /// The text it was read from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The rule that refuses a plugin whatever is granted.
    #[must_use]
    pub fn denies_plugin(&self, plugin: &str) -> Option<&DenyRule> {
        let (publisher, name) = plugin.split_once('/')?;
        self.rules.iter().find(|rule| match &rule.what {
            Denied::Plugin {
                publisher: own,
                name: own_name,
            } => own == publisher && own_name.as_ref().is_none_or(|own| own == name),
            _ => false,
        })
    }

    /// The rule that refuses a capability: `http`, `files`, `state`, …
    #[must_use]
    pub fn denies_capability(&self, capability: &str) -> Option<&DenyRule> {
        self.rules
            .iter()
            .find(|rule| matches!(&rule.what, Denied::Capability(own) if own == capability))
    }

    /// The rule that refuses a URL by its origin, host or, where that is an address, its network.
    #[must_use]
    pub fn denies_url(&self, url: &Url) -> Option<&DenyRule> {
        self.rules.iter().find(|rule| match &rule.what {
            Denied::Origin(own) => own.covers(url, &url.origin().ascii_serialization()),
            Denied::Host { name, below } => host_is(url, name, *below),
            Denied::Addresses(nets) => match url.host() {
                Some(Host::Ipv4(address)) => holds(nets, address.into()),
                Some(Host::Ipv6(address)) => holds(nets, address.into()),
                _ => false,
            },
            _ => false,
        })
    }

    /// The rule that refuses rules for any public host.
    pub(crate) fn denies_public(&self) -> Option<&DenyRule> {
        self.rules
            .iter()
            .find(|rule| matches!(rule.what, Denied::PublicNetwork))
    }

    /// The networks that nothing may be sent to, whatever name leads there.
    #[must_use]
    pub fn denied_networks(&self) -> Vec<IpNet> {
        self.rules
            .iter()
            .filter_map(|rule| match &rule.what {
                Denied::Addresses(nets) => Some(nets.as_slice()),
                _ => None,
            })
            .flatten()
            .copied()
            .collect()
    }

    /// The rule that refuses a folder.
    #[must_use]
    pub fn denies_source(&self, source: &FileSource) -> Option<&DenyRule> {
        self.rules.iter().find(|rule| match (&rule.what, source) {
            (Denied::Workspace, FileSource::ConversationWorkspace) => true,
            // Also a folder that holds the denied one would open it.
            (Denied::Folder(own), FileSource::Folder(path)) => {
                within(path, own) || within(own, path)
            }
            _ => false,
        })
    }

    /// `limits`, none of them above what the ceiling allows.
    #[must_use]
    pub fn lower(&self, limits: &Limits) -> Limits {
        self.maxima.lower(limits)
    }
}

fn within(path: &Path, folder: &Path) -> bool {
    path.starts_with(folder)
}

fn holds(nets: &[IpNet], address: std::net::IpAddr) -> bool {
    let address = address.to_canonical();
    nets.iter().any(|net| net.contains(&address))
}

fn host_is(url: &Url, name: &str, below: bool) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    // A name with a dot at its end leads to the same server.
    let host = host.strip_suffix('.').unwrap_or(host);
    if !below {
        return host == name;
    }
    host.strip_suffix(name)
        .is_some_and(|before| before.len() > 1 && before.ends_with('.'))
}

impl DenyRule {
    /// The rule in words, for a denial.
    pub(crate) fn says(&self, what: &str) -> String {
        let mut text = format!(
            "line {} of the organisation's ceiling denies {what}",
            self.line
        );
        if !self.reason.is_empty() {
            text.push_str(": ");
            text.push_str(&self.reason);
        }
        text
    }

    fn read(section: &Section<'_>) -> Result<Self, PolicyError> {
        section.only(DENY_KEYS)?;
        let reason = match section.get("reason") {
            Some(entry) => {
                let text = entry.text()?;
                if text.chars().count() > MAX_REASON_CHARS || text.chars().any(char::is_control) {
                    return Err(entry.error(format!(
                        "must be one line of at most {MAX_REASON_CHARS} characters"
                    )));
                }
                text.to_owned()
            }
            None => String::new(),
        };
        let mut found = Vec::new();
        for key in DENY_KEYS.iter().filter(|key| **key != "reason") {
            if let Some(entry) = section.get(key) {
                found.push(entry);
            }
        }
        let [entry] = found.as_slice() else {
            return Err(PolicyError::new(
                section.line(),
                "[[deny]] needs exactly one of `plugin`, `capability`, `origin`, `host`, \
                 `network`, `addresses`, `source`",
            ));
        };
        Ok(Self {
            line: section.line(),
            reason,
            what: read_denied(entry)?,
        })
    }
}

fn read_denied(entry: &Entry<'_>) -> Result<Denied, PolicyError> {
    Ok(match entry.key() {
        "plugin" => {
            let text = entry.text()?;
            match text.split_once('/') {
                Some((publisher, "*")) if is_plugin_word(publisher) => Denied::Plugin {
                    publisher: publisher.to_owned(),
                    name: None,
                },
                Some((publisher, name)) if is_plugin_id(text) => Denied::Plugin {
                    publisher: publisher.to_owned(),
                    name: Some(name.to_owned()),
                },
                _ => {
                    return Err(
                        entry.error("must be a plugin such as \"acme/notes\", or \"acme/*\"")
                    );
                }
            }
        }
        "capability" => {
            let text = entry.text()?;
            if !CAPABILITIES.contains(&text) {
                return Err(entry.error(format!("must be one of {}", CAPABILITIES.join(", "))));
            }
            Denied::Capability(text.to_owned())
        }
        "origin" => {
            Denied::Origin(OriginPattern::parse(entry.text()?).map_err(|why| entry.error(why))?)
        }
        "host" => read_host(entry)?,
        "network" => match entry.text()? {
            "public" => Denied::PublicNetwork,
            _ => return Err(entry.error("must be \"public\"")),
        },
        "addresses" => Denied::Addresses(addresses::read_denied(entry)?),
        _ => match entry.text()? {
            "conversation-workspace" => Denied::Workspace,
            text => match text.strip_prefix("folder:") {
                Some(path) if is_plain_absolute(path) => Denied::Folder(PathBuf::from(path)),
                _ => {
                    return Err(entry.error(
                        "is unknown; use \"conversation-workspace\" or \"folder:/absolute/path\"",
                    ));
                }
            },
        },
    })
}

fn read_host(entry: &Entry<'_>) -> Result<Denied, PolicyError> {
    const FORM: &str = "must be a host such as \"wiki.example\", or \"*.example\" for all below it";
    let text = entry.text()?;
    let (name, below) = match text.strip_prefix("*.") {
        Some(name) => (name, true),
        None => (text, false),
    };
    if name.is_empty() || name.contains(['*', '/', '@', '?', '#', '\\']) {
        return Err(entry.error(FORM));
    }
    // In the form that URLs have.
    let url: Url = format!("https://{name}/")
        .parse()
        .map_err(|_| entry.error(FORM))?;
    let host = url.host_str().ok_or_else(|| entry.error(FORM))?;
    if url.port().is_some() {
        return Err(entry.error("is denied on every port; leave the port out"));
    }
    Ok(Denied::Host {
        name: host.strip_suffix('.').unwrap_or(host).to_owned(),
        below,
    })
}
