//! Checkpoints in clear: this seals and opens them. A name is found by its keyed hash.

use alcove_core::canonical;
use alcove_core::checkpoint::{Head, Manifest, ManifestError};
use alcove_core::ids::{BranchId, CheckpointId, ConversationId};
use alcove_core::item::Item;
use serde::{Deserialize, Serialize};

use super::items::{Opened, present};
use super::{At, ItemLog, LogError, Owner};
use crate::accounts::Principal;
use crate::store::{CheckpointRow, NewCheckpoint, WrappedRowKey, now_ms};
use crate::vault::{RowKey, UserKey};

/// The most checkpoints of one conversation.
pub const MAX_CHECKPOINTS: i64 = 1_000;

/// What is said of a checkpoint, and what a list shows of its manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointLabel {
    /// Its name.
    pub name: String,
    /// What the person noted.
    pub note: String,
    /// The hash of what it holds.
    pub hash: String,
    /// How many items.
    pub items: u64,
    /// How many files.
    pub files: u64,
}

/// A saved checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Its id.
    pub id: CheckpointId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// Which of those with its name.
    pub version: i64,
    /// What is said of it.
    pub label: CheckpointLabel,
    /// When it was saved.
    pub created_at_ms: i64,
}

/// Which checkpoint of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointName {
    /// Its name.
    pub name: String,
    /// Which of that name; the last where absent.
    pub version: Option<i64>,
}

/// A path with the end that its hash chain has.
#[derive(Debug)]
pub struct PathWithHead {
    /// What of it can be read, oldest first.
    pub items: Vec<Item>,
    /// Its end; absent in an empty branch.
    pub head: Option<Head>,
}

impl ItemLog {
    /// A path with its end, every hash checked.
    pub async fn path_with_head(
        &self,
        principal: &Principal,
        conversation: ConversationId,
        at: At,
    ) -> Result<PathWithHead, LogError> {
        let owner = Owner::from(principal);
        let Some(item) = self.head(owner, conversation, at).await? else {
            return Ok(PathWithHead {
                items: Vec::new(),
                head: None,
            });
        };
        let opened = self.open_path(owner, conversation, item).await?;
        let count = |items: usize| u64::try_from(items).unwrap_or(u64::MAX);
        let forgotten = |opened: &&Opened| matches!(opened, Opened::Forgotten(..));
        let head = opened.last().map(|last| Head {
            item,
            hash: last.hash().to_string(),
            items: count(opened.len()),
            forgotten: count(opened.iter().filter(forgotten).count()),
        });
        Ok(PathWithHead {
            items: present(opened),
            head,
        })
    }

    /// Saves a checkpoint as the next of its name.
    pub async fn save_checkpoint(
        &self,
        principal: &Principal,
        label: CheckpointLabel,
        manifest: &Manifest,
    ) -> Result<Checkpoint, LogError> {
        let key = self.user_key(principal.user).await?;
        let id = CheckpointId::generate();
        let row = id.to_string();
        let (row_key, wrapped) = key.new_row_key(&row)?;
        let new = NewCheckpoint {
            id,
            organisation: principal.organisation,
            conversation: manifest.conversation,
            name_hash: name_hash(&key, &label.name),
            label: row_key.seal("label", canonical::json(&label)?.as_bytes())?,
            manifest: row_key.seal("manifest", canonical::json(manifest)?.as_bytes())?,
            key: WrappedRowKey {
                row,
                user: principal.user,
                wrapped,
            },
            packs: manifest.packs().into_iter().collect(),
            now_ms: now_ms(),
            most: MAX_CHECKPOINTS,
        };
        let Some(version) = self.store.insert_checkpoint(&new).await? else {
            return Err(LogError::TooLong {
                what: "list of checkpoints",
                max: format!("{MAX_CHECKPOINTS} in a conversation; delete some first"),
            });
        };
        Ok(Checkpoint {
            id,
            conversation: manifest.conversation,
            version,
            label,
            created_at_ms: new.now_ms,
        })
    }

