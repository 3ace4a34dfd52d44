//! Responses: one run of the turn each, with its drafts and its idempotency key.

use alcove_core::ids::{
    BranchId, ConversationId, ItemId, OrganisationId, ResponseId, UserId, WriterId,
};
use async_trait::async_trait;

use super::{BranchRow, ItemRow, NewConversation, StoreError, Text, WrappedRowKey};

/// A response, with its row's key.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ResponseRow {
    /// Its id.
    pub id: Text<ResponseId>,
    /// The organisation.
    pub organisation_id: Text<OrganisationId>,
    /// Whose it is.
    pub user_id: Text<UserId>,
    /// The server that produces it.
    pub writer_id: Text<WriterId>,
    /// The conversation; absent where nothing is kept but usage.
    pub conversation_id: Option<Text<ConversationId>>,
    /// The branch that it grows.
    pub branch_id: Option<Text<BranchId>>,
    /// The response that it goes on from.
    pub previous_id: Option<Text<ResponseId>>,
    /// The last input item.
    pub input_item_id: Option<Text<ItemId>>,
    /// The last item, input or output.
    pub head_item_id: Option<Text<ItemId>>,
    /// A name of `ResponseStatus`.
    pub status: String,
    /// The model.
    pub model: String,
    /// Tokens of all prompts.
    pub input_tokens: Option<i64>,
    /// Of those, from the prefix cache.
    pub cached_tokens: Option<i64>,
    /// Tokens that were generated.
    pub output_tokens: Option<i64>,
    /// Request and error, sealed.
    pub detail: Option<Vec<u8>>,
    /// When it began.
    pub created_at_ms: i64,
    /// When it ended.
    pub finished_at_ms: Option<i64>,
    /// The row's key, wrapped; absent where nothing is kept, or the user was erased.
    pub wrapped: Option<Vec<u8>>,
}

/// What of an item there is so far.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct DraftRow {
    /// The item that it will be.
    pub item_id: Text<ItemId>,
    /// The response that produces it.
    pub response_id: Text<ResponseId>,
    /// Sealed with the response's key.
    pub payload: Vec<u8>,
    /// When it was written.
    pub updated_at_ms: i64,
}

/// A response to be begun.
#[derive(Debug, Clone)]
pub struct NewResponse {
    /// Its id.
    pub id: ResponseId,
    /// The organisation.
    pub organisation: OrganisationId,
    /// Whose it is.
    pub user: UserId,
    /// The server that produces it.
    pub writer: WriterId,
    /// The response that it goes on from.
    pub previous: Option<ResponseId>,
    /// A name of `ResponseStatus`.
    pub status: String,
    /// The model.
    pub model: String,
    /// Request, sealed, with the row's key.
    pub detail: Option<(Vec<u8>, WrappedRowKey)>,
    /// Now.
    pub now_ms: i64,
}

/// Where the items of a response go.
#[derive(Debug, Clone)]
pub enum BeginTarget {
    /// Nowhere: nothing is kept but usage.
    Nothing,
    /// A new conversation, on its first branch.
    New(NewConversation),
    /// A branch that is there.
    Branch(ConversationId, BranchId),
    /// A new branch of a conversation that is there.
    Fork(BranchRow),
}

/// A key under which a retried request finds the same response.
#[derive(Debug, Clone)]
pub struct IdempotencyRow {
    /// The client's key.
    pub key: String,
    /// Hash of the request.
    pub request_hash: Vec<u8>,
    /// When the key may be used anew.
    pub expires_at_ms: i64,
}

/// What beginning a response writes, all of it or nothing.
#[derive(Debug, Clone)]
pub struct BeginRows {
    /// The response.
    pub response: NewResponse,
    /// Where its items go.
    pub target: BeginTarget,
    /// The last item before the response's output: the last input item, or the branch's head.
    pub input_head: Option<ItemId>,
    /// Its input, each the parent of the next.
    pub input: Vec<(ItemRow, WrappedRowKey)>,
    /// The client's key for retries.
    pub idempotency: Option<IdempotencyRow>,
}

/// What beginning a response found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Started {
    /// The response has begun.
    New,
    /// The same request began this response before; nothing was written.
    Existing(ResponseId),
}

/// How a response ends.
#[derive(Debug, Clone)]
pub struct EndRow {
    /// A name of `ResponseStatus`.
    pub status: String,
    /// Input, cached and output tokens.
    pub usage: Option<(i64, i64, i64)>,
    /// Request and error, sealed; unchanged where absent.
    pub detail: Option<Vec<u8>>,
    /// Now.
    pub now_ms: i64,
}

/// Responses, drafts and idempotency keys.
#[async_trait]
pub trait Responses {
    /// Begins a response. [`StoreError::IdempotencyMismatch`] where the key belongs to another
    /// request; errors of [`super::Items::append`] besides.
    async fn begin_response(&self, rows: &BeginRows) -> Result<Started, StoreError>;

    /// The response that an idempotency key in force belongs to.
    async fn idempotent(
        &self,
        user: UserId,
        key: &str,
        request_hash: &[u8],
        now_ms: i64,
    ) -> Result<Option<ResponseId>, StoreError>;

    /// A user's response.
    async fn response(
        &self,
        user: UserId,
        response: ResponseId,
    ) -> Result<Option<ResponseRow>, StoreError>;

    /// The responses of a conversation that have not ended, oldest first.
    async fn running_in(
        &self,
        user: UserId,
        conversation: ConversationId,
    ) -> Result<Vec<ResponseId>, StoreError>;

    /// All responses of a server that have not ended.
    async fn running_of(&self, writer: WriterId) -> Result<Vec<ResponseRow>, StoreError>;

    /// Ends a response and deletes its drafts. Answers whether it had not ended before.
    async fn end_response(
        &self,
        user: UserId,
        response: ResponseId,
        end: &EndRow,
    ) -> Result<bool, StoreError>;

    /// Writes a draft over the one before. Answers `false`, and writes nothing, where the response
    /// has ended or the item was appended.
    async fn save_draft(&self, user: UserId, draft: &DraftRow) -> Result<bool, StoreError>;

    /// A response's drafts, in the order of their items.
    async fn drafts(&self, response: ResponseId) -> Result<Vec<DraftRow>, StoreError>;
}
