//! The item log: conversations as the rest of the host sees them. It seals and opens rows, and
//! keeps the hash chain; the store below sees neither text nor keys.

mod approvals;
mod assets;
mod audit;
mod audit_search;
mod begin;
mod checkpoints;
mod conversations;
mod error;
mod items;
mod journal;
mod keyring;
mod plugin_state;
mod responses;

use std::sync::Arc;

use alcove_core::ids::{OrganisationId, UserId};

use super::Store;
use crate::accounts::Principal;
use crate::vault::{UserKey, Vault};

use journal::Journal;
use keyring::Keyring;

pub use approvals::{Approval, NewApproval};
pub use assets::{AssetDetail, NewBlob, StoredAsset, WrittenBlob};
pub use audit::{AuditEntry, Chain};
pub use audit_search::{AuditFound, AuditFoundPage, MAX_AUDIT_PAGE};
pub use begin::{Begin, Begun, Idempotency, Target};
pub use checkpoints::{Checkpoint, CheckpointLabel, CheckpointName, MAX_CHECKPOINTS, PathWithHead};
pub use conversations::{Branch, ConversationView, Page, Summary};
pub use error::LogError;
pub use items::{Append, At, Verified};
pub use plugin_state::{KeptValue, MAX_STATE_ENTRIES, NewValue, Space};
pub use responses::{Draft, ResponseEnd, StoredResponse, status_name};

/// The longest title, in characters.
pub const MAX_TITLE_CHARACTERS: usize = 200;
/// The largest item, in bytes of its content.
pub const MAX_ITEM_BYTES: usize = 8 << 20;
/// The largest host record of a tool call, in bytes.
pub const MAX_RECORD_BYTES: usize = 32 << 20;
/// The longest path from the root to a head.
pub const MAX_DEPTH: i64 = 100_000;
/// The most conversations on one page.
pub const MAX_PAGE: u32 = 100;
/// The longest idempotency key, in bytes.
pub const MAX_IDEMPOTENCY_KEY_BYTES: usize = 255;
/// How often a write that met another one is tried.
const ATTEMPTS: u32 = 4;

/// The item log: a cheap handle.
#[derive(Clone)]
pub struct ItemLog {
    store: Arc<dyn Store>,
    vault: Vault,
    keys: Keyring,
    journal: Arc<Journal>,
}

impl ItemLog {
    /// A log over a store, with the keys of a vault. It starts the task that writes the audit
    /// log, so it needs tokio.
    pub fn new(store: Arc<dyn Store>, vault: Vault) -> ItemLog {
        let keys = Keyring::new(Arc::clone(&store), vault.clone());
        ItemLog {
            store,
            vault,
            journal: Arc::new(Journal::start(keys.clone())),
            keys,
        }
    }

    /// Checks that the master key is the one that the database was written with; to be called at
    /// start, before anything is written.
    pub async fn check_master_key(&self) -> Result<(), LogError> {
        const SETTING: &str = "master-key-check";
        let check = match self.store.setting(SETTING).await? {
            Some(check) => check,
            None => {
                let check = self.vault.new_check()?;
                self.store.set_setting_once(SETTING, &check).await?
            }
        };
        Ok(self.vault.check(&check)?)
    }

    /// Erases a user: nothing that they said, and nothing that was answered, can be read again.
    /// The account stays; accounts are removed elsewhere.
    pub async fn erase_user(&self, user: UserId) -> Result<(), LogError> {
        Ok(self.store.erase_user(user).await?)
    }

    /// A user's key; made the first time.
    pub(crate) async fn user_key(&self, user: UserId) -> Result<UserKey, LogError> {
        self.keys.user_key(user).await
    }

    async fn existing_user_key(&self, user: UserId) -> Result<Option<UserKey>, LogError> {
        self.keys.existing_user_key(user).await
    }
}

/// Whose rows are written.
#[derive(Debug, Clone, Copy)]
struct Owner {
    user: UserId,
    organisation: OrganisationId,
}

impl From<&Principal> for Owner {
    fn from(principal: &Principal) -> Owner {
        Owner {
            user: principal.user,
            organisation: principal.organisation,
        }
    }
}
