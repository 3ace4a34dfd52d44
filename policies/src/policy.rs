//! A policy file, parsed.

use std::ops::Deref;

use toml::de::DeTable;
use url::Url;

use crate::PolicyError;
use crate::approval::{Approval, Approvals, Labels};
use crate::capabilities::{AssetsGrant, DelegateGrant, InferenceGrant, StateGrant};
use crate::environment;
use crate::files::{self, FileGrant};
use crate::granted::Granted;
use crate::http::{self, HttpDecision, HttpRule};
use crate::limits::{Limits, Maxima};
use crate::section::{Lines, Section};

/// The version of the language that this program speaks.
const VERSION: u32 = 1;
/// A policy longer than this is refused unread.
const MAX_TEXT_BYTES: usize = 64 << 10;

/// What a plugin may do: a policy file that was found to be right.
///
/// ```
/// use alcove_policies::{HttpDecision, Policy};
///
/// let policy = Policy::parse(r#"
/// version = 1
/// plugin  = "local/weather"
/// [[http]]
/// origin  = "https://api.weather.example"
/// methods = ["GET"]
/// paths   = ["/v2/**"]
/// "#)?;
/// let granted = policy.http("GET", &"https://api.weather.example/v2/now".parse()?);
/// assert!(matches!(granted, HttpDecision::Allow { line: 4, .. }));
/// let denied = policy.http("GET", &"https://elsewhere.example/".parse()?);
/// assert!(matches!(denied, HttpDecision::Deny(_)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Policy {
    text: String,
    plugin: String,
    granted: Granted,
    /// The limits that it names; the others have their defaults in `granted`.
    said: Maxima,
    http: Vec<HttpRule>,
    approvals: Approvals,
}

impl Deref for Policy {
    type Target = Granted;

