//! The keys of users, as the log's parts ask for them.

use std::sync::Arc;

use alcove_core::ids::UserId;

use super::LogError;
use crate::store::{Store, now_ms};
use crate::vault::{UserKey, Vault};

/// Reads the keys of users, and makes them. Cheap to clone.
#[derive(Clone)]
pub(super) struct Keyring {
    pub(super) store: Arc<dyn Store>,
    pub(super) vault: Vault,
}

impl Keyring {
    pub(super) fn new(store: Arc<dyn Store>, vault: Vault) -> Keyring {
        Keyring { store, vault }
    }

    /// A user's key; made the first time.
    pub(super) async fn user_key(&self, user: UserId) -> Result<UserKey, LogError> {
        if let Some(key) = self.existing_user_key(user).await? {
            return Ok(key);
        }
        let (_, wrapped) = self.vault.new_user_key(user)?;
        let stored = self
            .store
            .set_user_key_once(user, &wrapped, now_ms())
            .await?;
        Ok(self.vault.open_user_key(user, &stored)?)
    }

    /// A user's key, where the user has one: not before the first item, and not after erasure.
    /// It is read anew each time, so that erasure holds at once on every server.
    pub(super) async fn existing_user_key(
        &self,
        user: UserId,
    ) -> Result<Option<UserKey>, LogError> {
        match self.store.user_key(user).await? {
            Some(wrapped) => Ok(Some(self.vault.open_user_key(user, &wrapped)?)),
            None => Ok(None),
        }
    }
}
