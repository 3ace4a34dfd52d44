//! What goes into a tool call and what comes out.

use std::sync::Arc;

use alcove_api_types::{Badge, Label, ToolOutcome, ToolPart, ToolUsage};
use alcove_core::ids::{BindingId, ConversationId, ItemId};
use alcove_policies::manifest;
use alcove_sandbox::HostRecord;
use serde_json::Value;

use crate::accounts::Principal;
use crate::workspaces::Place;

use super::Consent;

/// A tool that a person may use, with the component and the binding that a call would run under.
/// Every call has its own copy, so what is large in it is shared.
#[derive(Debug, Clone)]
pub struct OfferedTool {
    /// The plugin's identity, such as `alcove/python`.
    pub plugin: String,
    /// sha256 of the component that was granted, in hex.
    pub digest: String,
    /// The tool's name within the plugin: what belongs on the item.
    pub tool: String,
    /// What the author says of it. Its `name` is unique among everything offered together: the
    /// name that a model and a client choose by. It differs from `tool` only where two plugins
    /// offer the same name.
    pub manifest: Arc<manifest::Tool>,
    /// What the imports prove, under the binding's policy.
    pub badges: Arc<[Badge]>,
    /// Whether the tool keeps an instance for the calls of one branch.
    pub session: bool,
    /// Whether its policy mounts a folder of the server's, which has files whatever the
    /// conversation has.
    pub has_folder: bool,
    /// The most specific of the bindings that admit the call.
    pub binding: BindingId,
    /// All of them.
    pub bindings: Vec<BindingId>,
    /// All of them as one name: what a person's yes is bound to.
    pub grant: String,
}

/// A call that is to be made.
#[derive(Debug, Clone)]
pub struct ToolRequest {
    /// Whose call it is.
    pub principal: Principal,
    /// The branch; absent where nothing is stored.
    pub place: Option<Place>,
    /// The item that the call will be.
    pub item: ItemId,
    /// The calls of the same plugin on the path from the root to this branch's head, oldest
    /// first. Only session tools read it.
    pub prior: Vec<PriorCall>,
    /// Which tool, as [`super::Tools::offered`] gave it.
    pub tool: OfferedTool,
    /// Its arguments, not yet validated.
    pub arguments: Value,
    /// What the person said to it; the default says that nobody can be asked.
    pub consent: Consent,
}

impl ToolRequest {
    /// The conversation; absent where nothing is stored.
    #[must_use]
    pub fn conversation(&self) -> Option<ConversationId> {
        self.place.map(|place| place.conversation)
    }
}

/// A call that was made earlier on the same path, as the item log has it.
#[derive(Debug, Clone)]
pub struct PriorCall {
    /// The call's item.
    pub item: ItemId,
    /// The plugin's identity.
    pub plugin: String,
    /// sha256 of the component that ran, in hex.
    pub digest: String,
    /// The tool's name within the plugin.
    pub tool: String,
    /// The arguments as canonical JSON text.
    pub arguments: String,
    /// How it ended.
    pub outcome: ToolOutcome,
    /// What it returned.
    pub output: Vec<ToolPart>,
    /// What the host answered it.
    pub record: HostRecord,
}

/// A call that ended, in one of five ways.
#[derive(Debug, Clone)]
pub struct ToolResult {
    /// How it ended.
    pub outcome: ToolOutcome,
    /// What it returned, preceded by the host's own notes (see [`NOTE_TITLE`]). Empty unless
    /// `outcome` is `ok`, but for the notes.
    pub output: Vec<ToolPart>,
    /// What it used.
    pub usage: ToolUsage,
    /// What it counts as; absent where nothing ran.
    pub label: Option<Label>,
    /// Whether it was answered over the network.
    pub fetched: bool,
    /// What the host answered it: belongs on the item, for a later [`PriorCall`].
    pub record: HostRecord,
    /// The arguments as canonical JSON text.
    pub arguments_canonical: String,
}

/// The `title` of a text part that the host wrote itself, such as the note that a session was
/// restored without a call that had been stopped. A tool's own text parts have no title.
pub const NOTE_TITLE: &str = "Session";
