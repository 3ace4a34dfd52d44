//! Queries of [`Keys`].

use alcove_core::ids::{ItemId, UserId};
use async_trait::async_trait;
use sqlx::QueryBuilder;

use super::{Backend, Connection};
use crate::store::{Keys, StoreError, Text, WrappedRowKey};

#[async_trait]
impl Keys for Backend {
    async fn user_key(&self, user: UserId) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(
            sqlx::query_scalar("SELECT wrapped FROM user_keys WHERE user_id = $1")
                .bind(Text(user))
                .fetch_optional(self.read())
                .await?,
        )
    }

    async fn set_user_key_once(
        &self,
        user: UserId,
        wrapped: &[u8],
        now_ms: i64,
    ) -> Result<Vec<u8>, StoreError> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "INSERT INTO user_keys (user_id, wrapped, created_at_ms) VALUES ($1, $2, $3)
             ON CONFLICT DO NOTHING",
        )
        .bind(Text(user))
        .bind(wrapped)
        .bind(now_ms)
        .execute(&mut *tx)
        .await?;
        let stored = sqlx::query_scalar("SELECT wrapped FROM user_keys WHERE user_id = $1")
            .bind(Text(user))
            .fetch_one(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(stored)
    }

    async fn has_user_keys(&self) -> Result<bool, StoreError> {
        let any: Option<String> = sqlx::query_scalar("SELECT user_id FROM user_keys LIMIT 1")
            .fetch_optional(self.read())
            .await?;
        Ok(any.is_some())
    }

    async fn row_key(&self, row: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(
            sqlx::query_scalar("SELECT wrapped FROM row_keys WHERE row_id = $1")
                .bind(row)
                .fetch_optional(self.read())
                .await?,
        )
    }

    async fn forget_item(&self, user: UserId, item: ItemId) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let forgotten = sqlx::query(
            "DELETE FROM row_keys WHERE row_id = $1 AND user_id = $2
                 AND EXISTS (SELECT 1 FROM items WHERE id = $1)",
        )
        .bind(Text(item))
        .bind(Text(user))
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if forgotten == 1 {
            sqlx::query("DELETE FROM call_records WHERE item_id = $1")
                .bind(Text(item))
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        self.sweep().await;
        Ok(forgotten == 1)
    }

    async fn erase_user(&self, user: UserId) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        for statement in [
            "DELETE FROM state_entries WHERE user_id = $1",
            "DELETE FROM state_spaces WHERE user_id = $1",
            "DELETE FROM checkpoint_packs WHERE checkpoint_id IN
                 (SELECT id FROM checkpoints WHERE user_id = $1)",
            "DELETE FROM checkpoints WHERE user_id = $1",
            "DELETE FROM assets WHERE user_id = $1",
            "DELETE FROM asset_blobs WHERE user_id = $1",
            "DELETE FROM row_keys WHERE user_id = $1",
            "DELETE FROM user_keys WHERE user_id = $1",
            "DELETE FROM drafts WHERE response_id IN
                 (SELECT id FROM responses WHERE user_id = $1)",
            "DELETE FROM call_records WHERE item_id IN (SELECT id FROM items WHERE user_id = $1)",
        ] {
            sqlx::query(statement)
                .bind(Text(user))
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        self.sweep().await;
        Ok(())
    }
}

/// Stores a new row's key. A row never gets a second one.
pub(super) async fn insert_row_key(
    connection: &mut Connection,
    key: &WrappedRowKey,
) -> Result<(), StoreError> {
    insert_row_keys(connection, std::iter::once(key)).await
}

/// The same for several rows.
pub(super) async fn insert_row_keys(
    connection: &mut Connection,
    keys: impl Iterator<Item = &WrappedRowKey>,
) -> Result<(), StoreError> {
    let mut query = QueryBuilder::new("INSERT INTO row_keys (row_id, user_id, wrapped) ");
    query.push_values(keys, |mut values, key| {
        values
            .push_bind(&key.row)
            .push_bind(Text(key.user))
            .push_bind(&key.wrapped);
    });
    query.build().execute(connection).await?;
    Ok(())
}
