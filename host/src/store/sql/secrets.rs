//! Queries of [`Secrets`].

use alcove_core::ids::{OrganisationId, UserId};
use async_trait::async_trait;

use super::Backend;
use crate::store::{SecretRow, Secrets, StoreError, Text};

#[async_trait]
impl Secrets for Backend {
    async fn set_secret(&self, secret: &SecretRow, max: u32) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let others: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM secrets
             WHERE organisation_id = $1 AND owner = $2 AND name <> $3",
        )
        .bind(secret.organisation_id)
        .bind(&secret.owner)
        .bind(&secret.name)
        .fetch_one(&mut *tx)
        .await?;
        if others >= i64::from(max) {
            return Ok(false);
        }
        sqlx::query(
            "INSERT INTO secrets
                 (organisation_id, owner, name, value, author_id, created_at_ms, updated_at_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (organisation_id, owner, name) DO UPDATE
             SET value = $4, author_id = $5, updated_at_ms = $7",
        )
        .bind(secret.organisation_id)
        .bind(&secret.owner)
        .bind(&secret.name)
        .bind(&secret.value)
        .bind(secret.author_id)
        .bind(secret.created_at_ms)
        .bind(secret.updated_at_ms)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        self.sweep().await;
        Ok(true)
    }

    async fn secrets_for(
        &self,
        organisation: OrganisationId,
        user: UserId,
    ) -> Result<Vec<SecretRow>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT * FROM secrets WHERE organisation_id = $1 AND owner IN ('', $2)
             ORDER BY name, owner DESC",
        )
        .bind(Text(organisation))
        .bind(Text(user))
        .fetch_all(self.read())
        .await?)
    }

    async fn remove_secret(
        &self,
        organisation: OrganisationId,
        owner: &str,
        name: &str,
    ) -> Result<bool, StoreError> {
        let removed = sqlx::query(
            "DELETE FROM secrets WHERE organisation_id = $1 AND owner = $2 AND name = $3",
        )
        .bind(Text(organisation))
        .bind(owner)
        .bind(name)
        .execute(self.write())
        .await?;
        self.sweep().await;
        Ok(removed.rows_affected() == 1)
    }
}
