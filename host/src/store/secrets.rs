//! Secrets that the host puts into requests of plugins, sealed.

use alcove_core::ids::{OrganisationId, UserId};
use async_trait::async_trait;

use super::{StoreError, Text};

/// A secret. Only [`crate::secrets`] can open its value.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct SecretRow {
    /// The organisation.
    pub organisation_id: Text<OrganisationId>,
    /// The id of the user whose own it is; empty for the organisation's.
    pub owner: String,
    /// Its name.
    pub name: String,
    /// Its sealed value.
    pub value: Vec<u8>,
    /// Who set it last.
    pub author_id: Text<UserId>,
    /// When it was first set.
    pub created_at_ms: i64,
    /// When it was set last.
    pub updated_at_ms: i64,
}

/// Secrets.
#[async_trait]
pub trait Secrets {
    /// Sets a secret, whether it is there or not, unless its owner has `max` others. Answers
    /// whether it was set.
    async fn set_secret(&self, secret: &SecretRow, max: u32) -> Result<bool, StoreError>;

    /// The organisation's secrets and one user's own, by name; the user's before the
    /// organisation's of the same name.
    async fn secrets_for(
        &self,
        organisation: OrganisationId,
        user: UserId,
    ) -> Result<Vec<SecretRow>, StoreError>;

    /// Removes a secret; `owner` is as in [`SecretRow`]. Answers whether it was there.
    async fn remove_secret(
        &self,
        organisation: OrganisationId,
        owner: &str,
        name: &str,
    ) -> Result<bool, StoreError>;
}
