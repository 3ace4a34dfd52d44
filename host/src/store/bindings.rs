//! Bindings: who may use which plugin under which policy.

use std::fmt;
use std::str::FromStr;

use alcove_core::ids::{BindingId, OrganisationId, UserId};
use async_trait::async_trait;

use super::{StoreError, Text};

/// Whom a binding is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// Every user of the organisation.
    Everyone,
    /// The members of a group, by its name.
    Group(String),
    /// One user.
    User(UserId),
}

impl Subject {
    /// The two columns that hold it.
    pub(super) fn columns(&self) -> (&'static str, String) {
        match self {
            Subject::Everyone => ("everyone", String::new()),
            Subject::Group(name) => ("group", name.clone()),
            Subject::User(user) => ("user", user.to_string()),
        }
    }
}

/// A binding in force.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct BindingRow {
    /// Its id.
    pub id: Text<BindingId>,
    /// The organisation.
    pub organisation_id: Text<OrganisationId>,
    /// The plugin's identity.
    pub plugin: String,
    /// sha256 of the component, in hex.
    pub digest: String,
    /// `everyone`, `group` or `user`.
    pub subject_kind: String,
    /// The group's name, or the user's id.
    pub subject: String,
    /// The name of the user, where the subject is one.
    pub subject_username: Option<String>,
    /// The policy's text.
    pub policy: String,
    /// Who granted it.
    pub author_id: Text<UserId>,
    /// That user's name.
    pub author_username: String,
    /// Why.
    pub reason: String,
    /// When.
    pub created_at_ms: i64,
    /// 1, 2, 3, … for each change of what this subject is granted of this plugin.
    pub version: i64,
    /// Until when it holds.
    pub expires_at_ms: Option<i64>,
    /// When it was revoked or replaced; only history shows such rows.
    pub revoked_at_ms: Option<i64>,
    /// By whom.
    pub revoked_by_username: Option<String>,
}

impl BindingRow {
    /// Whom it is for; nobody where a later version of this program wrote another kind.
    pub fn to_subject(&self) -> Option<Subject> {
        match self.subject_kind.as_str() {
            "everyone" => Some(Subject::Everyone),
            "group" => Some(Subject::Group(self.subject.clone())),
            "user" => self.subject.parse().ok().map(Subject::User),
            _ => None,
        }
    }

    /// Whom it is for, as requests write it: `everyone`, `group:NAME` or `user:NAME`.
    pub fn principal(&self) -> String {
        match self.subject_kind.as_str() {
            "everyone" => "everyone".to_owned(),
            "user" => format!(
                "user:{}",
                self.subject_username.as_deref().unwrap_or(&self.subject)
            ),
            kind => format!("{kind}:{}", self.subject),
        }
    }
}

/// A subject as requests write it, not yet looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SubjectName {
    Everyone,
    Group(String),
    User(String),
}

/// A text that names no subject.
#[derive(Debug, thiserror::Error)]
#[error("a principal is `everyone`, `group:NAME` or `user:NAME`")]
pub(super) struct SubjectNameError;

impl FromStr for SubjectName {
    type Err = SubjectNameError;

    fn from_str(text: &str) -> Result<Self, SubjectNameError> {
        match text.split_once(':') {
            None if text == "everyone" => Ok(SubjectName::Everyone),
            Some(("group", name)) if !name.is_empty() => Ok(SubjectName::Group(name.to_owned())),
            Some(("user", name)) if !name.is_empty() => Ok(SubjectName::User(name.to_owned())),
            _ => Err(SubjectNameError),
        }
    }
}

impl fmt::Display for SubjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SubjectName::Everyone => f.write_str("everyone"),
            SubjectName::Group(name) => write!(f, "group:{name}"),
            SubjectName::User(name) => write!(f, "user:{name}"),
        }
    }
}

/// A binding to be made.
#[derive(Debug, Clone)]
pub struct NewBinding {
    /// Its id.
    pub id: BindingId,
    /// The organisation.
    pub organisation: OrganisationId,
    /// The plugin's identity.
    pub plugin: String,
    /// sha256 of the component, in hex.
    pub digest: String,
    /// Whom it is for.
    pub subject: Subject,
    /// The policy's text.
    pub policy: String,
    /// Who grants it.
    pub author: UserId,
    /// Why.
    pub reason: String,
    /// Now.
    pub now_ms: i64,
    /// Which version it is of what this subject is granted.
    pub version: i64,
    /// Until when it holds.
    pub expires_at_ms: Option<i64>,
}

/// Bindings. Reading shows only those in force.
#[async_trait]
pub trait Bindings {
    /// Looks up whom `everyone`, `group:NAME` or `user:NAME` means; `None` where it is none of
    /// these, or there is no such group or user.
    async fn subject(
        &self,
        organisation: OrganisationId,
        name: &str,
    ) -> Result<Option<Subject>, StoreError>;

    /// Adds a binding.
    async fn insert_binding(&self, binding: &NewBinding) -> Result<(), StoreError>;

    /// All bindings of an organisation, oldest first.
    async fn bindings(&self, organisation: OrganisationId) -> Result<Vec<BindingRow>, StoreError>;

    /// Every version of every binding of a plugin, what is revoked included, oldest first.
    async fn binding_history(
        &self,
        organisation: OrganisationId,
        plugin: &str,
    ) -> Result<Vec<BindingRow>, StoreError>;

    /// The bindings for a user: those for everyone, for one of the groups, or for the user alone;
    /// oldest first.
    async fn bindings_for(
        &self,
        organisation: OrganisationId,
        user: UserId,
        groups: &[String],
    ) -> Result<Vec<BindingRow>, StoreError>;

    /// One binding.
    async fn binding(&self, binding: BindingId) -> Result<Option<BindingRow>, StoreError>;

    /// Revokes a binding. Answers whether it was in force.
    async fn revoke_binding(
        &self,
        binding: BindingId,
        by: UserId,
        now_ms: i64,
    ) -> Result<bool, StoreError>;
}
