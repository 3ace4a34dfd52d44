//! Queries of [`Approvals`].

use alcove_core::ids::{ApprovalId, ConversationId, UserId, WriterId};
use async_trait::async_trait;

use super::Backend;
use crate::store::{AllowedCall, ApprovalRow, Approvals, StoreError, Text};

#[async_trait]
impl Approvals for Backend {
    async fn insert_approval(&self, row: &ApprovalRow) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO approvals (id, organisation_id, user_id, conversation_id, response_id,
                 item_id, kind, plugin, digest, tool, grant_id, call_hash, asked_at_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        )
        .bind(row.id)
        .bind(row.organisation_id)
        .bind(row.user_id)
        .bind(row.conversation_id)
        .bind(row.response_id)
        .bind(row.item_id)
        .bind(&row.kind)
        .bind(&row.plugin)
        .bind(&row.digest)
        .bind(&row.tool)
        .bind(&row.grant_id)
        .bind(&row.call_hash)
        .bind(row.asked_at_ms)
        .execute(self.write())
        .await?;
        Ok(())
    }

    async fn approval(
        &self,
        user: UserId,
        approval: ApprovalId,
    ) -> Result<Option<ApprovalRow>, StoreError> {
        Ok(
            sqlx::query_as("SELECT * FROM approvals WHERE id = $1 AND user_id = $2")
                .bind(Text(approval))
                .bind(Text(user))
                .fetch_optional(self.read())
                .await?,
        )
    }

    async fn end_approval(
        &self,
        approval: ApprovalId,
        answer: &str,
        by: Option<UserId>,
        now_ms: i64,
    ) -> Result<bool, StoreError> {
        let ended = sqlx::query(
            "UPDATE approvals SET answer = $2, answered_by_id = $3, answered_at_ms = $4
             WHERE id = $1 AND answer IS NULL",
        )
        .bind(Text(approval))
        .bind(answer)
        .bind(by.map(Text))
        .bind(now_ms)
        .execute(self.write())
        .await?;
        Ok(ended.rows_affected() == 1)
    }

    async fn allowed_in_conversation(
        &self,
        user: UserId,
        conversation: ConversationId,
        call: &AllowedCall<'_>,
    ) -> Result<bool, StoreError> {
        let found: Option<Text<ApprovalId>> = sqlx::query_scalar(
            "SELECT id FROM approvals
             WHERE user_id = $1 AND conversation_id = $2 AND plugin = $3 AND digest = $4
                 AND tool = $5 AND grant_id = $6 AND kind = 'policy' AND answer = 'conversation'
             LIMIT 1",
        )
        .bind(Text(user))
        .bind(Text(conversation))
        .bind(call.plugin)
        .bind(call.digest)
        .bind(call.tool)
        .bind(call.grant)
        .fetch_optional(self.read())
        .await?;
        Ok(found.is_some())
    }

    async fn waiting_of(&self, writer: WriterId) -> Result<Vec<ApprovalRow>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT approvals.* FROM approvals
             JOIN responses ON responses.id = approvals.response_id
             WHERE responses.writer_id = $1 AND approvals.answer IS NULL
             ORDER BY approvals.id",
        )
        .bind(Text(writer))
        .fetch_all(self.read())
        .await?)
    }
}
