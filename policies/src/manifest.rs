//! The plugin manifest: what a plugin is, in one custom section of its component.
//!
//! It is static, so that the host learns what a plugin offers without running it, and inside the
//! component, so that the component's digest covers it.

mod section;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::policy::is_plugin_id;
use crate::schema::{self, SchemaError};
use crate::{Policy, PolicyError};

pub use section::{EmbedError, embed, split};
pub(crate) use section::{is_component, is_core_module};

/// The name of the custom section.
pub const SECTION: &str = "alcove:manifest";
/// The version of the `alcove:tool` contract that this host speaks.
pub const CONTRACT: semver::Version = semver::Version::new(0, 1, 0);

/// A manifest is at most this long.
const MAX_BYTES: usize = 256 << 10;
const MAX_TOOLS: usize = 64;
const MAX_NAME_BYTES: usize = 64;
const MAX_TITLE_CHARS: usize = 100;
const MAX_DESCRIPTION_CHARS: usize = 4_096;
const MAX_EXAMPLES: usize = 16;
const MAX_FILES: usize = 32;
const MAX_FILE_BYTES: usize = 64;

/// What a tool does to the world, as its author states it.
pub const EFFECTS: &[&str] = &[
    "compute",
    "read-files",
    "read-web",
    "write-files",
    "write-web",
];

/// What a plugin says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// What its author calls it: `publisher/name`. Who it really is from, the registry decides.
    pub id: String,
    /// The author's version.
    #[serde(with = "version_text")]
    pub version: semver::Version,
    /// The version of `alcove:tool` that it was built for.
    #[serde(with = "version_text")]
    pub contract: semver::Version,
    /// Whether its instance is kept from call to call along a branch of a conversation.
    #[serde(default)]
    pub session: bool,
    /// The policy that the author asks for, as policy text; empty when it needs nothing.
    #[serde(default)]
    pub requests: String,
    /// What it offers; at least one.
    pub tools: Vec<Tool>,
}

/// One tool of a plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// Its name within the plugin, such as `web_fetch`: what a model calls.
    pub name: String,
    /// For people: a few words.
    pub title: String,
    /// For people and models: what it does and when to use it.
    pub description: String,
    /// What its arguments look like: an object in the schema subset.
    pub input: Value,
    /// What its JSON result looks like, where it promises one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// What it does to the world: words of [`EFFECTS`].
    #[serde(default)]
    pub effects: Vec<String>,
    /// What it works on, where that is files: how their paths end, such as `*.stl`, or `*` for any.
    /// A model is offered it where the conversation has such a file, or an admin has mounted a
    /// folder for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// Calls that show how it is used.
    #[serde(default)]
    pub examples: Vec<Example>,
    /// The argument that a model writes as a fenced block of code, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<CodeArgument>,
}

/// A call that shows how a tool is used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// What a person might have asked.
    pub title: String,
    /// The arguments of the call; valid under the tool's input schema.
    pub arguments: Value,
}

/// Which argument is code, and in which language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeArgument {
    /// The argument's name: a required string of the input schema.
    pub argument: String,
    /// The word after the opening fence, such as `python`.
    pub language: String,
}

/// Why a manifest was refused.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Longer than this host reads.
    #[error("the manifest is longer than {} KiB", MAX_BYTES >> 10)]
    TooLong,
    /// Not JSON, or not of this shape.
    #[error("the manifest is not valid: {0}")]
    Shape(serde_json::Error),
    /// A field holds what it may not.
    #[error("the manifest's `{field}` {problem}")]
    Field {
        /// Where: `tools.web_fetch.title`.
        field: String,
        /// What is wrong.
        problem: String,
    },
    /// A schema is outside the subset, or an example does not fit its schema.
    #[error("the manifest's `{field}` is not a schema that Alcove knows: {source}")]
    Schema {
        /// Which schema: `tools.web_fetch.input`.
        field: String,
        /// What is wrong, and where in it.
        source: SchemaError,
    },
    /// The requested policy is none.
    #[error("the manifest's `requests` is not a policy: {0}")]
    Requests(PolicyError),
}

impl Manifest {
    /// Reads and checks a manifest.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(json: &[u8]) -> Result<Self, ManifestError> {
        if json.len() > MAX_BYTES {
            return Err(ManifestError::TooLong);
        }
        let manifest: Self = serde_json::from_slice(json).map_err(ManifestError::Shape)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// The manifest as the custom section holds it.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        // Writing into memory fails only for maps whose keys are no strings; there are none.
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }

    /// The requested policy, where there is a request.
    ///
    /// # Errors
    /// A text that is no policy; never after [`Manifest::parse`].
    pub fn requested_policy(&self) -> Result<Option<Policy>, PolicyError> {
        if self.requests.trim().is_empty() {
            return Ok(None);
        }
        Policy::parse(&self.requests).map(Some)
    }

    /// Whether a host that speaks `host` can run it: the same major version, or before 1.0 the
    /// same minor one, and not newer than the host.
    #[must_use]
    pub fn speaks(&self, host: &semver::Version) -> bool {
        let own = &self.contract;
        own.major == host.major && (own.major > 0 || own.minor == host.minor) && own <= host
    }

    fn check(&self) -> Result<(), ManifestError> {
        if !is_plugin_id(&self.id) {
            return Err(field(
                "id",
                "must be a publisher and a name in lower case, such as \"acme/notes\"",
            ));
        }
        if self.tools.is_empty() || self.tools.len() > MAX_TOOLS {
            return Err(field("tools", format!("must hold from 1 to {MAX_TOOLS}")));
        }
        let requested = self.requested_policy().map_err(ManifestError::Requests)?;
        if let Some(policy) = requested
            && policy.plugin() != self.id
        {
            return Err(field(
                "requests",
                format!("is a policy for {}, not for {}", policy.plugin(), self.id),
            ));
        }
        for (index, tool) in self.tools.iter().enumerate() {
            tool.check()?;
            if self.tools[..index].iter().any(|t| t.name == tool.name) {
                return Err(field("tools", format!("has \"{}\" twice", tool.name)));
            }
        }
        Ok(())
    }
}

