//! Secrets that policies name. A value goes in and never comes out.

use serde::{Deserialize, Serialize};

/// Whose a secret is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecretScope {
    /// The organisation's: for the calls of all its users.
    Organisation,
    /// The caller's own: for their calls, before the organisation's of the same name.
    User,
}

/// `POST /api/secrets`: sets a secret, whether it is there or not.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetSecret {
    /// Lower-case letters, digits, `-` and `_`.
    pub name: String,
    /// Printable ASCII characters.
    pub value: String,
    /// Whose it is.
    pub scope: SecretScope,
}

/// A secret, without its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretInfo {
    /// The name by which policies name it.
    pub name: String,
    /// Whose it is.
    pub scope: SecretScope,
    /// When it was set last.
    pub updated_at_ms: i64,
}
