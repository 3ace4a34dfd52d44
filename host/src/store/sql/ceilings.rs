//! Queries of [`Ceilings`].

use alcove_core::ids::{OrganisationId, UserId};
use async_trait::async_trait;

use super::Backend;
use crate::store::{CeilingRow, Ceilings, GrantRequestRow, NewCeiling, StoreError, Text};

#[async_trait]
impl Ceilings for Backend {
    async fn ceilings(&self, organisation: OrganisationId) -> Result<Vec<CeilingRow>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT ceilings.version, ceilings.policy, users.username AS author_username,
                 ceilings.reason, ceilings.created_at_ms
             FROM ceilings JOIN users ON users.id = ceilings.author_id
             WHERE ceilings.organisation_id = $1 ORDER BY ceilings.version",
        )
        .bind(Text(organisation))
        .fetch_all(self.read())
        .await?)
    }

    async fn ceiling(
        &self,
        organisation: OrganisationId,
    ) -> Result<Option<CeilingRow>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT ceilings.version, ceilings.policy, users.username AS author_username,
                 ceilings.reason, ceilings.created_at_ms
             FROM ceilings JOIN users ON users.id = ceilings.author_id
             WHERE ceilings.organisation_id = $1 ORDER BY ceilings.version DESC LIMIT 1",
        )
        .bind(Text(organisation))
        .fetch_optional(self.read())
        .await?)
    }

    async fn set_ceiling(&self, ceiling: &NewCeiling) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO ceilings (organisation_id, version, policy, author_id, reason,
                 created_at_ms)
             SELECT $1, COALESCE(MAX(version), 0) + 1, $2, $3, $4, $5
             FROM ceilings WHERE organisation_id = $1",
        )
        .bind(Text(ceiling.organisation))
        .bind(&ceiling.policy)
        .bind(Text(ceiling.author))
        .bind(&ceiling.reason)
        .bind(ceiling.now_ms)
        .execute(self.write())
        .await?;
        Ok(())
    }

    async fn request_grant(
        &self,
        organisation: OrganisationId,
        user: UserId,
        plugin: &str,
        reason: &str,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO grant_requests (organisation_id, user_id, plugin, reason, created_at_ms)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (organisation_id, user_id, plugin)
             DO UPDATE SET reason = excluded.reason, declined = NULL",
        )
        .bind(Text(organisation))
        .bind(Text(user))
        .bind(plugin)
        .bind(reason)
        .bind(now_ms)
        .execute(self.write())
        .await?;
        Ok(())
    }

    async fn grant_requests(
        &self,
        organisation: OrganisationId,
    ) -> Result<Vec<GrantRequestRow>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT grant_requests.user_id, users.username, grant_requests.plugin,
                 grant_requests.reason, grant_requests.created_at_ms, grant_requests.declined
             FROM grant_requests JOIN users ON users.id = grant_requests.user_id
             WHERE grant_requests.organisation_id = $1
             ORDER BY grant_requests.created_at_ms, grant_requests.plugin",
        )
        .bind(Text(organisation))
        .fetch_all(self.read())
        .await?)
    }

    async fn decline_grant_request(
        &self,
        organisation: OrganisationId,
        user: UserId,
        plugin: &str,
        why: &str,
    ) -> Result<bool, StoreError> {
        let declined = sqlx::query(
            "UPDATE grant_requests SET declined = $4
             WHERE organisation_id = $1 AND user_id = $2 AND plugin = $3 AND declined IS NULL",
        )
        .bind(Text(organisation))
        .bind(Text(user))
        .bind(plugin)
        .bind(why)
        .execute(self.write())
        .await?;
        Ok(declined.rows_affected() == 1)
    }

    async fn close_grant_request(
        &self,
        organisation: OrganisationId,
        user: UserId,
        plugin: &str,
    ) -> Result<bool, StoreError> {
        let closed = sqlx::query(
            "DELETE FROM grant_requests
             WHERE organisation_id = $1 AND user_id = $2 AND plugin = $3",
        )
        .bind(Text(organisation))
        .bind(Text(user))
        .bind(plugin)
        .execute(self.write())
        .await?;
        Ok(closed.rows_affected() == 1)
    }
}
