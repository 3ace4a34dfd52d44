//! Signing in, and API keys.

use serde::{Deserialize, Serialize};

/// `POST /api/setup`: creates the first admin with the one-time token.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetUp {
    /// From the link that the server printed.
    pub token: String,
    /// The account's name: 1 to 64 characters.
    pub username: String,
    /// At least 10 characters.
    pub password: String,
}

/// `POST /api/session`: signs in with a cookie.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The account's name.
    pub username: String,
    /// Its password.
    pub password: String,
}

/// `GET /api/me`: who is asking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me {
    /// `user_` and a UUIDv7.
    pub id: String,
    /// The account's name; `local` until the first admin account is created.
    pub username: String,
    /// Whether they may grant and install.
    pub admin: bool,
    /// The model that answers by default.
    pub default_model: String,
}

/// `POST /api/keys`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateApiKey {
    /// What it is for.
    pub name: String,
    /// Days until it expires; never where absent.
    #[serde(default)]
    pub expires_in_days: Option<u32>,
    /// Policy files, one a plugin, that calls with the key are narrowed to: tools of other plugins
    /// are not offered. Where absent, the key may do what you may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Vec<String>>,
}

/// An API key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// `key_` and a UUIDv7.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it ends.
    pub expires_at_ms: Option<i64>,
    /// When it was last used, to the minute.
    pub last_used_at_ms: Option<i64>,
    /// The plugins that it has a policy for; null where nothing narrows its calls.
    pub within: Option<Vec<String>>,
}

/// `GET /api/keys/{id}`: a key with its policies.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ShownApiKey {
    /// The key.
    #[serde(flatten)]
    pub key: ApiKey,
    /// What narrows its calls.
    pub policies: Vec<KeyPolicy>,
}

/// A policy of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPolicy {
    /// The plugin's identity.
    pub plugin: String,
    /// The policy file.
    pub policy: String,
}

/// The answer to `POST /api/keys`: the only time the secret is shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CreatedApiKey {
    /// The key.
    #[serde(flatten)]
    pub key: ApiKey,
    /// `alc_…`, to be sent as `Authorization: Bearer alc_…`.
    pub secret: String,
    /// What its maker may not expect, such as a policy for a plugin that is not installed.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// `GET /api/principals`: to whom a plugin can be granted, besides everyone (admin).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principals {
    /// Names of accounts, sorted.
    pub users: Vec<String>,
    /// Names of groups, sorted.
    pub groups: Vec<String>,
}
