//! Organisations, groups and users.

use alcove_core::ids::{GroupId, OrganisationId, UserId};
use async_trait::async_trait;

use super::{StoreError, Text};

/// A user.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct UserRow {
    /// Its id.
    pub id: Text<UserId>,
    /// Its organisation.
    pub organisation_id: Text<OrganisationId>,
    /// The account's name.
    pub username: String,
    /// The password's hash as a PHC string; nobody can sign in where absent.
    pub password_hash: Option<String>,
    /// Whether the key in the data folder acts as this user.
    pub is_local: bool,
    /// When it was made.
    pub created_at_ms: i64,
}

/// A group.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct GroupRow {
    /// Its id.
    pub id: Text<GroupId>,
    /// Its name.
    pub name: String,
}

/// What a new database begins with.
#[derive(Debug, Clone)]
pub struct Seed {
    /// The one organisation.
    pub organisation: OrganisationId,
    /// Its name.
    pub organisation_name: String,
    /// Its groups; the user belongs to all of them.
    pub groups: Vec<(GroupId, String)>,
    /// The local user.
    pub user: UserId,
    /// The local user's name.
    pub username: String,
    /// Now.
    pub now_ms: i64,
}

/// Organisations, groups and users.
#[async_trait]
pub trait Principals {
    /// Creates organisation, groups and local user in an empty database; does nothing in one that
    /// has a local user. Answers the local user.
    async fn seed(&self, seed: &Seed) -> Result<UserRow, StoreError>;

    /// The user with an id.
    async fn user(&self, user: UserId) -> Result<Option<UserRow>, StoreError>;

    /// The user with a name, whatever its letters' case.
    async fn user_by_name(&self, username: &str) -> Result<Option<UserRow>, StoreError>;

    /// The user that the key in the data folder acts as.
    async fn local_user(&self) -> Result<Option<UserRow>, StoreError>;

    /// Names of a user's groups, sorted.
    async fn groups_of(&self, user: UserId) -> Result<Vec<String>, StoreError>;

    /// An organisation's group by its name.
    async fn group_by_name(
        &self,
        organisation: OrganisationId,
        name: &str,
    ) -> Result<Option<GroupRow>, StoreError>;

    /// Names of an organisation's users and of its groups, sorted; at most `limit` of each.
    async fn names(
        &self,
        organisation: OrganisationId,
        limit: u32,
    ) -> Result<(Vec<String>, Vec<String>), StoreError>;

    /// Creates a user in these groups (by name). [`StoreError::Conflict`] where the name is taken.
    async fn insert_user(&self, user: &UserRow, groups: &[&str]) -> Result<(), StoreError>;

    /// Replaces a password's hash and ends the user's sessions. Answers whether there is one.
    async fn set_password(&self, user: UserId, password_hash: &str) -> Result<bool, StoreError>;

    /// Replaces a user's one-time token.
    async fn set_setup_token(
        &self,
        user: UserId,
        token_hash: &[u8],
        now_ms: i64,
    ) -> Result<(), StoreError>;

    /// Uses up a one-time token: its user gets the name and the password. `None` where the token
    /// is not known or was used; [`StoreError::Conflict`] where the name is taken, and then the
    /// token is not used up.
    async fn claim(
        &self,
        token_hash: &[u8],
        username: &str,
        password_hash: &str,
    ) -> Result<Option<UserRow>, StoreError>;
}

/// The form of a name that is unique.
pub(super) fn username_key(username: &str) -> String {
    username.trim().to_lowercase()
}
