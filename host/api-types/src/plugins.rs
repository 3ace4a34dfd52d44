//! `/api/plugins` and `/api/bindings`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::policy::InWords;

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
    /// Whether its manifest was made from its types, since it has none of its own.
    #[serde(default)]
    pub is_generated: bool,
    /// What it is granted for the person who asks, a phrase each; absent where they may not use it.
    #[serde(default)]
    pub allowed: Option<Vec<String>>,
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
    /// What its arguments look like: an object in the schema subset.
    #[serde(default)]
    pub input: Value,
    /// What its JSON result looks like, where it promises one.
    #[serde(default)]
    pub output: Option<Value>,
    /// What it does to the world: `reads`, `writes`, `network`, …
    #[serde(default)]
    pub effects: Vec<String>,
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
    /// Whether a component with typed exports and no manifest gets the one that is made from its
    /// types. Without it the answer shows that manifest.
    #[serde(default)]
    pub accept_generated: bool,
}

/// `POST /api/mcp-servers`: makes a plugin of the tools of an MCP server (admin).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddMcpServer {
    /// The server's endpoint.
    pub url: String,
    /// What the plugin is called: `mcp/NAME`. Made from the host's name where absent.
    #[serde(default)]
    pub name: Option<String>,
    /// The policy under which the server is asked, and which the plugin asks for: a rule for the
    /// endpoint alone where absent.
    #[serde(default)]
    pub policy: Option<String>,
    /// Private networks that the server's name may lead to, for the policy that is made.
    #[serde(default)]
    pub addresses: Vec<String>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddedMcpServer {
    /// The plugin; nothing is granted yet.
    pub plugin: Plugin,
    /// Tools that cannot be used here.
    pub left_out: Vec<LeftOut>,
}

/// A tool that is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// What the server calls it.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// `POST /api/bindings`: grants a plugin under a policy (admin).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
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
    /// For how long it holds; for ever where absent.
    #[serde(default)]
    pub expires_in_ms: Option<u64>,
    /// Whether `policy` may grant more than the author asks for.
    #[serde(default)]
    pub beyond_request: bool,
    /// Accepts the installed version for a grant that stayed on an earlier one: a policy that was
    /// chosen is kept, one that was what the author asked for becomes what they ask for now.
    #[serde(default)]
    pub accept_upgrade: bool,
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
    /// 1, 2, 3, … for each change of what this principal is granted of this plugin.
    pub version: i64,
    /// Until when it holds; for ever where absent.
    pub expires_at_ms: Option<i64>,
    /// The installed version, where the grant stays on an earlier one.
    pub upgrade: Option<Upgrade>,
    /// When it was revoked or replaced; only a plugin's history has such.
    pub revoked_at_ms: Option<i64>,
    /// By whom.
    pub revoked_by: Option<String>,
    /// What its policy means; absent where this version of the server can't read it.
    #[serde(default)]
    pub words: Option<InWords>,
}

/// What a new version of a plugin asks for beyond what was granted to an earlier one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upgrade {
    /// The author's version.
    pub version: String,
    /// sha256 of the component, in hex.
    pub digest: String,
    /// What it asks for beyond the earlier version, a phrase each.
    pub asks: Vec<String>,
    /// The tools that it describes differently, has anew or no longer has.
    pub described: Vec<String>,
}

/// `POST /api/plugins/{id}/requests`: asks an admin for a plugin.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestGrant {
    /// What for.
    #[serde(default)]
    pub reason: String,
}

/// A request for a plugin that no admin has decided on, or that one of them declined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantRequest {
    /// Who asks.
    pub user: String,
    /// For which plugin.
    pub plugin: String,
    /// What for.
    pub reason: String,
    /// When.
    pub created_at_ms: i64,
    /// Why it was declined, which only the person who asked sees; absent while nobody has decided.
    #[serde(default)]
    pub declined: Option<String>,
}

/// `POST /api/plugins/{id}/requests/decline`: says no to a person (admin).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclineRequest {
    /// Who asked.
    pub user: String,
    /// Why not.
    #[serde(default)]
    pub reason: String,
}

/// The answer to `DELETE /api/bindings/{id}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// How many running calls were stopped.
    pub stopped_calls: u32,
}
