//! The items of a conversation: what is said, and what tools did.
//!
//! Items form an append-only tree. An item is never changed after it was appended; an edit is a
//! sibling, and a branch is a named head.

use serde::{Deserialize, Serialize};

use crate::ids::{ApprovalId, ConversationId, ItemId, ResponseId};
use crate::passage::{Citation, Passage};

/// One item, with its place in the tree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// Known before the content is.
    pub id: ItemId,
    /// The conversation it belongs to.
    pub conversation: ConversationId,
    /// The item before it; absent for the root.
    pub parent: Option<ItemId>,
    /// The response that it is part of, as input or as output.
    pub response: Option<ResponseId>,
    /// When it was made, in milliseconds since the Unix epoch.
    pub created_at_ms: i64,
    /// What it holds.
    pub payload: Payload,
}

/// What an item holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Payload {
    /// What a person or the model said.
    Message {
        /// Who speaks.
        role: Role,
        /// What is said.
        text: String,
        /// Where it stands.
        status: ItemStatus,
        /// Where it cites passages of its turn's results.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        citations: Vec<Citation>,
    },
    /// A call of one of the server's own tools, with its result.
    ToolCall(Box<ToolCall>),
}

impl Payload {
    /// Where the item stands.
    pub fn status(&self) -> ItemStatus {
        match self {
            Payload::Message { status, .. } => *status,
            Payload::ToolCall(call) => call.status,
        }
    }

    /// The same payload with another status.
    pub fn with_status(mut self, new: ItemStatus) -> Payload {
        match &mut self {
            Payload::Message { status, .. } => *status = new,
            Payload::ToolCall(call) => call.status = new,
        }
        self
    }

    /// A short name of the kind, as stored beside the payload: `message` or `tool_call`.
    pub fn kind(&self) -> &'static str {
        match self {
            Payload::Message { .. } => "message",
            Payload::ToolCall(_) => "tool_call",
        }
    }
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
    /// Instructions from the application; treated as `System`.
    Developer,
}

/// Where an item stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemStatus {
    /// Still being produced. The log refuses such an item: it is kept as a draft.
    InProgress,
    /// Whole.
    Completed,
    /// Cut short: stopped, out of tokens, or lost with the server.
    Incomplete,
}

/// A call of a server tool, with its result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// Where it stands; `Completed` says that the call ended, `outcome` says how.
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
    pub badges: Vec<Badge>,
    /// How the call ended; absent while it runs.
    pub outcome: Option<ToolOutcome>,
    /// What the tool returned; empty unless the outcome is `Ok`.
    pub output: Vec<ToolPart>,
    /// What it used; absent while it runs.
    pub usage: Option<ToolUsage>,
    /// What the host answered during the call, kept beside the item.
    pub record: Option<RecordReference>,
    /// How the person's last answer to it ended the question; absent where nothing was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<Answered>,
    /// What its result counts as; absent where nothing ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Label>,
    /// Whether it was answered over the network: the addresses in its result were brought from
    /// elsewhere.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fetched: bool,
}

/// How a question to the person ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// The question.
    pub id: ApprovalId,
    /// How it ended.
    pub answer: AnswerKind,
    /// When.
    pub at_ms: i64,
}

/// How a question to a person ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerKind {
    /// Allowed, this call alone.
    Once,
    /// Allowed for the rest of the conversation.
    Conversation,
    /// The person said no.
    Denied,
    /// The person answered the tool.
    Input,
    /// Nobody answered in time.
    Unanswered,
    /// The person stopped the run instead.
    Stopped,
    /// The server ended first.
    Interrupted,
}

impl AnswerKind {
    /// Every way.
    pub const ALL: [AnswerKind; 7] = [
        AnswerKind::Once,
        AnswerKind::Conversation,
        AnswerKind::Denied,
        AnswerKind::Input,
        AnswerKind::Unanswered,
        AnswerKind::Stopped,
        AnswerKind::Interrupted,
    ];

    /// Its name, as rows and the audit log have it.
    pub fn name(self) -> &'static str {
        match self {
            AnswerKind::Once => "once",
            AnswerKind::Conversation => "conversation",
            AnswerKind::Denied => "denied",
            AnswerKind::Input => "input",
            AnswerKind::Unanswered => "unanswered",
            AnswerKind::Stopped => "stopped",
            AnswerKind::Interrupted => "interrupted",
        }
    }
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

/// A statement about what a component can ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Badge {
    /// `network`, `files`, …
    pub subject: String,
    /// Which of the statements holds.
    pub kind: BadgeKind,
    /// In words.
    pub text: String,
}

/// How strong a badge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BadgeKind {
    /// The import is absent from the binary.
    CannotAsk,
    /// The import is there, linked to refusals.
    Refused,
    /// The import is there and a policy opens some of it.
    Granted,
}

/// The five ways a tool call ends. Never merged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ToolOutcome {
    /// It returned a result.
    Ok,
    /// The tool itself said that it failed.
    Failed {
        /// A documented kind, such as `invalid-input`.
        failure: String,
        /// The tool's own words.
        message: String,
    },
    /// Policy refused it.
    Denied {
        /// The capability that was refused.
        capability: String,
        /// Why, and the line that would grant it.
        message: String,
    },
    /// A limit was reached.
    Limit {
        /// Which.
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

impl ToolOutcome {
    /// The outcome's name, as the audit log writes it.
    pub fn name(&self) -> &'static str {
        match self {
            ToolOutcome::Ok => "ok",
            ToolOutcome::Failed { .. } => "failed",
            ToolOutcome::Denied { .. } => "denied",
            ToolOutcome::Limit { .. } => "limit",
            ToolOutcome::Trapped { .. } => "trapped",
        }
    }
}

/// A part of a tool's result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolPart {
    /// Who it is for.
    pub audience: Audience,
    /// What kind: `text`, `json` or `link`.
    pub kind: String,
    /// The text, the JSON text, or the URL.
    pub value: String,
    /// A link's title.
    pub title: Option<String>,
    /// Where a text stands in its source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passage: Option<Box<Passage>>,
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

/// Names a host record that is stored beside its item. The digest is part of the item's hash, so
/// a record cannot be exchanged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordReference {
    /// BLAKE3 of the record's bytes, in hex.
    pub digest: String,
    /// How long it is.
    pub bytes: u64,
}

impl RecordReference {
    /// The reference to these bytes.
    pub fn to(record: &[u8]) -> RecordReference {
        RecordReference {
            digest: blake3::hash(record).to_hex().to_string(),
            bytes: record.len() as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_reads_back_what_it_writes() {
        let call = Payload::ToolCall(Box::new(ToolCall {
            status: ItemStatus::Completed,
            plugin: "alcove/python".into(),
            digest: "00".repeat(32),
            tool: "python".into(),
            title: "Python".into(),
            arguments: r#"{"code":"1"}"#.into(),
            badges: vec![],
            outcome: Some(ToolOutcome::Denied {
                capability: "http".into(),
                message: "no".into(),
            }),
            output: vec![],
            usage: Some(ToolUsage::default()),
            record: Some(RecordReference::to(b"record")),
            answered: None,
            label: Some(Label::Private),
            fetched: true,
        }));
        let text = serde_json::to_string(&call).unwrap();
        assert!(text.contains(r#""kind":"tool_call""#), "{text}");
        assert_eq!(serde_json::from_str::<Payload>(&text).unwrap(), call);
    }
}