    /// A checkpoint by its id.
    pub async fn checkpoint(
        &self,
        principal: &Principal,
        id: CheckpointId,
    ) -> Result<Checkpoint, LogError> {
        let row = self.store.checkpoint(principal.user, id).await?;
        let key = self.existing_user_key(principal.user).await?;
        match (row, key) {
            (Some(row), Some(key)) => open(&key, &row),
            _ => Err(no_checkpoint()),
        }
    }

    /// A conversation's checkpoint by its name.
    pub async fn checkpoint_named(
        &self,
        principal: &Principal,
        conversation: ConversationId,
        name: &CheckpointName,
    ) -> Result<Checkpoint, LogError> {
        let Some(key) = self.existing_user_key(principal.user).await? else {
            return Err(no_checkpoint());
        };
        let hash = name_hash(&key, &name.name);
        let row = self
            .store
            .checkpoint_named(principal.user, conversation, &hash, name.version)
            .await?;
        open(&key, &row.ok_or_else(no_checkpoint)?)
    }

    /// A conversation's checkpoints, the last one first.
    pub async fn checkpoints(
        &self,
        principal: &Principal,
        conversation: ConversationId,
    ) -> Result<Vec<Checkpoint>, LogError> {
        let owner = Owner::from(principal);
        self.conversation_row(owner, conversation).await?;
        let rows = self.store.checkpoints(owner.user, conversation).await?;
        match self.existing_user_key(owner.user).await? {
            Some(key) => rows.iter().map(|row| open(&key, row)).collect(),
            None => Ok(Vec::new()),
        }
    }

    /// What a checkpoint holds. One that was written by a newer server says so.
    pub async fn manifest(
        &self,
        principal: &Principal,
        id: CheckpointId,
    ) -> Result<Result<Manifest, ManifestError>, LogError> {
        let row = self.store.checkpoint(principal.user, id).await?;
        let sealed = self.store.checkpoint_manifest(principal.user, id).await?;
        let key = self.existing_user_key(principal.user).await?;
        let (Some(row), Some(sealed), Some(key)) = (row, sealed, key) else {
            return Err(no_checkpoint());
        };
        let plain = row_key(&key, &row)?
            .open("manifest", &sealed)
            .map_err(|_| tampered(id))?;
        Ok(Manifest::read(&plain))
    }

    /// Deletes a checkpoint: its key is destroyed, and what it alone held.
    pub async fn delete_checkpoint(
        &self,
        principal: &Principal,
        id: CheckpointId,
    ) -> Result<(), LogError> {
        match self.store.delete_checkpoint(principal.user, id).await? {
            true => Ok(()),
            false => Err(no_checkpoint()),
        }
    }

    /// Makes a branch the one that its conversation goes on with.
    pub async fn switch(
        &self,
        principal: &Principal,
        conversation: ConversationId,
        branch: BranchId,
    ) -> Result<(), LogError> {
        let switched = self
            .store
            .set_current_branch(principal.user, conversation, branch, now_ms())
            .await?;
        match switched {
            true => Ok(()),
            false => Err(LogError::NotFound { what: "branch" }),
        }
    }
}

fn name_hash(key: &UserKey, name: &str) -> [u8; 32] {
    let key = key.derive("alcove 1 name of a checkpoint");
    *blake3::keyed_hash(&key, name.as_bytes()).as_bytes()
}

fn row_key(key: &UserKey, row: &CheckpointRow) -> Result<RowKey, LogError> {
    key.open_row_key(&row.id.0.to_string(), &row.wrapped)
        .map_err(|_| tampered(row.id.0))
}

fn open(key: &UserKey, row: &CheckpointRow) -> Result<Checkpoint, LogError> {
    let id = row.id.0;
    let plain = row_key(key, row)?
        .open("label", &row.label)
        .map_err(|_| tampered(id))?;
    Ok(Checkpoint {
        id,
        conversation: row.conversation_id.0,
        version: row.version,
        label: serde_json::from_slice(&plain).map_err(|_| tampered(id))?,
        created_at_ms: row.created_at_ms,
    })
}

fn tampered(id: CheckpointId) -> LogError {
    LogError::TamperedRow {
        row: id.to_string(),
    }
}

fn no_checkpoint() -> LogError {
    LogError::NotFound { what: "checkpoint" }
}
