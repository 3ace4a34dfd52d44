//! `inject`: a secret that the host adds to a request, and that the plugin never sees.

use crate::PolicyError;
use crate::section::{Entry, Section};

/// Where a rule puts which secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inject {
    /// Where it goes.
    pub place: InjectPlace,
    /// What goes there, piece by piece; at least one is a secret.
    pub value: Vec<InjectPart>,
    /// The line of the policy that says so.
    pub line: u32,
}

/// Where a secret goes. What the plugin itself put there is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InjectPlace {
    /// Into this header, in lower case.
    Header(String),
    /// Into this parameter of the query.
    Query(String),
}

/// A piece of an injected value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InjectPart {
    /// These characters.
    Text(String),
    /// The stored secret of this name, the organisation's or the user's.
    Secret(String),
}

/// A header, parameter or secret has a name of at most this length.
const MAX_NAME_BYTES: usize = 64;
/// The whole value is at most this long.
const MAX_VALUE_BYTES: usize = 1_024;
/// At most this many secrets and texts in one value.
const MAX_PARTS: usize = 16;
/// How a secret is written.
const OPEN: &str = "{secret:";

/// Headers that say where a request goes and where its body ends: these are the host's own.
const FRAMING: &[&str] = &[
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl Inject {
    /// Every secret that it needs.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.value.iter().filter_map(|part| match part {
            InjectPart::Secret(name) => Some(name.as_str()),
            InjectPart::Text(_) => None,
        })
    }

    pub(crate) fn read(section: &Section<'_>) -> Result<Self, PolicyError> {
        section.only_known()?;
        let place = match (section.get("header"), section.get("query")) {
            (Some(entry), None) => InjectPlace::Header(header(&entry)?),
            (None, Some(entry)) => InjectPlace::Query(query(&entry)?),
            (Some(_), Some(entry)) => {
                return Err(entry.error("cannot stand beside `header`; a rule injects once"));
            }
            (None, None) => {
                return Err(PolicyError::new(
                    section.line(),
                    "`inject` needs `header = \"X-Token\"` or `query = \"key\"`",
                ));
            }
        };
        let value = section.require("value")?;
        Ok(Self {
            place,
            value: parts(&value)?,
            line: section.line(),
        })
    }
}

fn header(entry: &Entry<'_>) -> Result<String, PolicyError> {
    let name = entry.text()?.to_ascii_lowercase();
    let is_token = (1..=MAX_NAME_BYTES).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if !is_token {
        return Err(entry.error("must be a header's name: letters, digits, `-` and `_`"));
    }
    if FRAMING.contains(&name.as_str()) {
        return Err(entry.error("names a header that frames or routes the request: the host's own"));
    }
    Ok(name)
}

fn query(entry: &Entry<'_>) -> Result<String, PolicyError> {
    let name = entry.text()?;
    let is_plain = (1..=MAX_NAME_BYTES).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if !is_plain {
        return Err(entry.error("must be a parameter's name: letters, digits, `-`, `_` and `.`"));
    }
    Ok(name.to_owned())
}

fn parts(entry: &Entry<'_>) -> Result<Vec<InjectPart>, PolicyError> {
    let text = entry.text()?;
    if text.len() > MAX_VALUE_BYTES {
        return Err(entry.error(format!("is longer than {MAX_VALUE_BYTES} bytes")));
    }
    if !text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return Err(entry.error("may hold printable ASCII characters only"));
    }
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(OPEN) {
        if at > 0 {
            parts.push(InjectPart::Text(rest[..at].to_owned()));
        }
        let after = &rest[at + OPEN.len()..];
        let name = after
            .split_once('}')
            .map(|(name, _)| name)
            .filter(|name| is_secret_name(name))
            .ok_or_else(|| {
                entry.error(
                    "names a secret wrongly; write {secret:name} with lower-case letters, digits, \
                     `-` and `_`",
                )
            })?;
        parts.push(InjectPart::Secret(name.to_owned()));
        rest = &after[name.len() + 1..];
    }
    if !rest.is_empty() {
        parts.push(InjectPart::Text(rest.to_owned()));
    }
    if parts.len() > MAX_PARTS {
        return Err(entry.error(format!("has more than {MAX_PARTS} pieces")));
    }
    if !parts
        .iter()
        .any(|part| matches!(part, InjectPart::Secret(_)))
    {
        return Err(
            entry.error("holds no {secret:name}; what is no secret the plugin can send by itself")
        );
    }
    Ok(parts)
}

/// Whether a secret may have this name: lower-case letters, digits, `-` and `_`.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte))
}
