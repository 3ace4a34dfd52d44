//! `/api/plugins` and `/api/bindings`.

use serde::{Deserialize, Serialize};

/// An installed plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plugin {
    /// Its identity: publisher and name, such as `alcove/python` or `local/notes`.
    pub id: String,
    /// The author's version.
    pub version: String,
    /// sha256 of the component, in hex.
    pub digest: String,
    /// Size of the component.
    pub size_bytes: u64,
    /// What it offers.
    pub tools: Vec<PluginTool>,
    /// What its imports prove.
    pub badges: Vec<Badge>,
    /// Every import of the component.
    pub imports: Vec<String>,
    /// What the author asks for, as policy text.
    pub requests: String,
}

/// A tool of a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginTool {
    /// Its name within the plugin.
    pub name: String,
    /// For people.
    pub title: String,
    /// For people and models.
    pub description: String,
}

/// What a component's imports prove, or what this host refuses it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Badge {
    /// `network`, `files`, …
    pub subject: String,
    /// Which of the statements holds.
    pub kind: BadgeKind,
    /// In words: "cannot ask for the network".
    pub text: String,
}

/// How strong a badge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BadgeKind {
    /// The import is absent from the binary.
    CannotAsk,
    /// The import is there, linked to refusals.
    Refused,
    /// The import is there and a policy opens some of it.
    Granted,
}

/// `POST /api/plugins`: installs from a path on the server (admin).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstallPlugin {
    /// A component file, or a folder with one.
    pub path: String,
}

/// `POST /api/bindings`: grants a plugin under a policy (admin).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateBinding {
    /// The plugin's identity.
    pub plugin: String,
    /// `everyone`, `group:NAME` or `user:NAME`.
    pub principal: String,
    /// Policy text; what the author asks for where absent.
    #[serde(default)]
    pub policy: Option<String>,
    /// Why.
    #[serde(default)]
    pub reason: String,
}

/// Who may use which plugin under which policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// `bind_` and a UUIDv7.
    pub id: String,
    /// The plugin's identity.
    pub plugin: String,
    /// sha256 of the component that was granted, in hex.
    pub digest: String,
    /// `everyone`, `group:NAME` or `user:NAME`.
    pub principal: String,
    /// The policy in force, as text.
    pub policy: String,
    /// Who granted it.
    pub author: String,
    /// Why.
    pub reason: String,
    /// When.
    pub created_at_ms: i64,
}

/// The answer to `DELETE /api/bindings/{id}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// How many running calls were stopped.
    pub stopped_calls: u32,
}
