//! Queries of [`Responses`].

use alcove_core::ids::{BranchId, ConversationId, ItemId, ResponseId, UserId, WriterId};
use async_trait::async_trait;

use super::conversations::{insert_branch, insert_conversation};
use super::items::insert_item;
use super::keys::insert_row_key;
use super::{Backend, Connection};
use crate::store::{
    BeginRows, BeginTarget, DraftRow, EndRow, IdempotencyRow, NewResponse, ResponseRow, Responses,
    Started, StoreError, Text,
};

#[async_trait]
impl Responses for Backend {
    async fn begin_response(&self, rows: &BeginRows) -> Result<Started, StoreError> {
        let mut tx = self.begin().await?;
        let response = &rows.response;
        let place = make_target(&mut tx, &rows.target).await?;
        insert_response(&mut tx, response, place).await?;
        if let Some(key) = &rows.idempotency
            && let Some(existing) = claim_key(&mut tx, response, key).await?
        {
            // Dropping the transaction takes back what was written above.
            return Ok(Started::Existing(existing));
        }
        if let Some((_, branch)) = place {
            for (item, key) in &rows.input {
                insert_item(&mut tx, item, key, branch).await?;
            }
            sqlx::query("UPDATE responses SET input_item_id = $2, head_item_id = $2 WHERE id = $1")
                .bind(Text(response.id))
                .bind(rows.input_head.map(Text))
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(Started::New)
    }

    async fn idempotent(
        &self,
        user: UserId,
        key: &str,
        request_hash: &[u8],
        now_ms: i64,
    ) -> Result<Option<ResponseId>, StoreError> {
        let found: Option<(Text<ResponseId>, Vec<u8>)> = sqlx::query_as(
            "SELECT response_id, request_hash FROM idempotency_keys
             WHERE user_id = $1 AND key = $2 AND expires_at_ms > $3",
        )
        .bind(Text(user))
        .bind(key)
        .bind(now_ms)
        .fetch_optional(self.read())
        .await?;
        match found {
            None => Ok(None),
            Some((response, hash)) if hash == request_hash => Ok(Some(response.0)),
            Some(_) => Err(StoreError::IdempotencyMismatch),
        }
    }

    async fn response(
        &self,
        user: UserId,
        response: ResponseId,
    ) -> Result<Option<ResponseRow>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT responses.*, row_keys.wrapped FROM responses
             LEFT JOIN row_keys ON row_keys.row_id = responses.id
             WHERE responses.id = $2 AND responses.user_id = $1",
        )
        .bind(Text(user))
        .bind(Text(response))
        .fetch_optional(self.read())
        .await?)
    }

    async fn running_in(
        &self,
        user: UserId,
        conversation: ConversationId,
    ) -> Result<Vec<ResponseId>, StoreError> {
        let found: Vec<Text<ResponseId>> = sqlx::query_scalar(
            "SELECT id FROM responses
             WHERE conversation_id = $2 AND user_id = $1 AND finished_at_ms IS NULL
             ORDER BY created_at_ms, id",
        )
        .bind(Text(user))
        .bind(Text(conversation))
        .fetch_all(self.read())
        .await?;
        Ok(found.into_iter().map(|id| id.0).collect())
    }

    async fn running_of(&self, writer: WriterId) -> Result<Vec<ResponseRow>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT responses.*, row_keys.wrapped FROM responses
             LEFT JOIN row_keys ON row_keys.row_id = responses.id
             WHERE responses.writer_id = $1 AND responses.finished_at_ms IS NULL
             ORDER BY responses.created_at_ms, responses.id",
        )
        .bind(Text(writer))
        .fetch_all(self.read())
        .await?)
    }

    async fn end_response(
        &self,
        user: UserId,
        response: ResponseId,
        end: &EndRow,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let ended = end_response(&mut tx, user, response, None, end).await?;
        tx.commit().await?;
        Ok(ended)
    }

    async fn save_draft(&self, user: UserId, draft: &DraftRow) -> Result<bool, StoreError> {
        let saved = sqlx::query(
            "INSERT INTO drafts (item_id, response_id, payload, updated_at_ms)
             SELECT $1, responses.id, $3, $4 FROM responses
             WHERE responses.id = $2 AND responses.user_id = $5
                 AND responses.finished_at_ms IS NULL
                 AND NOT EXISTS (SELECT 1 FROM items WHERE items.id = $1)
             ON CONFLICT (item_id) DO UPDATE
             SET payload = excluded.payload, updated_at_ms = excluded.updated_at_ms
             WHERE drafts.response_id = excluded.response_id",
        )
        .bind(draft.item_id)
        .bind(draft.response_id)
        .bind(&draft.payload)
        .bind(draft.updated_at_ms)
        .bind(Text(user))
        .execute(self.write())
        .await?;
        Ok(saved.rows_affected() == 1)
    }

    async fn drafts(&self, response: ResponseId) -> Result<Vec<DraftRow>, StoreError> {
        Ok(
            sqlx::query_as("SELECT * FROM drafts WHERE response_id = $1 ORDER BY item_id")
                .bind(Text(response))
                .fetch_all(self.read())
                .await?,
        )
    }
}

