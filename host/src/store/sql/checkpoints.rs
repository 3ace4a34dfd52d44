//! Queries of [`Checkpoints`].

use alcove_core::ids::{AssetId, BranchId, CheckpointId, ConversationId, UserId};
use async_trait::async_trait;

use super::Backend;
use super::keys::insert_row_key;
use crate::store::{CheckpointRow, Checkpoints, NewCheckpoint, StoreError, Text};

#[async_trait]
impl Checkpoints for Backend {
    async fn insert_checkpoint(&self, new: &NewCheckpoint) -> Result<Option<i64>, StoreError> {
        let mut tx = self.begin().await?;
        // The conversation is locked first: two saved at once get two versions.
        let mine = sqlx::query(
            "UPDATE conversations SET updated_at_ms = updated_at_ms
             WHERE id = $1 AND user_id = $2",
        )
        .bind(Text(new.conversation))
        .bind(Text(new.key.user))
        .execute(&mut *tx)
        .await?;
        if mine.rows_affected() == 0 {
            return Err(StoreError::NoConversation);
        }
        let (count, last): (i64, i64) = sqlx::query_as(
            "SELECT COUNT(*), COALESCE(MAX(CASE WHEN name_hash = $2 THEN version END), 0)
             FROM checkpoints WHERE conversation_id = $1",
        )
        .bind(Text(new.conversation))
        .bind(new.name_hash.as_slice())
        .fetch_one(&mut *tx)
        .await?;
        if count >= new.most {
            return Ok(None);
        }
        insert_row_key(&mut tx, &new.key).await?;
        sqlx::query(
            "INSERT INTO checkpoints (id, organisation_id, user_id, conversation_id, name_hash,
                 version, label, manifest, created_at_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(Text(new.id))
        .bind(Text(new.organisation))
        .bind(Text(new.key.user))
        .bind(Text(new.conversation))
        .bind(new.name_hash.as_slice())
        .bind(last + 1)
        .bind(&new.label)
        .bind(&new.manifest)
        .bind(new.now_ms)
        .execute(&mut *tx)
        .await?;
        for pack in &new.packs {
            sqlx::query("INSERT INTO checkpoint_packs (checkpoint_id, asset_id) VALUES ($1, $2)")
                .bind(Text(new.id))
                .bind(Text(*pack))
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(Some(last + 1))
    }

    async fn checkpoint(
        &self,
        user: UserId,
        checkpoint: CheckpointId,
    ) -> Result<Option<CheckpointRow>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT checkpoints.id, conversation_id, version, label, created_at_ms, wrapped
             FROM checkpoints JOIN row_keys ON row_keys.row_id = checkpoints.id
             WHERE checkpoints.id = $2 AND checkpoints.user_id = $1",
        )
        .bind(Text(user))
        .bind(Text(checkpoint))
        .fetch_optional(self.read())
        .await?)
    }

    async fn checkpoint_manifest(
        &self,
        user: UserId,
        checkpoint: CheckpointId,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(
            sqlx::query_scalar("SELECT manifest FROM checkpoints WHERE id = $2 AND user_id = $1")
                .bind(Text(user))
                .bind(Text(checkpoint))
                .fetch_optional(self.read())
                .await?,
        )
    }

    async fn checkpoint_named(
        &self,
        user: UserId,
        conversation: ConversationId,
        name_hash: &[u8],
        version: Option<i64>,
    ) -> Result<Option<CheckpointRow>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT checkpoints.id, conversation_id, version, label, created_at_ms, wrapped
             FROM checkpoints JOIN row_keys ON row_keys.row_id = checkpoints.id
             WHERE checkpoints.user_id = $1 AND conversation_id = $2 AND name_hash = $3
                 AND ($4 IS NULL OR version = $4)
             ORDER BY version DESC LIMIT 1",
        )
        .bind(Text(user))
        .bind(Text(conversation))
        .bind(name_hash)
        .bind(version)
        .fetch_optional(self.read())
        .await?)
    }

    async fn checkpoints(
        &self,
        user: UserId,
        conversation: ConversationId,
    ) -> Result<Vec<CheckpointRow>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT checkpoints.id, conversation_id, version, label, created_at_ms, wrapped
             FROM checkpoints JOIN row_keys ON row_keys.row_id = checkpoints.id
             WHERE checkpoints.user_id = $1 AND conversation_id = $2
             ORDER BY created_at_ms DESC, checkpoints.id DESC",
        )
        .bind(Text(user))
        .bind(Text(conversation))
        .fetch_all(self.read())
        .await?)
    }

    async fn delete_checkpoint(
        &self,
        user: UserId,
        checkpoint: CheckpointId,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let mine = sqlx::query("DELETE FROM row_keys WHERE row_id = $1 AND user_id = $2")
            .bind(Text(checkpoint))
            .bind(Text(user))
            .execute(&mut *tx)
            .await?;
        if mine.rows_affected() == 0 {
            return Ok(false);
        }
        let packs: Vec<Text<AssetId>> = sqlx::query_scalar(
            "DELETE FROM checkpoint_packs WHERE checkpoint_id = $1 RETURNING asset_id",
        )
        .bind(Text(checkpoint))
        .fetch_all(&mut *tx)
        .await?;
        sqlx::query("DELETE FROM checkpoints WHERE id = $1")
            .bind(Text(checkpoint))
            .execute(&mut *tx)
            .await?;
        for pack in packs {
            let unused = sqlx::query(
                "DELETE FROM assets WHERE id = $1
                     AND NOT EXISTS (SELECT 1 FROM checkpoint_packs WHERE asset_id = $1)",
            )
            .bind(pack)
            .execute(&mut *tx)
            .await?;
            if unused.rows_affected() > 0 {
                sqlx::query("DELETE FROM row_keys WHERE row_id = $1")
                    .bind(pack)
                    .execute(&mut *tx)
                    .await?;
            }
        }
        tx.commit().await?;
        self.sweep().await;
        Ok(true)
    }

    async fn set_current_branch(
        &self,
        user: UserId,
        conversation: ConversationId,
        branch: BranchId,
        now_ms: i64,
    ) -> Result<bool, StoreError> {
        let set = sqlx::query(
            "UPDATE conversations SET current_branch_id = $3, updated_at_ms = $4
             WHERE id = $2 AND user_id = $1
                 AND EXISTS (SELECT 1 FROM branches WHERE id = $3 AND conversation_id = $2)",
        )
        .bind(Text(user))
        .bind(Text(conversation))
        .bind(Text(branch))
        .bind(now_ms)
        .execute(self.write())
        .await?;
        Ok(set.rows_affected() == 1)
    }
}
