//! `POST /v1/responses` and what it answers (Open Responses, specification of 2026-04-24).

use serde::{Deserialize, Serialize};

use crate::{Item, Role, UseCheckpoint, UsedCheckpoint};

/// The request.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CreateResponse {
    /// Which model; the server's default where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What the person says.
    #[serde(default)]
    pub input: Input,
    /// A system prompt in place of the server's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// Answer as server-sent events.
    #[serde(default)]
    pub stream: bool,
    /// Answer at once with a response in progress, to be followed by
    /// `GET /v1/responses/{id}?stream=true`.
    #[serde(default)]
    pub background: bool,
    /// `false`: no conversation, nothing kept but usage and audit. `true` where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<bool>,
    /// The conversation to go on with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<ConversationRef>,
    /// Go on from this response: that conversation, on a branch whose head is that response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_response_id: Option<String>,
    /// A hard constraint on tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_choice: Option<ToolChoice>,
    /// Which of the server's own tools are offered; all that are granted where absent.
    #[serde(
        rename = "alcove:server_tools",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub server_tools: Option<ServerTools>,
    /// Who answers, in place of whom the words of the message ask for.
    #[serde(
        rename = "alcove:specialist",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub specialist: Option<Specialist>,
    /// A checkpoint to go on from, and a name to save one under.
    #[serde(
        rename = "alcove:checkpoint",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub checkpoint: Option<UseCheckpoint>,
    /// Whether there is a person to ask, through the run's events. Where absent: yes with a
    /// session, no with an API key, and what needs an answer is denied.
    #[serde(
        rename = "alcove:ask",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub ask: Option<bool>,
    /// Sampling temperature, 0 to 2; 0 is greedy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// Nucleus sampling, above 0 up to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f32>,
    /// Seed of the sampler.
    #[serde(
        rename = "alcove:seed",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub seed: Option<u64>,
    /// At most this many tokens for the whole response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u32>,
    /// The client's own tools: refused for now with a clear error unless empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<serde_json::Value>,
    /// The client's own notes, echoed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<serde_json::Map<String, serde_json::Value>>,
}

/// Input as a text or as items.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Input {
    /// One user message.
    Text(String),
    /// Several messages.
    Items(Vec<InputItem>),
}

impl Default for Input {
    fn default() -> Self {
        Input::Text(String::new())
    }
}

/// A message in the input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InputItem {
    /// `message`, where given.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: InputContent,
}

/// A message's content as a text or as parts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum InputContent {
    /// One text.
    Text(String),
    /// Several parts.
    Parts(Vec<InputPart>),
}

/// A part of an input message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum InputPart {
    /// Text.
    InputText {
        /// The text.
        text: String,
    },
    /// Text of an earlier answer.
    OutputText {
        /// The text.
        text: String,
    },
}

/// A conversation by its id, bare or in an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ConversationRef {
    /// `"conv_…"`.
    Id(String),
    /// `{"id": "conv_…"}`.
    Object {
        /// The id.
        id: String,
    },
}

impl ConversationRef {
    /// The id.
    pub fn id(&self) -> &str {
        match self {
            ConversationRef::Id(id) | ConversationRef::Object { id } => id,
        }
    }
}

/// `"auto"`, `"none"`, `"required"`, or one tool by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ToolChoice {
    /// A mode.
    Mode(ToolChoiceMode),
    /// This tool and no other.
    Function {
        /// `function`.
        #[serde(rename = "type")]
        kind: String,
        /// The tool's name.
        name: String,
    },
}

/// How freely the model chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolChoiceMode {
    /// A tool or none.
    Auto,
    /// None.
    None,
    /// Some tool.
    Required,
}

/// Which of the server's tools are offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ServerTools {
    /// `false` offers none, `true` all that are granted.
    All(bool),
    /// These, by name.
    Named(Vec<String>),
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Response {
    /// `resp_` and a UUIDv7.
    pub id: String,
    /// `response`.
    pub object: String,
    /// Seconds since the Unix epoch.
    pub created_at: i64,
    /// Where it stands.
    pub status: ResponseStatus,
    /// The model that answered.
    pub model: String,
    /// What came out.
    pub output: Vec<Item>,
    /// What went wrong, where `status` is `failed`.
    pub error: Option<ResponseError>,
    /// Why it is incomplete, where it is.
    pub incomplete_details: Option<IncompleteDetails>,
    /// Tokens; present once it ended.
    pub usage: Option<Usage>,
    /// The conversation it belongs to; absent with `store: false`.
    #[serde(default)]
    pub conversation: Option<ConversationRef>,
    /// The response it goes on from.
    #[serde(default)]
    pub previous_response_id: Option<String>,
    /// The client's own notes, echoed.
    #[serde(default)]
    pub metadata: serde_json::Map<String, serde_json::Value>,
    /// Which of many granted tools were offered; absent where all of them were.
    #[serde(
        rename = "alcove:tools_offered",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub tools_offered: Option<ToolsOffered>,
    /// Who answered, and why; absent in responses of older servers.
    #[serde(
        rename = "alcove:route",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub route: Option<Route>,
    /// Checkpoints that it went on from or saved; absent where none was asked for.
    #[serde(
        rename = "alcove:checkpoint",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub checkpoint: Option<UsedCheckpoint>,
}

/// Who can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Specialist {
    /// Conversation and knowledge.
    General,
    /// Programs: the server's `code_model`, where it has one.
    Code,
}

/// Who was chosen to answer, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Who answers.
    pub specialist: Specialist,
    /// Why, in words for people.
    pub reason: String,
}

/// Which of many granted tools a response could use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolsOffered {
    /// Their names.
    pub offered: Vec<String>,
    /// The names of the others.
    pub left_out: Vec<String>,
    /// Why these, in words for people.
    pub reason: String,
}

/// Where a response stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseStatus {
    /// Waiting for its turn.
    Queued,
    /// Being produced.
    InProgress,
    /// Whole.
    Completed,
    /// Something went wrong: see `error`.
    Failed,
    /// Stopped by the person.
    Cancelled,
    /// Cut short: see `incomplete_details`.
    Incomplete,
}

impl ResponseStatus {
    /// Whether no more will come.
    pub fn is_final(self) -> bool {
        !matches!(self, ResponseStatus::Queued | ResponseStatus::InProgress)
    }
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponseError {
    /// `server_error`, `model_error`, `context_length_exceeded`, …
    pub code: String,
    /// What happened and what to do.
    pub message: String,
}

/// Why a response is incomplete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncompleteDetails {
    /// `max_output_tokens`, `tool_calls`, `turn_time` or `interrupted`.
    pub reason: String,
}

/// Tokens used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of all prompts of the turn.
    pub input_tokens: u32,
    /// Of those, how many came from the prefix cache.
    #[serde(rename = "alcove:cached_tokens", default)]
    pub cached_tokens: u32,
    /// Tokens that were generated.
    pub output_tokens: u32,
    /// Both.
    pub total_tokens: u32,
}
