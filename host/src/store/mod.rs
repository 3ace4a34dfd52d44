//! What the server keeps in a relational database: SQLite, or PostgreSQL once users outgrow one
//! machine. Both stand behind [`Store`], and one conformance suite runs on both.
//!
//! One file per aggregate holds a trait and its rows; `sql/` holds the queries under the same
//! names. The queries are the same text for both databases, so each file in `sql/` is compiled
//! twice: as a module of `sqlite` and as a module of `postgres`, which say what `Backend` and
//! `Connection` are. Rows are sealed: only [`log::ItemLog`] sees what they say.

mod api_keys;
mod approvals;
mod assets;
mod audit;
mod bindings;
mod ceilings;
mod checkpoints;
mod conversations;
mod error;
mod items;
mod keys;
mod ledger;
pub mod log;
mod plugin_state;
mod postgres;
mod principals;
mod responses;
mod secrets;
mod sessions;
mod sqlite;
mod text;
pub mod wire;
mod wire_parts;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;

pub use api_keys::{ApiKeyRow, ApiKeys};
pub use approvals::{AllowedCall, ApprovalRow, Approvals};
pub use assets::{AssetRow, Assets, NewAsset};
pub use audit::{Audit, AuditBatch, AuditFilter, AuditPlace, AuditRow, FoundAudit};
pub use bindings::{BindingRow, Bindings, NewBinding, Subject};
pub use ceilings::{CeilingRow, Ceilings, GrantRequestRow, NewCeiling};
pub use checkpoints::{CheckpointRow, Checkpoints, NewCheckpoint};
pub use conversations::{BranchRow, ConversationRow, Conversations, NewConversation};
pub use error::StoreError;
pub use items::{AppendRows, ItemRow, Items, SealedItem, WrappedRowKey};
pub use keys::Keys;
pub use ledger::{Balance, Ledger, LedgerAccount, NewReservation, Reserved, Short, Spent};
pub use plugin_state::{Expected, NewState, PluginState, StateChange, StateChanged, StateRow};
pub use postgres::PostgresStore;
pub use principals::{GroupRow, Principals, Seed, UserRow};
pub use responses::{
    BeginRows, BeginTarget, DraftRow, EndRow, IdempotencyRow, NewResponse, ResponseRow, Responses,
    Started,
};
pub use secrets::{SecretRow, Secrets};
pub use sessions::{SessionRow, Sessions};
pub use sqlite::{SqliteOptions, SqliteStore};
pub use text::Text;

/// Everything that is kept in rows.
#[async_trait]
pub trait Store:
    Principals
    + Sessions
    + ApiKeys
    + Keys
    + Conversations
    + Items
    + Responses
    + Bindings
    + Ceilings
    + Checkpoints
    + Secrets
    + Approvals
    + PluginState
    + Assets
    + Ledger
    + Audit
    + Send
    + Sync
{
    /// Whether the database answers.
    async fn ping(&self) -> Result<(), StoreError>;

    /// A named value of the whole server.
    async fn setting(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Sets a named value where there is none; answers the one that is there afterwards.
    async fn set_setting_once(&self, name: &str, value: &[u8]) -> Result<Vec<u8>, StoreError>;

    /// Closes all connections and waits until they are closed.
    async fn close(&self);
}

/// Opens `sqlite:PATH` or `postgres://…` and brings its schema up to date.
pub async fn open(url: &str) -> Result<Arc<dyn Store>, StoreError> {
    if let Some(path) = url.strip_prefix("sqlite:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        let store = SqliteStore::open(Path::new(path), SqliteOptions::default()).await?;
        Ok(Arc::new(store))
    } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        Ok(Arc::new(PostgresStore::open(url).await?))
    } else {
        Err(StoreError::UnknownDatabase)
    }
}

/// Milliseconds since the Unix epoch, now.
pub fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