/// Makes what the target lacks; answers where the items go.
async fn make_target(
    connection: &mut Connection,
    target: &BeginTarget,
) -> Result<Option<(ConversationId, BranchId)>, StoreError> {
    match target {
        BeginTarget::Nothing => Ok(None),
        BeginTarget::Branch(conversation, branch) => Ok(Some((*conversation, *branch))),
        BeginTarget::New(new) => {
            insert_conversation(connection, new).await?;
            Ok(Some((new.id, new.branch.id.0)))
        }
        BeginTarget::Fork(branch) => {
            insert_branch(connection, branch).await?;
            Ok(Some((branch.conversation_id.0, branch.id.0)))
        }
    }
}

async fn insert_response(
    connection: &mut Connection,
    response: &NewResponse,
    place: Option<(ConversationId, BranchId)>,
) -> Result<(), StoreError> {
    let (conversation, branch) = place.unzip();
    let detail = response.detail.as_ref().map(|(detail, _)| detail);
    if let Some((_, key)) = &response.detail {
        insert_row_key(connection, key).await?;
    }
    sqlx::query(
        "INSERT INTO responses (id, organisation_id, user_id, writer_id, conversation_id,
             branch_id, previous_id, status, model, detail, created_at_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(Text(response.id))
    .bind(Text(response.organisation))
    .bind(Text(response.user))
    .bind(Text(response.writer))
    .bind(conversation.map(Text))
    .bind(branch.map(Text))
    .bind(response.previous.map(Text))
    .bind(&response.status)
    .bind(&response.model)
    .bind(detail)
    .bind(response.now_ms)
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes an idempotency key for a response; answers the response that has it already. The user's
/// expired keys are deleted.
async fn claim_key(
    connection: &mut Connection,
    response: &NewResponse,
    key: &IdempotencyRow,
) -> Result<Option<ResponseId>, StoreError> {
    sqlx::query("DELETE FROM idempotency_keys WHERE user_id = $1 AND expires_at_ms <= $2")
        .bind(Text(response.user))
        .bind(response.now_ms)
        .execute(&mut *connection)
        .await?;
    // Two requests at once meet at the row: the second waits for the first's end.
    let taken = sqlx::query(
        "INSERT INTO idempotency_keys (user_id, key, response_id, request_hash, expires_at_ms)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
    )
    .bind(Text(response.user))
    .bind(&key.key)
    .bind(Text(response.id))
    .bind(&key.request_hash)
    .bind(key.expires_at_ms)
    .execute(&mut *connection)
    .await?;
    if taken.rows_affected() == 1 {
        return Ok(None);
    }
    let (existing, hash): (Text<ResponseId>, Vec<u8>) = sqlx::query_as(
        "SELECT response_id, request_hash FROM idempotency_keys WHERE user_id = $1 AND key = $2",
    )
    .bind(Text(response.user))
    .bind(&key.key)
    .fetch_one(connection)
    .await?;
    if hash == key.request_hash {
        Ok(Some(existing.0))
    } else {
        Err(StoreError::IdempotencyMismatch)
    }
}

/// Ends a response that has not ended, and deletes its drafts. Answers whether it had not.
pub(super) async fn end_response(
    connection: &mut Connection,
    user: UserId,
    response: ResponseId,
    head: Option<Text<ItemId>>,
    end: &EndRow,
) -> Result<bool, StoreError> {
    let (input, cached, output) = match end.usage {
        Some((input, cached, output)) => (Some(input), Some(cached), Some(output)),
        None => (None, None, None),
    };
    let ended = sqlx::query(
        "UPDATE responses SET status = $3, input_tokens = $4, cached_tokens = $5,
             output_tokens = $6, detail = COALESCE($7, detail), finished_at_ms = $8,
             head_item_id = COALESCE($9, head_item_id)
         WHERE id = $2 AND user_id = $1 AND finished_at_ms IS NULL",
    )
    .bind(Text(user))
    .bind(Text(response))
    .bind(&end.status)
    .bind(input)
    .bind(cached)
    .bind(output)
    .bind(&end.detail)
    .bind(end.now_ms)
    .bind(head)
    .execute(&mut *connection)
    .await?;
    if ended.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query("DELETE FROM drafts WHERE response_id = $1")
        .bind(Text(response))
        .execute(connection)
        .await?;
    Ok(true)
}
