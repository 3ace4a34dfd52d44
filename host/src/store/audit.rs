//! The audit log: one hash chain per writer, never changed and never deleted from.

use alcove_core::ids::{ConversationId, ItemId, OrganisationId, UserId, WriterId};
use async_trait::async_trait;

use super::{Spent, StoreError, Text, WrappedRowKey};

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct AuditRow {
    /// Whose chain it is in.
    pub writer_id: Text<WriterId>,
    /// Its place in the chain: 1, 2, 3, …
    pub seq: i64,
    /// When.
    pub at_ms: i64,
    /// The organisation.
    pub organisation_id: Text<OrganisationId>,
    /// Who acted.
    pub user_id: Text<UserId>,
    /// What was done, such as `tool_call`.
    pub action: String,
    /// To what, such as `alcove/python`.
    pub subject: String,
    /// How it ended.
    pub outcome: String,
    /// In which conversation.
    pub conversation_id: Option<Text<ConversationId>>,
    /// The item that shows it.
    pub item_id: Option<Text<ItemId>>,
    /// The rest, sealed with a key of the row's own.
    pub detail: Vec<u8>,
    /// The hash of the entry before; empty for the first.
    pub prev_hash: Vec<u8>,
    /// Keyed hash over everything above.
    pub hash: Vec<u8>,
}

/// What to look for in the audit log. What is absent does not matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditFilter {
    /// Whose log.
    pub organisation: OrganisationId,
    /// The name of the account that acted, in any letters' case.
    pub username: Option<String>,
    /// What was done.
    pub action: Option<String>,
    /// To what.
    pub subject: Option<String>,
    /// How it ended.
    pub outcome: Option<String>,
    /// About which item.
    pub item: Option<ItemId>,
    /// Not before.
    pub since_ms: Option<i64>,
    /// Before.
    pub until_ms: Option<i64>,
}

/// A place in the audit log, ordered by time: what comes before it is older.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditPlace {
    /// When.
    pub at_ms: i64,
    /// The chain.
    pub writer: WriterId,
    /// The place in it.
    pub seq: i64,
}

/// An entry as it is found, with its key.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct FoundAudit {
    /// The entry.
    #[sqlx(flatten)]
    pub row: AuditRow,
    /// The name of the account that acted.
    pub username: Option<String>,
    /// The row's key, wrapped; absent where the user was erased.
    pub wrapped: Option<Vec<u8>>,
}

/// Entries that are written in one transaction, with what is counted of them.
#[derive(Debug, Clone, Default)]
pub struct AuditBatch {
    /// The entries, in the order of their places in the chain, each with its key.
    pub entries: Vec<(AuditRow, WrappedRowKey)>,
    /// What the ledger counts.
    pub spent: Vec<Spent>,
}

/// The audit log.
#[async_trait]
pub trait Audit {
    /// The last place and hash of a writer's chain.
    async fn audit_tail(&self, writer: WriterId) -> Result<Option<(i64, Vec<u8>)>, StoreError>;

    /// Appends entries, all or none. [`StoreError::Conflict`] where a place is taken.
    async fn append_audit(&self, batch: &AuditBatch) -> Result<(), StoreError>;

    /// A piece of a writer's chain, in order, after a place.
    async fn audit_chain(
        &self,
        writer: WriterId,
        after_seq: i64,
        limit: u32,
    ) -> Result<Vec<AuditRow>, StoreError>;

    /// Entries that fit, the latest first, that are older than a place.
    async fn search_audit(
        &self,
        filter: &AuditFilter,
        before: Option<AuditPlace>,
        limit: u32,
    ) -> Result<Vec<FoundAudit>, StoreError>;

    /// All writers that have a chain.
    async fn audit_writers(&self) -> Result<Vec<WriterId>, StoreError>;
}
