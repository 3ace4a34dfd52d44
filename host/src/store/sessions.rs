//! Web sessions. Only hashes of their tokens are kept.

use alcove_core::ids::UserId;
use async_trait::async_trait;

use super::{StoreError, Text};

/// A web session.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct SessionRow {
    /// Hash of the token in the cookie.
    pub token_hash: Vec<u8>,
    /// Who signed in.
    pub user_id: Text<UserId>,
    /// When.
    pub created_at_ms: i64,
    /// When it ends.
    pub expires_at_ms: i64,
}

/// Web sessions.
#[async_trait]
pub trait Sessions {
    /// Begins a session. The user's expired ones are deleted, and at most `keep` remain; the
    /// oldest end.
    async fn insert_session(&self, session: &SessionRow, keep: u32) -> Result<(), StoreError>;

    /// A session that has not expired.
    async fn session(
        &self,
        token_hash: &[u8],
        now_ms: i64,
    ) -> Result<Option<SessionRow>, StoreError>;

    /// Moves a session's end.
    async fn extend_session(&self, token_hash: &[u8], expires_at_ms: i64)
    -> Result<(), StoreError>;

    /// Ends a session.
    async fn delete_session(&self, token_hash: &[u8]) -> Result<(), StoreError>;

    /// Ends all sessions of a user.
    async fn delete_sessions_of(&self, user: UserId) -> Result<(), StoreError>;
}