impl Tool {
    /// Whether title and description are fit to be read by people and models.
    ///
    /// # Errors
    /// The first of them that is empty, too long, or hides something.
    pub fn check_words(&self) -> Result<(), ManifestError> {
        let at = |what: &str| format!("tools.{}.{what}", self.name);
        check_prose(&at("title"), &self.title, MAX_TITLE_CHARS, false)?;
        check_prose(
            &at("description"),
            &self.description,
            MAX_DESCRIPTION_CHARS,
            true,
        )
    }

    fn check(&self) -> Result<(), ManifestError> {
        if !is_tool_name(&self.name) {
            return Err(field(
                "tools",
                format!(
                    "has the name \"{}\"; a name is lower-case letters, digits and underscores, \
                     beginning with a letter, at most {MAX_NAME_BYTES}",
                    shorten(&self.name)
                ),
            ));
        }
        let at = |what: &str| format!("tools.{}.{what}", self.name);
        self.check_words()?;
        schema::check(&self.input).map_err(|source| ManifestError::Schema {
            field: at("input"),
            source,
        })?;
        if let Some(output) = &self.output {
            schema::check(output).map_err(|source| ManifestError::Schema {
                field: at("output"),
                source,
            })?;
        }
        let unknown = self
            .effects
            .iter()
            .find(|effect| !EFFECTS.contains(&effect.as_str()));
        if let Some(effect) = unknown {
            return Err(field(
                at("effects"),
                format!(
                    "has \"{}\"; known effects: {}",
                    shorten(effect),
                    EFFECTS.join(", ")
                ),
            ));
        }
        if self.files.len() > MAX_FILES || !self.files.iter().all(|end| is_path_end(end)) {
            return Err(field(
                at("files"),
                format!(
                    "must hold at most {MAX_FILES} ends of paths, such as \"*.csv\", or \"*\" for any file"
                ),
            ));
        }
        if self.examples.len() > MAX_EXAMPLES {
            return Err(field(
                at("examples"),
                format!("has more than {MAX_EXAMPLES}"),
            ));
        }
        for example in &self.examples {
            check_prose(
                &at("examples.title"),
                &example.title,
                MAX_DESCRIPTION_CHARS,
                true,
            )?;
            schema::validate(&self.input, &example.arguments).map_err(|error| {
                field(
                    at("examples"),
                    format!("has arguments that do not fit the input schema: {error}"),
                )
            })?;
        }
        self.check_code()
    }

    fn check_code(&self) -> Result<(), ManifestError> {
        let Some(code) = &self.code else {
            return Ok(());
        };
        let at = format!("tools.{}.code", self.name);
        let is_string = self.input["properties"][&code.argument]["type"] == "string";
        let is_required = self.input["required"]
            .as_array()
            .is_some_and(|names| names.iter().any(|name| name == code.argument.as_str()));
        if !is_string || !is_required {
            return Err(field(
                at,
                "must name a required string argument of the input schema",
            ));
        }
        if !is_tool_name(&code.language) {
            return Err(field(
                at,
                "must name a language in lower case, such as \"python\"",
            ));
        }
        Ok(())
    }
}

fn field(name: impl Into<String>, problem: impl Into<String>) -> ManifestError {
    ManifestError::Field {
        field: name.into(),
        problem: problem.into(),
    }
}

/// Whether it is `*` with the end of a path behind it.
fn is_path_end(text: &str) -> bool {
    text.len() <= MAX_FILE_BYTES
        && text.strip_prefix('*').is_some_and(|end| {
            end.chars()
                .all(|c| !c.is_control() && !c.is_whitespace() && c != '*')
        })
}

/// Whether a path ends as a tool's `files` say, whatever its capitals.
#[must_use]
pub fn is_file_for(end: &str, path: &str) -> bool {
    let end = end.trim_start_matches('*').as_bytes();
    let path = path.as_bytes();
    path.len() >= end.len() && path[path.len() - end.len()..].eq_ignore_ascii_case(end)
}

pub(crate) fn is_tool_name(text: &str) -> bool {
    text.len() <= MAX_NAME_BYTES
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Text that people and models read: present, bounded, and without characters that hide text.
fn check_prose(
    name: &str,
    text: &str,
    max_chars: usize,
    lines_allowed: bool,
) -> Result<(), ManifestError> {
    if text.trim().is_empty() {
        return Err(field(name, "is empty"));
    }
    if text.chars().count() > max_chars {
        return Err(field(
            name,
            format!("is longer than {max_chars} characters"),
        ));
    }
    let hidden = |c: char| {
        (c.is_control() && !(lines_allowed && c == '\n'))
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
    };
    if let Some(c) = text.chars().find(|c| hidden(*c)) {
        return Err(field(
            name,
            format!("holds the invisible character U+{:04X}", u32::from(c)),
        ));
    }
    Ok(())
}

fn shorten(text: &str) -> String {
    text.chars()
        .take(MAX_NAME_BYTES)
        .collect::<String>()
        .escape_debug()
        .to_string()
}

/// Versions are text in JSON.
mod version_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(
        version: &semver::Version,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(version)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<semver::Version, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|error| D::Error::custom(format!("\"{text}\" is not a version: {error}")))
    }
}
