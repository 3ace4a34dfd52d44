//! Checkpoints and branches of a conversation.

use serde::{Deserialize, Serialize};

/// `POST /api/conversations/{id}/checkpoints`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SaveCheckpoint {
    /// 1 to 100 characters; saving a name again makes its next version.
    pub name: String,
    /// What to remember of it, at most 2,000 characters.
    #[serde(default)]
    pub note: String,
}

/// A named moment of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// `ckpt_` and a UUIDv7.
    pub id: String,
    /// Its conversation.
    pub conversation_id: String,
    /// Its name.
    pub name: String,
    /// Which of that name: `name@version` is unique in a conversation.
    pub version: i64,
    /// What the person noted.
    pub note: String,
    /// BLAKE3 of what it holds, in hex.
    pub hash: String,
    /// How many items the conversation had.
    pub items: u64,
    /// How many files it had.
    pub files: u64,
    /// When it was saved.
    pub created_at_ms: i64,
}

impl Checkpoint {
    /// `name@version`.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }
}

/// Whether what is restored is what was saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fidelity {
    /// All of it.
    Exact,
    /// Something is not as it was: `drift` says what.
    Degraded,
}

/// Something that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// `item`, `model`, `grant`, `component` or `asset`.
    pub kind: String,
    /// Which.
    pub subject: String,
    /// In words.
    pub message: String,
}

/// `GET /api/checkpoints/{id}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShownCheckpoint {
    /// Which.
    pub checkpoint: Checkpoint,
    /// Whether restoring it now would bring back all of it.
    pub fidelity: Fidelity,
    /// What is not as it was.
    pub drift: Vec<Drift>,
    /// What it holds.
    pub manifest: serde_json::Value,
}

/// `POST /api/checkpoints/{id}/restore`: the conversation goes on with a new branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoredCheckpoint {
    /// Which.
    pub checkpoint: Checkpoint,
    /// The new branch.
    pub branch_id: String,
    /// The branch that the conversation went on with before: switching back undoes it.
    pub previous_branch_id: String,
    /// Whether all of it came back.
    pub fidelity: Fidelity,
    /// What is not as it was.
    pub drift: Vec<Drift>,
}

/// `GET /api/checkpoints/{id}/difference`: from the checkpoint to another one, or to now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointDifference {
    /// How many items both have.
    pub common_items: u64,
    /// What only the checkpoint says.
    pub only_here: Vec<ShownMessage>,
    /// What only the other says.
    pub only_there: Vec<ShownMessage>,
    /// Files that only the other has.
    pub files_added: Vec<String>,
    /// Files that only the checkpoint has.
    pub files_removed: Vec<String>,
    /// Files that both have, with other bytes.
    pub files_changed: Vec<String>,
    /// The model here and there, where they differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<(String, String)>,
    /// Plugins that are granted differently.
    pub grants: Vec<String>,
}

/// The beginning of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownMessage {
    /// `user`, `assistant`, `system` or `tool`.
    pub speaker: String,
    /// At most 200 characters.
    pub text: String,
}

/// `alcove:checkpoint` in `POST /v1/responses`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UseCheckpoint {
    /// Go on from this one: `NAME` or `NAME@VERSION` of the conversation, or an id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<String>,
    /// Save one with this name once the response has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub save: Option<String>,
}

/// `alcove:checkpoint` in a response.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedCheckpoint {
    /// What it went on from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loaded: Option<LoadedCheckpoint>,
    /// What was saved at its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saved: Option<Checkpoint>,
    /// Why nothing was saved, where something was to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_saved: Option<String>,
}

/// A checkpoint that a response went on from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadedCheckpoint {
    /// Which.
    pub checkpoint: Checkpoint,
    /// Whether all of it came back.
    pub fidelity: Fidelity,
    /// What is not as it was.
    pub drift: Vec<Drift>,
}

/// A branch of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Branch {
    /// `branch_` and a UUIDv7.
    pub id: String,
    /// Its name, unique in the conversation.
    pub name: String,
    /// Its last item; absent while it has none.
    pub head_item_id: Option<String>,
    /// Whether the conversation goes on with it.
    pub is_current: bool,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it last grew.
    pub updated_at_ms: i64,
}

/// `PUT /api/conversations/{id}/branch`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SwitchBranch {
    /// One of the conversation's branches.
    pub branch_id: String,
}
