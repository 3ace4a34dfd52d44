//! Queries of [`Sessions`].

use alcove_core::ids::UserId;
use async_trait::async_trait;

use super::Backend;
use crate::store::{SessionRow, Sessions, StoreError, Text};

#[async_trait]
impl Sessions for Backend {
    async fn insert_session(&self, session: &SessionRow, keep: u32) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "INSERT INTO web_sessions (token_hash, user_id, created_at_ms, expires_at_ms)
             VALUES ($1, $2, $3, $4)",
        )
        .bind(&session.token_hash)
        .bind(session.user_id)
        .bind(session.created_at_ms)
        .bind(session.expires_at_ms)
        .execute(&mut *tx)
        .await?;
        sqlx::query(
            "DELETE FROM web_sessions WHERE user_id = $1 AND token_hash NOT IN
                 (SELECT token_hash FROM web_sessions WHERE user_id = $1 AND expires_at_ms > $3
                  ORDER BY created_at_ms DESC, token_hash LIMIT $2)",
        )
        .bind(session.user_id)
        .bind(i64::from(keep))
        .bind(session.created_at_ms)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    async fn session(
        &self,
        token_hash: &[u8],
        now_ms: i64,
    ) -> Result<Option<SessionRow>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT * FROM web_sessions WHERE token_hash = $1 AND expires_at_ms > $2",
        )
        .bind(token_hash)
        .bind(now_ms)
        .fetch_optional(self.read())
        .await?)
    }

    async fn extend_session(
        &self,
        token_hash: &[u8],
        expires_at_ms: i64,
    ) -> Result<(), StoreError> {
        sqlx::query("UPDATE web_sessions SET expires_at_ms = $2 WHERE token_hash = $1")
            .bind(token_hash)
            .bind(expires_at_ms)
            .execute(self.write())
            .await?;
        Ok(())
    }

    async fn delete_session(&self, token_hash: &[u8]) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM web_sessions WHERE token_hash = $1")
            .bind(token_hash)
            .execute(self.write())
            .await?;
        Ok(())
    }

    async fn delete_sessions_of(&self, user: UserId) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM web_sessions WHERE user_id = $1")
            .bind(Text(user))
            .execute(self.write())
            .await?;
        Ok(())
    }
}
