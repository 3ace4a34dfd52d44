//! Output items of a response, in the shapes of Open Responses.

use serde::{Deserialize, Serialize};

/// One item of a conversation.
#[expect(
    clippy::large_enum_variant,
    reason = "items are few and short-lived; a box would be in everybody's way"
)]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Item {
    /// What a person or the model said.
    #[serde(rename = "message")]
    Message(Message),
    /// A call of one of the server's own tools, with its result: a receipt.
    #[serde(rename = "alcove:tool_call")]
    ToolCall(ToolCall),
}

impl Item {
    /// The item's id: `item_` and a UUIDv7.
    pub fn id(&self) -> &str {
        match self {
            Item::Message(message) => &message.id,
            Item::ToolCall(call) => &call.id,
        }
    }
}

/// Where an item stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemStatus {
    /// Still being produced.
    InProgress,
    /// Whole.
    Completed,
    /// Cut short: stopped, out of tokens, or lost with the server.
    Incomplete,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The person.
    User,
    /// The model.
    Assistant,
    /// Instructions from whoever runs the server.
    System,
    /// Instructions from the application; treated as `system`.
    Developer,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// `item_` and a UUIDv7, known before the content is.
    pub id: String,
    /// Who speaks.
    pub role: Role,
    /// Where it stands.
    pub status: ItemStatus,
    /// What is said.
    pub content: Vec<ContentPart>,
}

impl Message {
    /// All text parts joined.
    pub fn text(&self) -> String {
        self.content
            .iter()
            .map(|part| match part {
                ContentPart::InputText { text } | ContentPart::OutputText { text, .. } => {
                    text.as_str()
                }
            })
            .collect()
    }

    /// Where the answer cites passages.
    pub fn annotations(&self) -> Vec<crate::Annotation> {
        let parts = self.content.iter().map(|part| match part {
            ContentPart::OutputText { annotations, .. } => annotations.as_slice(),
            ContentPart::InputText { .. } => &[],
        });
        parts.collect::<Vec<_>>().concat()
    }
}

/// A part of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ContentPart {
    /// Text from a person.
    InputText {
        /// The text.
        text: String,
    },
    /// Text from the model.
    OutputText {
        /// The text.
        text: String,
        /// Where it cites passages of this turn's results.
        #[serde(default)]
        annotations: Vec<crate::Annotation>,
    },
}

/// A call of a server tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// `item_` and a UUIDv7.
    pub id: String,
    /// Where it stands; `completed` says that the call ended, `outcome` says how.
    pub status: ItemStatus,
    /// The plugin's identity, such as `alcove/python`.
    pub plugin: String,
    /// sha256 of the component that ran, in hex.
    pub digest: String,
    /// The tool's name within the plugin.
    pub tool: String,
    /// The tool's title, for people.
    pub title: String,
    /// The arguments as canonical JSON text.
    pub arguments: String,
    /// What the binary was proven able to ask for.
    #[serde(default)]
    pub badges: Vec<crate::Badge>,
    /// How the call ended; absent while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<ToolOutcome>,
    /// What the tool returned; empty unless `outcome` is `ok`.
    #[serde(default)]
    pub output: Vec<ToolPart>,
    /// What it used; absent while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<ToolUsage>,
    /// What it waits for: nothing runs until that is answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub awaiting: Option<crate::Awaiting>,
    /// How the person's last answer to it ended the question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<crate::Answered>,
    /// What its result counts as; absent where nothing ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Label>,
    /// Whether it was answered over the network: the addresses in its result were brought from
    /// elsewhere.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fetched: bool,
}

/// What a result counts as, set by the host from what the tool could read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// It may hold what is private: files, state, what a secret or a private address opened.
    Private,
    /// It holds nothing private that the conversation did not hold before.
    Public,
}

/// The five ways a tool call ends. Never merged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ToolOutcome {
    /// It returned a result.
    Ok,
    /// The tool itself said that it failed.
    Failed {
        /// A documented kind, such as `invalid-input`; an unknown one reads `internal`.
        failure: String,
        /// The tool's own words.
        message: String,
    },
    /// Policy refused it.
    Denied {
        /// The capability that was refused, such as `http`.
        capability: String,
        /// Why, and the line that would grant it.
        message: String,
    },
    /// A limit was reached.
    Limit {
        /// Which: `memory`, `cpu`, `wall`, `output`, `calls`, `concurrency` or `stopped`.
        limit: String,
        /// What was allowed.
        message: String,
    },
    /// The component crashed.
    Trapped {
        /// What is known of it, without the guest's own words.
        message: String,
    },
}

/// A part of a tool's result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolPart {
    /// Who it is for.
    pub audience: Audience,
    /// What kind: `text`, `json`, `link`, or an asset: `image` where it is shown, `asset` where it is
    /// fetched.
    pub kind: String,
    /// The text, the JSON text, the URL, or the asset's id.
    pub value: String,
    /// A link's title, or what an asset is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Where a text stands in its source; `value` is the text of the passage then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passage: Option<Box<crate::Passage>>,
}

/// Who a part of a result is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// The model alone.
    Model,
    /// The person alone.
    User,
    /// Both.
    Both,
}

/// What a call used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolUsage {
    /// From start to end, in microseconds.
    pub wall_us: u64,
    /// CPU time of the guest, in microseconds.
    pub cpu_us: u64,
    /// Highest sum of all linear memories and tables, in bytes.
    pub peak_memory_bytes: u64,
    /// Size of the result, in bytes.
    pub output_bytes: u64,
}
