//! `[state]`, `[assets]`, `[inference]`, `[delegate]`: what a plugin may have of the host itself.
//! The table alone grants; without it nothing is there.

use std::fmt;

use crate::PolicyError;
use crate::limits::read_bytes;
use crate::manifest::is_tool_name;
use crate::policy::is_plugin_id;
use crate::section::{Entry, Section};

/// `[state]`: what a plugin keeps for each user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateGrant {
    /// `quota`: keys and values together, for each user. Default `1 MiB`.
    pub quota_bytes: u64,
    /// The line of the policy that grants it.
    pub line: u32,
}

/// `[assets]`: blobs that travel beside JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetsGrant {
    /// `quota`: the bytes that one call may write. Default `64 MiB`.
    pub quota_bytes: u64,
    /// The line of the policy that grants it.
    pub line: u32,
}

/// `[inference]`: asking models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InferenceGrant {
    /// `models`: which; `default` is the one that serves chats. Default: that one.
    pub models: Vec<String>,
    /// `tokens_per_call`: prompts and answers of one call together. Default 1000.
    pub tokens_per_call: u32,
    /// `tokens_per_day`: the same for a user and a day. Default 100000.
    pub tokens_per_day: u32,
    /// The line of the policy that grants it.
    pub line: u32,
}

/// `[delegate]`: calling other tools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DelegateGrant {
    /// `tools`: which.
    pub tools: Vec<ToolName>,
    /// `depth`: how deep calls may call. Default 2.
    pub depth: u32,
    /// The line of the policy that grants it.
    pub line: u32,
}

/// A tool of a plugin: `alcove/web-fetch:fetch_page`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolName {
    /// The plugin's identity.
    pub plugin: String,
    /// The tool's name within it.
    pub tool: String,
}

impl fmt::Display for ToolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.plugin, self.tool)
    }
}

const STATE_BYTES: (u64, u64) = (1 << 10, 1 << 30);
const DEFAULT_STATE_BYTES: u64 = 1 << 20;
const ASSETS_BYTES: (u64, u64) = (1 << 10, 4 << 30);
const DEFAULT_ASSETS_BYTES: u64 = 64 << 20;
const MAX_MODELS: usize = 32;
const MAX_MODEL_BYTES: usize = 128;
const DEFAULT_MODEL: &str = "default";
const TOKENS_PER_CALL: (u32, u32) = (1, 1_000_000);
const DEFAULT_TOKENS_PER_CALL: u32 = 1_000;
const TOKENS_PER_DAY: (u32, u32) = (1, 1_000_000_000);
const DEFAULT_TOKENS_PER_DAY: u32 = 100_000;
const MAX_TOOLS: usize = 64;
const DEPTH: (u32, u32) = (1, 8);
const DEFAULT_DEPTH: u32 = 2;

impl StateGrant {
    pub(crate) fn read(section: &Section<'_>) -> Result<Self, PolicyError> {
        section.only_known()?;
        Ok(Self {
            quota_bytes: match section.get("quota") {
                Some(entry) => read_bytes(&entry, STATE_BYTES)?,
                None => DEFAULT_STATE_BYTES,
            },
            line: section.line(),
        })
    }
}

impl AssetsGrant {
    pub(crate) fn read(section: &Section<'_>) -> Result<Self, PolicyError> {
        section.only_known()?;
        Ok(Self {
            quota_bytes: match section.get("quota") {
                Some(entry) => read_bytes(&entry, ASSETS_BYTES)?,
                None => DEFAULT_ASSETS_BYTES,
            },
            line: section.line(),
        })
    }
}

impl InferenceGrant {
    /// Whether a model may be asked.
    #[must_use]
    pub fn covers(&self, model: &str) -> bool {
        self.models.iter().any(|own| own == model)
    }

    /// What one of the two grants.
    pub(crate) fn or(mut self, other: Self) -> Self {
        for model in other.models {
            if !self.models.contains(&model) {
                self.models.push(model);
            }
        }
        self.tokens_per_call = self.tokens_per_call.max(other.tokens_per_call);
        self.tokens_per_day = self.tokens_per_day.max(other.tokens_per_day);
        self
    }

    /// What both grant.
    pub(crate) fn and(mut self, other: &Self) -> Self {
        self.models.retain(|model| other.covers(model));
        self.tokens_per_call = self.tokens_per_call.min(other.tokens_per_call);
        self.tokens_per_day = self.tokens_per_day.min(other.tokens_per_day);
        self
    }

    pub(crate) fn read(section: &Section<'_>) -> Result<Self, PolicyError> {
        section.only_known()?;
        let models = match section.get("models") {
            Some(entry) => read_models(&entry)?,
            None => vec![DEFAULT_MODEL.to_owned()],
        };
        let tokens = |key, (min, max), default| match section.get(key) {
            Some(entry) => entry.integer(min, max),
            None => Ok(default),
        };
        Ok(Self {
            models,
            tokens_per_call: tokens("tokens_per_call", TOKENS_PER_CALL, DEFAULT_TOKENS_PER_CALL)?,
            tokens_per_day: tokens("tokens_per_day", TOKENS_PER_DAY, DEFAULT_TOKENS_PER_DAY)?,
            line: section.line(),
        })
    }
}

fn read_models(entry: &Entry<'_>) -> Result<Vec<String>, PolicyError> {
    let models = entry.texts(MAX_MODELS)?;
    let is_name = |name: &str| {
        (1..=MAX_MODEL_BYTES).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_./:".contains(&byte))
    };
    if let Some(bad) = models.iter().find(|name| !is_name(name)) {
        return Err(entry.error(format!(
            "has \"{}\", which is no model's name; `alcove model list` shows them",
            bad.escape_debug()
        )));
    }
    Ok(models.into_iter().map(str::to_owned).collect())
}

impl DelegateGrant {
    /// Whether a tool may be called.
    #[must_use]
    pub fn covers(&self, plugin: &str, tool: &str) -> bool {
        self.tools
            .iter()
            .any(|own| own.plugin == plugin && own.tool == tool)
    }

    /// What one of the two grants.
    pub(crate) fn or(mut self, other: Self) -> Self {
        for tool in other.tools {
            if !self.tools.contains(&tool) {
                self.tools.push(tool);
            }
        }
        self.depth = self.depth.max(other.depth);
        self
    }

    /// What both grant.
    pub(crate) fn and(mut self, other: &Self) -> Self {
        self.tools.retain(|tool| other.tools.contains(tool));
        self.depth = self.depth.min(other.depth);
        self
    }

    pub(crate) fn read(section: &Section<'_>) -> Result<Self, PolicyError> {
        section.only_known()?;
        let entry = section.require("tools")?;
        let tools = entry
            .texts(MAX_TOOLS)?
            .into_iter()
            .map(|text| read_tool(&entry, text))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            tools,
            depth: match section.get("depth") {
                Some(entry) => entry.integer(DEPTH.0, DEPTH.1)?,
                None => DEFAULT_DEPTH,
            },
            line: section.line(),
        })
    }
}

fn read_tool(entry: &Entry<'_>, text: &str) -> Result<ToolName, PolicyError> {
    text.split_once(':')
        .filter(|(plugin, tool)| is_plugin_id(plugin) && is_tool_name(tool))
        .map(|(plugin, tool)| ToolName {
            plugin: plugin.to_owned(),
            tool: tool.to_owned(),
        })
        .ok_or_else(|| {
            entry.error(format!(
                "has \"{}\"; write a plugin and one of its tools, such as \
                 \"alcove/web-fetch:fetch_page\"",
                text.escape_debug()
            ))
        })
}
