//! Ceilings of organisations, and what people ask to be granted.

use alcove_core::ids::{OrganisationId, UserId};
use async_trait::async_trait;

use super::{StoreError, Text};

/// A version of an organisation's ceiling.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct CeilingRow {
    /// 1, 2, 3, …
    pub version: i64,
    /// Its text; empty where it was taken away.
    pub policy: String,
    /// The name of whoever set it.
    pub author_username: String,
    /// Why.
    pub reason: String,
    /// When.
    pub created_at_ms: i64,
}

/// A ceiling to be set.
#[derive(Debug, Clone)]
pub struct NewCeiling {
    /// Whose.
    pub organisation: OrganisationId,
    /// Its text; empty to take it away.
    pub policy: String,
    /// Who sets it.
    pub author: UserId,
    /// Why.
    pub reason: String,
    /// Now.
    pub now_ms: i64,
}

/// A request for a plugin that nobody has decided on, or that was declined.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct GrantRequestRow {
    /// Who asks.
    pub user_id: Text<UserId>,
    /// That user's name.
    pub username: String,
    /// For which plugin.
    pub plugin: String,
    /// Why.
    pub reason: String,
    /// When.
    pub created_at_ms: i64,
    /// Why it was declined; absent while nobody has decided.
    pub declined: Option<String>,
}

/// Ceilings and requests.
#[async_trait]
pub trait Ceilings {
    /// Every version of an organisation's ceiling, the one that holds last.
    async fn ceilings(&self, organisation: OrganisationId) -> Result<Vec<CeilingRow>, StoreError>;

    /// The version that holds.
    async fn ceiling(&self, organisation: OrganisationId)
    -> Result<Option<CeilingRow>, StoreError>;

    /// Adds a version. [`StoreError::Conflict`] where another came at the same moment.
    async fn set_ceiling(&self, ceiling: &NewCeiling) -> Result<(), StoreError>;

    /// Asks for a plugin; asking again changes the reason, and opens what was declined.
    async fn request_grant(
        &self,
        organisation: OrganisationId,
        user: UserId,
        plugin: &str,
        reason: &str,
        now_ms: i64,
    ) -> Result<(), StoreError>;

    /// What is asked for or was declined, oldest first.
    async fn grant_requests(
        &self,
        organisation: OrganisationId,
    ) -> Result<Vec<GrantRequestRow>, StoreError>;

    /// Declines an open request; answers whether there was one.
    async fn decline_grant_request(
        &self,
        organisation: OrganisationId,
        user: UserId,
        plugin: &str,
        why: &str,
    ) -> Result<bool, StoreError>;

    /// Takes a request off the list; answers whether there was one.
    async fn close_grant_request(
        &self,
        organisation: OrganisationId,
        user: UserId,
        plugin: &str,
    ) -> Result<bool, StoreError>;
}
