//! Queries of [`Assets`].

use alcove_core::ids::{AssetId, BlobId, UserId};
use async_trait::async_trait;

use super::Backend;
use super::keys::insert_row_key;
use crate::store::{AssetRow, Assets, NewAsset, StoreError, Text};

#[async_trait]
impl Assets for Backend {
    async fn insert_asset(&self, asset: &NewAsset) -> Result<BlobId, StoreError> {
        let mut tx = self.begin().await?;
        let inserted = sqlx::query(
            "INSERT INTO asset_blobs (id, user_id, address, size_bytes) VALUES ($1, $2, $3, $4)
             ON CONFLICT (user_id, address) DO NOTHING",
        )
        .bind(Text(asset.blob))
        .bind(Text(asset.user))
        .bind(&asset.address[..])
        .bind(asset.size_bytes)
        .execute(&mut *tx)
        .await?;
        let blob = if inserted.rows_affected() == 1 {
            insert_row_key(&mut tx, &asset.blob_key).await?;
            asset.blob
        } else {
            let Text(blob) = sqlx::query_scalar(
                "SELECT id FROM asset_blobs WHERE user_id = $1 AND address = $2",
            )
            .bind(Text(asset.user))
            .bind(&asset.address[..])
            .fetch_one(&mut *tx)
            .await?;
            blob
        };
        insert_row_key(&mut tx, &asset.key).await?;
        sqlx::query(
            "INSERT INTO assets (id, organisation_id, user_id, conversation_id, plugin, blob_id,
                 detail, is_kept, created_at_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(Text(asset.id))
        .bind(Text(asset.organisation))
        .bind(Text(asset.user))
        .bind(asset.conversation.map(Text))
        .bind(&asset.plugin)
        .bind(Text(blob))
        .bind(&asset.detail)
        .bind(false)
        .bind(asset.now_ms)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(blob)
    }

    async fn asset(&self, user: UserId, asset: AssetId) -> Result<Option<AssetRow>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT assets.id, assets.conversation_id, assets.blob_id, asset_blobs.size_bytes,
                 assets.detail, own.wrapped, files.wrapped AS blob_wrapped
             FROM assets JOIN asset_blobs ON asset_blobs.id = assets.blob_id
             JOIN row_keys AS own ON own.row_id = assets.id
             JOIN row_keys AS files ON files.row_id = assets.blob_id
             WHERE assets.id = $2 AND assets.user_id = $1",
        )
        .bind(Text(user))
        .bind(Text(asset))
        .fetch_optional(self.read())
        .await?)
    }

    async fn keep_assets(&self, user: UserId, assets: &[AssetId]) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        for asset in assets {
            sqlx::query("UPDATE assets SET is_kept = $3 WHERE id = $2 AND user_id = $1")
                .bind(Text(user))
                .bind(Text(*asset))
                .bind(true)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    async fn drop_assets(&self, user: UserId, assets: &[AssetId]) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        for asset in assets {
            for statement in [
                "DELETE FROM row_keys WHERE row_id IN
                     (SELECT id FROM assets WHERE id = $2 AND user_id = $1 AND NOT is_kept)",
                "DELETE FROM assets WHERE id = $2 AND user_id = $1 AND NOT is_kept",
            ] {
                sqlx::query(statement)
                    .bind(Text(user))
                    .bind(Text(*asset))
                    .execute(&mut *tx)
                    .await?;
            }
        }
        tx.commit().await?;
        Ok(())
    }

    async fn drop_passing_assets(&self, before_ms: i64) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        for statement in [
            "DELETE FROM row_keys WHERE row_id IN
                 (SELECT id FROM assets
                  WHERE (NOT is_kept OR conversation_id IS NULL) AND created_at_ms < $1)",
            "DELETE FROM assets
             WHERE (NOT is_kept OR conversation_id IS NULL) AND created_at_ms < $1",
        ] {
            sqlx::query(statement)
                .bind(before_ms)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    async fn drop_unused_blobs(&self) -> Result<Vec<BlobId>, StoreError> {
        let mut tx = self.begin().await?;
        let unused: Vec<Text<BlobId>> = sqlx::query_scalar(
            "DELETE FROM asset_blobs
             WHERE NOT EXISTS (SELECT 1 FROM assets WHERE assets.blob_id = asset_blobs.id)
             RETURNING id",
        )
        .fetch_all(&mut *tx)
        .await?;
        for blob in &unused {
            sqlx::query("DELETE FROM row_keys WHERE row_id = $1")
                .bind(*blob)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(unused.into_iter().map(|Text(blob)| blob).collect())
    }

    async fn blobs(&self) -> Result<Vec<BlobId>, StoreError> {
        let blobs: Vec<Text<BlobId>> = sqlx::query_scalar("SELECT id FROM asset_blobs")
            .fetch_all(self.read())
            .await?;
        Ok(blobs.into_iter().map(|Text(blob)| blob).collect())
    }
}
