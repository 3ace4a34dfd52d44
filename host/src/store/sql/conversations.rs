//! Queries of [`Conversations`].

use alcove_core::ids::{BranchId, ConversationId, UserId};
use async_trait::async_trait;

use super::keys::insert_row_key;
use super::{Backend, Connection};
use crate::store::{BranchRow, ConversationRow, Conversations, NewConversation, StoreError, Text};

#[async_trait]
impl Conversations for Backend {
    async fn insert_conversation(&self, new: &NewConversation) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        insert_conversation(&mut tx, new).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn conversation(
        &self,
        user: UserId,
        conversation: ConversationId,
    ) -> Result<Option<ConversationRow>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT conversations.*, row_keys.wrapped FROM conversations
             JOIN row_keys ON row_keys.row_id = conversations.id
             WHERE conversations.id = $2 AND conversations.user_id = $1",
        )
        .bind(Text(user))
        .bind(Text(conversation))
        .fetch_optional(self.read())
        .await?)
    }

    async fn conversations(
        &self,
        user: UserId,
        after: Option<(i64, ConversationId)>,
        limit: u32,
    ) -> Result<Vec<ConversationRow>, StoreError> {
        let (time, id) = after.unzip();
        Ok(sqlx::query_as(
            "SELECT conversations.*, row_keys.wrapped FROM conversations
             JOIN row_keys ON row_keys.row_id = conversations.id
             WHERE conversations.user_id = $1
                 AND ($2 IS NULL OR updated_at_ms < $2 OR (updated_at_ms = $2 AND id < $3))
             ORDER BY updated_at_ms DESC, id DESC LIMIT $4",
        )
        .bind(Text(user))
        .bind(time)
        .bind(id.map(Text))
        .bind(i64::from(limit))
        .fetch_all(self.read())
        .await?)
    }

    async fn set_title(
        &self,
        user: UserId,
        conversation: ConversationId,
        title: &[u8],
    ) -> Result<bool, StoreError> {
        let changed =
            sqlx::query("UPDATE conversations SET title = $3 WHERE id = $2 AND user_id = $1")
                .bind(Text(user))
                .bind(Text(conversation))
                .bind(title)
                .execute(self.write())
                .await?;
        Ok(changed.rows_affected() == 1)
    }

    async fn delete_conversation(
        &self,
        user: UserId,
        conversation: ConversationId,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        // The row is locked first, so that no item is appended between the statements below.
        let mine = sqlx::query(
            "UPDATE conversations SET updated_at_ms = updated_at_ms
             WHERE id = $1 AND user_id = $2",
        )
        .bind(Text(conversation))
        .bind(Text(user))
        .execute(&mut *tx)
        .await?;
        if mine.rows_affected() == 0 {
            return Ok(false);
        }
        for statement in [
            "DELETE FROM row_keys WHERE row_id = $1
                 OR row_id IN (SELECT id FROM items WHERE conversation_id = $1)
                 OR row_id IN (SELECT id FROM responses WHERE conversation_id = $1)
                 OR row_id IN (SELECT id FROM checkpoints WHERE conversation_id = $1)
                 OR row_id IN (SELECT id FROM assets WHERE conversation_id = $1)",
            "DELETE FROM checkpoint_packs WHERE checkpoint_id IN
                 (SELECT id FROM checkpoints WHERE conversation_id = $1)",
            "DELETE FROM checkpoints WHERE conversation_id = $1",
            "DELETE FROM assets WHERE conversation_id = $1",
            "DELETE FROM drafts WHERE response_id IN
                 (SELECT id FROM responses WHERE conversation_id = $1)",
            "DELETE FROM idempotency_keys WHERE response_id IN
                 (SELECT id FROM responses WHERE conversation_id = $1)",
            "DELETE FROM approvals WHERE conversation_id = $1",
            "DELETE FROM responses WHERE conversation_id = $1",
            "DELETE FROM call_records WHERE item_id IN
                 (SELECT id FROM items WHERE conversation_id = $1)",
            "DELETE FROM branches WHERE conversation_id = $1",
            "DELETE FROM items WHERE conversation_id = $1",
            "DELETE FROM conversations WHERE id = $1",
        ] {
            sqlx::query(statement)
                .bind(Text(conversation))
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        self.sweep().await;
        Ok(true)
    }

    async fn branch(
        &self,
        user: UserId,
        branch: BranchId,
    ) -> Result<Option<BranchRow>, StoreError> {
        Ok(
            sqlx::query_as("SELECT * FROM branches WHERE id = $2 AND user_id = $1")
                .bind(Text(user))
                .bind(Text(branch))
                .fetch_optional(self.read())
                .await?,
        )
    }

    async fn branches(
        &self,
        user: UserId,
        conversation: ConversationId,
    ) -> Result<Vec<BranchRow>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT * FROM branches WHERE conversation_id = $2 AND user_id = $1
             ORDER BY created_at_ms, id",
        )
        .bind(Text(user))
        .bind(Text(conversation))
        .fetch_all(self.read())
        .await?)
    }

    async fn insert_branch(&self, branch: &BranchRow) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        insert_branch(&mut tx, branch).await?;
        tx.commit().await?;
        Ok(())
    }
}

pub(super) async fn insert_conversation(
    connection: &mut Connection,
    new: &NewConversation,
) -> Result<(), StoreError> {
    insert_row_key(connection, &new.key).await?;
    sqlx::query(
        "INSERT INTO conversations (id, organisation_id, user_id, title, current_branch_id,
             created_at_ms, updated_at_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(Text(new.id))
    .bind(new.branch.organisation_id)
    .bind(new.branch.user_id)
    .bind(&new.title)
    .bind(new.branch.id)
    .bind(new.branch.created_at_ms)
    .bind(new.branch.updated_at_ms)
    .execute(&mut *connection)
    .await?;
    insert_branch(connection, &new.branch).await
}

pub(super) async fn insert_branch(
    connection: &mut Connection,
    branch: &BranchRow,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO branches (id, organisation_id, user_id, conversation_id, name, head_item_id,
             created_at_ms, updated_at_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(branch.id)
    .bind(branch.organisation_id)
    .bind(branch.user_id)
    .bind(branch.conversation_id)
    .bind(&branch.name)
    .bind(branch.head_item_id)
    .bind(branch.created_at_ms)
    .bind(branch.updated_at_ms)
    .execute(connection)
    .await?;
    Ok(())
}
