//! `/api/conversations`.

use serde::{Deserialize, Serialize};

use crate::{IncompleteDetails, Item, Response, ResponseError, ResponseStatus};

/// A row of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversationSummary {
    /// `conv_` and a UUIDv7.
    pub id: String,
    /// The first words of the first message, or what the person wrote.
    pub title: String,
    /// When it began.
    pub created_at_ms: i64,
    /// When it last grew.
    pub updated_at_ms: i64,
}

/// `POST /api/conversations`: an empty one, to put files into before the first message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateConversation {
    /// Its title: 1 to 200 characters.
    pub title: String,
}

/// `GET /api/conversations/{id}/files`: what tools see as `/workspace`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkspaceFiles {
    /// At most 1,000, by path.
    pub files: Vec<WorkspaceFile>,
    /// Whether there are more.
    pub more: bool,
    /// The bytes of all.
    pub bytes: u64,
    /// Above how many bytes nothing more can be put there.
    pub max_bytes: u64,
}

/// A file of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkspaceFile {
    /// Relative to `/workspace`.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// When it was last written.
    pub modified_at_ms: i64,
}

impl WorkspaceFile {
    /// A message that names files by where tools find them, since the model sees the folder only
    /// through its tools.
    #[must_use]
    pub fn name_in(text: &str, files: &[WorkspaceFile]) -> String {
        if files.is_empty() {
            return text.to_owned();
        }
        let named = files.iter();
        let named = named.map(|file| format!("/workspace/{} ({} bytes)", file.path, file.bytes));
        let named: Vec<String> = named.collect();
        format!("{text}\n\nAttached: {}", named.join(", "))
    }
}

/// `GET /api/conversations?limit=N&cursor=C`: newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversationPage {
    /// At most `limit` rows.
    pub conversations: Vec<ConversationSummary>,
    /// Where the next page begins; absent on the last.
    pub next_cursor: Option<String>,
}

/// `GET /api/conversations/{id}`: the path from the root to the branch's head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conversation {
    /// What it is.
    #[serde(flatten)]
    pub summary: ConversationSummary,
    /// Every item on the branch, oldest first.
    pub items: Vec<Item>,
    /// The response that continues this branch: the value for `previous_response_id`.
    pub last_response_id: Option<String>,
    /// A response that is still being produced, to be followed with
    /// `GET /v1/responses/{id}?stream=true`. Its items are not among `items`.
    pub running: Option<Response>,
    /// How the last response ended, where it did not come to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
}

/// A response that did not come to its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    /// Which.
    pub response_id: String,
    /// `failed`, `cancelled` or `incomplete`.
    pub status: ResponseStatus,
    /// What went wrong.
    pub error: Option<ResponseError>,
    /// Why it is incomplete.
    pub incomplete_details: Option<IncompleteDetails>,
}

/// `PATCH /api/conversations/{id}`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenameConversation {
    /// 1 to 200 characters.
    pub title: String,
}
