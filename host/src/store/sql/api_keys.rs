//! Queries of [`ApiKeys`].

use alcove_core::ids::{ApiKeyId, UserId};
use async_trait::async_trait;

use super::Backend;
use crate::store::{ApiKeyRow, ApiKeys, StoreError, Text};

#[async_trait]
impl ApiKeys for Backend {
    async fn insert_api_key(&self, key: &ApiKeyRow, max: u32) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let in_force: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM api_keys WHERE user_id = $1 AND revoked_at_ms IS NULL",
        )
        .bind(key.user_id)
        .fetch_one(&mut *tx)
        .await?;
        if in_force >= i64::from(max) {
            return Ok(false);
        }
        sqlx::query(
            "INSERT INTO api_keys
                 (id, organisation_id, user_id, name, secret_hash, created_at_ms, expires_at_ms,
                  within)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(key.id)
        .bind(key.organisation_id)
        .bind(key.user_id)
        .bind(&key.name)
        .bind(&key.secret_hash)
        .bind(key.created_at_ms)
        .bind(key.expires_at_ms)
        .bind(&key.within)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn api_keys_of(&self, user: UserId) -> Result<Vec<ApiKeyRow>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT * FROM api_keys WHERE user_id = $1 AND revoked_at_ms IS NULL
             ORDER BY created_at_ms DESC, id DESC",
        )
        .bind(Text(user))
        .fetch_all(self.read())
        .await?)
    }

    async fn api_key_by_secret(
        &self,
        secret_hash: &[u8],
        now_ms: i64,
    ) -> Result<Option<ApiKeyRow>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT * FROM api_keys WHERE secret_hash = $1 AND revoked_at_ms IS NULL
                 AND (expires_at_ms IS NULL OR expires_at_ms > $2)",
        )
        .bind(secret_hash)
        .bind(now_ms)
        .fetch_optional(self.read())
        .await?)
    }

    async fn touch_api_key(&self, key: ApiKeyId, now_ms: i64) -> Result<(), StoreError> {
        sqlx::query("UPDATE api_keys SET last_used_at_ms = $2 WHERE id = $1")
            .bind(Text(key))
            .bind(now_ms)
            .execute(self.write())
            .await?;
        Ok(())
    }

    async fn revoke_api_key(
        &self,
        user: UserId,
        key: ApiKeyId,
        now_ms: i64,
    ) -> Result<bool, StoreError> {
        let revoked = sqlx::query(
            "UPDATE api_keys SET revoked_at_ms = $3
             WHERE id = $2 AND user_id = $1 AND revoked_at_ms IS NULL",
        )
        .bind(Text(user))
        .bind(Text(key))
        .bind(now_ms)
        .execute(self.write())
        .await?;
        Ok(revoked.rows_affected() == 1)
    }
}
