//! What can go wrong with the log.

use alcove_core::canonical::CanonicalError;
use alcove_core::ids::{ItemId, ResponseId, WriterId};

use crate::store::StoreError;
use crate::vault::VaultError;

/// What can go wrong with the log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// There is no such thing, or it is somebody else's.
    #[error("there is no such {what}")]
    NotFound {
        /// `conversation`, `branch`, `item` or `response`.
        what: &'static str,
    },
    /// Somebody else appended to the branch at the same time.
    #[error("the branch has grown meanwhile; try again")]
    BranchMoved,
    /// The branch is growing: a response is being produced on it.
    #[error("response {0} is still being produced on this branch; wait for it, or stop it")]
    Running(ResponseId),
    /// The response has ended: nothing can be added to it.
    #[error("the response has ended")]
    Ended,
    /// An item that is still being produced is a draft, not an item.
    #[error("an item is appended when it is whole; until then it is a draft")]
    InProgress,
    /// The idempotency key was used with another request.
    #[error("this Idempotency-Key was used with another request; use a new one")]
    IdempotencyMismatch,
    /// A page's cursor is none that the log gave.
    #[error("the cursor is not one that this server gave")]
    Cursor,
    /// Something is longer than its limit.
    #[error("the {what} is too long: at most {max}")]
    TooLong {
        /// What.
        what: &'static str,
        /// Its limit, with its unit.
        max: String,
    },
    /// A stored item is not what was written.
    #[error(
        "item {item} is not what was written ({what}): the database was altered or damaged; restore it from a backup"
    )]
    Tampered {
        /// The first item that fails.
        item: ItemId,
        /// How it fails.
        what: &'static str,
    },
    /// A stored row beside the items is not what was written.
    #[error(
        "{row} is not what was written: the database was altered or damaged; restore it from a backup"
    )]
    TamperedRow {
        /// The row's id.
        row: String,
    },
    /// The audit log is not what was written.
    #[error("entry {seq} of the audit chain of {writer} is not what was written")]
    AuditTampered {
        /// The chain.
        writer: WriterId,
        /// The first entry that fails.
        seq: i64,
    },
    /// The server is shutting down.
    #[error("the audit log is closed: the server is shutting down")]
    AuditClosed,
    /// Keys.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The store.
    #[error(transparent)]
    Store(StoreError),
    /// A value that cannot be written.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
}

impl From<StoreError> for LogError {
    fn from(error: StoreError) -> LogError {
        match error {
            StoreError::BranchMoved => LogError::BranchMoved,
            StoreError::Ended => LogError::Ended,
            StoreError::NoConversation => LogError::NotFound {
                what: "conversation",
            },
            StoreError::IdempotencyMismatch => LogError::IdempotencyMismatch,
            error => LogError::Store(error),
        }
    }
}
