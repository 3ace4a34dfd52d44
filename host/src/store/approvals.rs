//! Approvals: what was asked of a person, and how that ended.

use alcove_core::ids::{
    ApprovalId, ConversationId, ItemId, OrganisationId, ResponseId, UserId, WriterId,
};
use async_trait::async_trait;

use super::{StoreError, Text};

/// A question, waiting or ended.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ApprovalRow {
    /// Its id.
    pub id: Text<ApprovalId>,
    /// The organisation.
    pub organisation_id: Text<OrganisationId>,
    /// Who is asked.
    pub user_id: Text<UserId>,
    /// In which conversation.
    pub conversation_id: Option<Text<ConversationId>>,
    /// Which run waits.
    pub response_id: Text<ResponseId>,
    /// The call's item.
    pub item_id: Text<ItemId>,
    /// `policy`, `flow` or `input`.
    pub kind: String,
    /// The plugin's identity.
    pub plugin: String,
    /// sha256 of the component, in hex.
    pub digest: String,
    /// The tool's name within the plugin.
    pub tool: String,
    /// The grant that the call would run under.
    pub grant_id: String,
    /// Keyed hash over plugin, digest, tool, grant and canonical arguments.
    pub call_hash: Vec<u8>,
    /// When.
    pub asked_at_ms: i64,
    /// How it ended; absent while it waits.
    pub answer: Option<String>,
    /// Who answered; absent where nobody did.
    pub answered_by_id: Option<Text<UserId>>,
    /// When it ended.
    pub answered_at_ms: Option<i64>,
}

/// Questions to people.
#[async_trait]
pub trait Approvals {
    /// Adds a question that waits.
    async fn insert_approval(&self, row: &ApprovalRow) -> Result<(), StoreError>;

    /// A question to a user.
    async fn approval(
        &self,
        user: UserId,
        approval: ApprovalId,
    ) -> Result<Option<ApprovalRow>, StoreError>;

    /// Ends a question. Answers whether it still waited: of two answers at once, one counts.
    async fn end_approval(
        &self,
        approval: ApprovalId,
        answer: &str,
        by: Option<UserId>,
        now_ms: i64,
    ) -> Result<bool, StoreError>;

    /// Whether the user allowed this tool, at this digest and under this grant, for the rest of
    /// the conversation.
    async fn allowed_in_conversation(
        &self,
        user: UserId,
        conversation: ConversationId,
        call: &AllowedCall<'_>,
    ) -> Result<bool, StoreError>;

    /// The questions that a server's runs left waiting.
    async fn waiting_of(&self, writer: WriterId) -> Result<Vec<ApprovalRow>, StoreError>;
}

/// What a yes for a conversation is bound to.
#[derive(Debug, Clone, Copy)]
pub struct AllowedCall<'a> {
    /// The plugin's identity.
    pub plugin: &'a str,
    /// sha256 of the component, in hex.
    pub digest: &'a str,
    /// The tool's name within the plugin.
    pub tool: &'a str,
    /// The grant.
    pub grant: &'a str,
}
