//! API keys. Only hashes of their secrets are kept.

use alcove_core::ids::{ApiKeyId, OrganisationId, UserId};
use async_trait::async_trait;

use super::{StoreError, Text};

/// An API key.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ApiKeyRow {
    /// Its id.
    pub id: Text<ApiKeyId>,
    /// The organisation.
    pub organisation_id: Text<OrganisationId>,
    /// Who it acts as.
    pub user_id: Text<UserId>,
    /// What it is for.
    pub name: String,
    /// Hash of the secret.
    pub secret_hash: Vec<u8>,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it ends.
    pub expires_at_ms: Option<i64>,
    /// When it was last used, to the minute.
    pub last_used_at_ms: Option<i64>,
    /// What calls with it are narrowed to: a JSON array of policy files.
    pub within: Option<String>,
}

/// API keys.
#[async_trait]
pub trait ApiKeys {
    /// Adds a key, unless the user has `max` that are in force. Answers whether it was added.
    async fn insert_api_key(&self, key: &ApiKeyRow, max: u32) -> Result<bool, StoreError>;

    /// A user's keys that were not revoked, newest first.
    async fn api_keys_of(&self, user: UserId) -> Result<Vec<ApiKeyRow>, StoreError>;

    /// The key with a secret, where it is in force.
    async fn api_key_by_secret(
        &self,
        secret_hash: &[u8],
        now_ms: i64,
    ) -> Result<Option<ApiKeyRow>, StoreError>;

    /// Writes down that a key was used.
    async fn touch_api_key(&self, key: ApiKeyId, now_ms: i64) -> Result<(), StoreError>;

    /// Revokes a user's key. Answers whether there was one in force.
    async fn revoke_api_key(
        &self,
        user: UserId,
        key: ApiKeyId,
        now_ms: i64,
    ) -> Result<bool, StoreError>;
}
