//! What plugins keep for users. Names and values are sealed; a name is found by its keyed hash.

use alcove_core::ids::UserId;
use async_trait::async_trait;

use super::{StoreError, WrappedRowKey};

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct StateRow {
    /// The name, sealed.
    pub name: Vec<u8>,
    /// The value, sealed.
    pub value: Vec<u8>,
    /// Differs from every other revision in the life of the space.
    pub revision: i64,
}

/// What an entry must be for a change to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Anything, or nothing.
    Any,
    /// Not there.
    Absent,
    /// What this revision wrote.
    Revision(i64),
}

/// A change of one entry.
#[derive(Debug, Clone)]
pub struct StateChange<'a> {
    /// Whose space.
    pub user: UserId,
    /// Of which plugin.
    pub plugin: &'a str,
    /// The keyed hash of the name.
    pub name_hash: &'a [u8],
    /// What has to be there.
    pub expected: Expected,
    /// What is there afterwards; nothing where absent.
    pub new: Option<NewState>,
    /// The most bytes that all entries may have.
    pub quota_bytes: i64,
    /// The most entries.
    pub max_entries: i64,
}

/// An entry to be written.
#[derive(Debug, Clone)]
pub struct NewState {
    /// The name, sealed.
    pub name: Vec<u8>,
    /// The value, sealed.
    pub value: Vec<u8>,
    /// Name and value before they were sealed.
    pub size_bytes: i64,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateChanged {
    /// It is done.
    Done {
        /// Whether there was an entry before.
        existed: bool,
    },
    /// The entry is not what was expected.
    Other,
    /// It would be more bytes than the quota.
    Full,
    /// It would be too many entries.
    TooMany,
}

/// What plugins keep for users.
#[async_trait]
pub trait PluginState {
    /// Makes a space where there is none; answers the wrapped key of the one that is there
    /// afterwards.
    async fn set_state_space_once(
        &self,
        plugin: &str,
        key: &WrappedRowKey,
    ) -> Result<Vec<u8>, StoreError>;

    /// One entry.
    async fn state_entry(
        &self,
        user: UserId,
        plugin: &str,
        name_hash: &[u8],
    ) -> Result<Option<StateRow>, StoreError>;

    /// The sealed names of all entries.
    async fn state_names(&self, user: UserId, plugin: &str) -> Result<Vec<Vec<u8>>, StoreError>;

    /// Changes one entry. Changes of a space happen one after the other.
    async fn change_state(&self, change: StateChange<'_>) -> Result<StateChanged, StoreError>;
}
