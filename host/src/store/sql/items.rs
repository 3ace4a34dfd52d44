//! Queries of [`Items`].

use alcove_core::ids::{BranchId, ConversationId, ItemId, ResponseId, UserId};
use async_trait::async_trait;

use super::keys::insert_row_key;
use super::responses::end_response;
use super::{Backend, Connection};
use crate::store::{AppendRows, ItemRow, Items, SealedItem, StoreError, Text, WrappedRowKey};

#[async_trait]
impl Items for Backend {
    async fn append(&self, rows: &AppendRows) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let item = &rows.item;
        // The branch comes first: it is what two writers would meet at.
        insert_item(&mut tx, item, &rows.key, rows.branch).await?;
        if let Some(record) = &rows.record {
            sqlx::query("INSERT INTO call_records (item_id, record) VALUES ($1, $2)")
                .bind(item.id)
                .bind(record)
                .execute(&mut *tx)
                .await?;
        }
        sqlx::query("DELETE FROM drafts WHERE item_id = $1")
            .bind(item.id)
            .execute(&mut *tx)
            .await?;
        if let Some(Text(response)) = item.response_id {
            let user = item.user_id.0;
            let is_open = match &rows.end {
                Some(end) => end_response(&mut tx, user, response, Some(item.id), end).await?,
                None => advance_response(&mut tx, user, response, item.id.0).await?,
            };
            if !is_open {
                return Err(StoreError::Ended);
            }
        }
        tx.commit().await?;
        Ok(())
    }

    async fn item(&self, user: UserId, item: ItemId) -> Result<Option<SealedItem>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT items.*, row_keys.wrapped FROM items
             LEFT JOIN row_keys ON row_keys.row_id = items.id
             WHERE items.id = $2 AND items.user_id = $1",
        )
        .bind(Text(user))
        .bind(Text(item))
        .fetch_optional(self.read())
        .await?)
    }

    async fn path(&self, user: UserId, head: ItemId) -> Result<Vec<SealedItem>, StoreError> {
        Ok(sqlx::query_as(
            "WITH RECURSIVE path (id, parent_id) AS (
                 SELECT id, parent_id FROM items WHERE id = $2 AND user_id = $1
                 UNION ALL
                 SELECT items.id, items.parent_id FROM items
                 JOIN path ON items.id = path.parent_id
             )
             SELECT items.*, row_keys.wrapped FROM path
             JOIN items ON items.id = path.id
             LEFT JOIN row_keys ON row_keys.row_id = items.id
             ORDER BY items.depth",
        )
        .bind(Text(user))
        .bind(Text(head))
        .fetch_all(self.read())
        .await?)
    }

    async fn items_of_conversation(
        &self,
        user: UserId,
        conversation: ConversationId,
    ) -> Result<Vec<SealedItem>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT items.*, row_keys.wrapped FROM items
             LEFT JOIN row_keys ON row_keys.row_id = items.id
             WHERE items.conversation_id = $2 AND items.user_id = $1
             ORDER BY items.depth, items.id",
        )
        .bind(Text(user))
        .bind(Text(conversation))
        .fetch_all(self.read())
        .await?)
    }

    async fn record(&self, user: UserId, item: ItemId) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(sqlx::query_scalar(
            "SELECT record FROM call_records JOIN items ON items.id = call_records.item_id
             WHERE items.id = $2 AND items.user_id = $1",
        )
        .bind(Text(user))
        .bind(Text(item))
        .fetch_optional(self.read())
        .await?)
    }
}

/// Inserts an item and makes it the head of a branch, whose head must be the item's parent.
pub(super) async fn insert_item(
    connection: &mut Connection,
    item: &ItemRow,
    key: &WrappedRowKey,
    branch: BranchId,
) -> Result<(), StoreError> {
    // The conversation is locked first, as deleting it does, so that neither waits for the other.
    let conversation = sqlx::query(
        "UPDATE conversations SET updated_at_ms = $3, current_branch_id = $4
         WHERE id = $2 AND user_id = $1",
    )
    .bind(item.user_id)
    .bind(item.conversation_id)
    .bind(item.created_at_ms)
    .bind(Text(branch))
    .execute(&mut *connection)
    .await?;
    if conversation.rows_affected() == 0 {
        return Err(StoreError::NoConversation);
    }
    insert_row_key(connection, key).await?;
    sqlx::query(
        "INSERT INTO items (id, organisation_id, user_id, conversation_id, parent_id, response_id,
             depth, kind, payload, hash, created_at_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(item.id)
    .bind(item.organisation_id)
    .bind(item.user_id)
    .bind(item.conversation_id)
    .bind(item.parent_id)
    .bind(item.response_id)
    .bind(item.depth)
    .bind(&item.kind)
    .bind(&item.payload)
    .bind(&item.hash)
    .bind(item.created_at_ms)
    .execute(&mut *connection)
    .await?;
    let moved = sqlx::query(
        "UPDATE branches SET head_item_id = $3, updated_at_ms = $4
         WHERE id = $1 AND conversation_id = $2 AND head_item_id IS NOT DISTINCT FROM $5",
    )
    .bind(Text(branch))
    .bind(item.conversation_id)
    .bind(item.id)
    .bind(item.created_at_ms)
    .bind(item.parent_id)
    .execute(connection)
    .await?;
    match moved.rows_affected() {
        0 => Err(StoreError::BranchMoved),
        _ => Ok(()),
    }
}

/// Moves the head of a response that is being produced. Answers whether it is.
async fn advance_response(
    connection: &mut Connection,
    user: UserId,
    response: ResponseId,
    head: ItemId,
) -> Result<bool, StoreError> {
    let advanced = sqlx::query(
        "UPDATE responses SET head_item_id = $3
         WHERE id = $2 AND user_id = $1 AND finished_at_ms IS NULL",
    )
    .bind(Text(user))
    .bind(Text(response))
    .bind(Text(head))
    .execute(connection)
    .await?;
    Ok(advanced.rows_affected() == 1)
}
