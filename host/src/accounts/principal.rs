//! Who is asking.

use std::sync::Arc;

use alcove_core::ids::{OrganisationId, UserId};

use super::KeyPolicies;

/// The group whose members may grant, install and manage accounts.
pub const ADMINS: &str = "admins";
/// The group that every user belongs to.
pub const EVERYONE: &str = "everyone";

/// Who is asking, as far as the server has proven it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The user.
    pub user: UserId,
    /// The user's organisation.
    pub organisation: OrganisationId,
    /// Names of the groups that the user belongs to, sorted.
    pub groups: Vec<String>,
    /// The account's name.
    pub username: String,
    /// Whether they may grant and install.
    pub admin: bool,
    /// How they proved who they are.
    pub via: Via,
    /// What the API key narrows its calls to; such a principal is never an admin.
    pub within: Option<Arc<KeyPolicies>>,
}

/// How a principal proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// A session cookie: a person in a browser.
    Web,
    /// An API key: a program, with no one to ask.
    ApiKey,
    /// The key in the data folder: whoever can read the server's own files.
    Local,
}