    fn deref(&self) -> &Granted {
        &self.granted
    }
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    /// The first thing that is wrong, with its line: not TOML, another version, an unknown key,
    /// a value out of range, a rule that could not mean what it seems to.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(PolicyError::new(
                1,
                format!("the policy is longer than {} KiB", MAX_TEXT_BYTES >> 10),
            ));
        }
        let lines = Lines::new(text);
        let table = DeTable::parse(text).map_err(|error| {
            let line = error.span().map_or(1, |span| lines.at(span.start));
            PolicyError::new(line, format!("not TOML: {}", error.message()))
        })?;
        let root = Section::root(table.get_ref(), &lines);
        root.only_known()?;

        let version = root.require("version")?;
        if version.integer(0, u32::MAX)? != VERSION {
            return Err(version.error(format!(
                "must be {VERSION}, the only version that this program knows"
            )));
        }
        let plugin = root.require("plugin")?;
        let name = plugin.text()?;
        if !is_plugin_id(name) {
            return Err(plugin.error(
                "must be a publisher and a name in lower case, such as \"alcove/web-fetch\"",
            ));
        }

        let said = match root.get("limits") {
            Some(entry) => Maxima::read(&entry.table("[limits]")?)?,
            None => Maxima::default(),
        };
        let http = match root.get("http") {
            Some(entry) => entry
                .tables("[[http]]", http::MAX_RULES)?
                .iter()
                .map(HttpRule::read)
                .collect::<Result<Vec<_>, _>>()?,
            None => Vec::new(),
        };
        let files = match root.get("files") {
            Some(entry) => read_files(&entry.tables("[[files]]", files::MAX_GRANTS)?)?,
            None => Vec::new(),
        };
        let env = match root.get("env") {
            Some(entry) => environment::read(&entry.table("[env]")?)?,
            None => Vec::new(),
        };
        let approvals = match root.get("approval") {
            Some(entry) => Approvals::read(&entry.table("[approval]")?)?,
            None => Approvals::default(),
        };
        Ok(Self {
            text: text.to_owned(),
            plugin: name.to_owned(),
            granted: Granted {
                limits: Limits::of(&said),
                files,
                state: optional(&root, "state", "[state]", StateGrant::read)?,
                assets: optional(&root, "assets", "[assets]", AssetsGrant::read)?,
                inference: optional(&root, "inference", "[inference]", InferenceGrant::read)?,
                delegate: optional(&root, "delegate", "[delegate]", DelegateGrant::read)?,
                env,
                labels: optional(&root, "labels", "[labels]", Labels::read)?,
            },
            said,
            http,
            approvals,
        })
    }

    /// A policy that grants `plugin` nothing and gives it the default limits.
    ///
    /// # Errors
    /// A name that is not a plugin's.
    pub fn nothing(plugin: &str) -> Result<Self, PolicyError> {
        Self::parse(&format!(
            "version = 1\nplugin = \"{}\"\n",
            plugin.escape_default()
        ))
    }

    /// Which plugin it is for: `publisher/name`.
    #[must_use]
    pub fn plugin(&self) -> &str {
        &self.plugin
    }

    /// Whether a request may be sent. The first rule that matches decides.
    ///
    /// `url` must be the URL that will be sent: what was parsed is what is matched.
    #[must_use]
    pub fn http(&self, method: &str, url: &Url) -> HttpDecision {
        self.http_where(method, url, true)
    }

    /// The same; without `public`, rules for any public host count for nothing.
    pub(crate) fn http_where(&self, method: &str, url: &Url, public: bool) -> HttpDecision {
        http::decide(&self.http, &self.plugin, method, url, public)
    }

    /// What the HTTP rules open and `other`'s do not.
    pub(crate) fn http_more_than(&self, other: &Policy) -> Vec<String> {
        http::more(&self.http, &other.http)
    }

    /// The limits that it names.
    pub(crate) fn said(&self) -> &Maxima {
        &self.said
    }

    /// When a person is asked before `tool` runs.
    #[must_use]
    pub fn approval(&self, tool: &str) -> Approval {
        self.approvals.of(tool)
    }

    /// The tools whose approval is said for themselves.
    pub(crate) fn approval_tools(&self) -> impl Iterator<Item = &str> {
        self.approvals.tools()
    }

    pub(crate) fn http_rules(&self) -> &[HttpRule] {
        &self.http
    }

    /// The names of the secrets that its rules inject, each as often as it is named.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.http.iter().flat_map(|rule| rule.secrets())
    }

    /// Whether any request may be sent at all.
    #[must_use]
    pub fn has_http(&self) -> bool {
        !self.http.is_empty()
    }

    /// What the HTTP rules open, a short phrase each: `any public host`, `https://api.example`.
    #[must_use]
    pub fn http_summary(&self) -> Vec<String> {
        self.http.iter().map(HttpRule::summary).collect()
    }

    /// The text it was read from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// A table that need not be there.
fn optional<T>(
    root: &Section<'_>,
    key: &'static str,
    name: &'static str,
    read: impl FnOnce(&Section<'_>) -> Result<T, PolicyError>,
) -> Result<Option<T>, PolicyError> {
    root.get(key)
        .map(|entry| read(&entry.table(name)?))
        .transpose()
}

fn read_files(sections: &[Section<'_>]) -> Result<Vec<FileGrant>, PolicyError> {
    let mut grants: Vec<FileGrant> = Vec::new();
    for section in sections {
        let grant = FileGrant::read(section)?;
        if let Some(earlier) = grants.iter().find(|earlier| earlier.mount == grant.mount) {
            return Err(PolicyError::new(
                grant.line,
                format!(
                    "`mount` {} is taken by the [[files]] of line {}",
                    grant.mount, earlier.line
                ),
            ));
        }
        grants.push(grant);
    }
    Ok(grants)
}

/// `publisher/name`, each of lower-case letters, digits and inner hyphens.
pub(crate) fn is_plugin_id(text: &str) -> bool {
    text.split_once('/')
        .is_some_and(|(publisher, name)| is_plugin_word(publisher) && is_plugin_word(name))
}

pub(crate) fn is_plugin_word(word: &str) -> bool {
    /// A publisher or name is at most this long, so that it can be a file's name.
    const MAX_WORD_BYTES: usize = 64;
    (1..=MAX_WORD_BYTES).contains(&word.len())
        && !word.starts_with('-')
        && !word.ends_with('-')
        && word
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}
