//! Events of a streamed response. The SSE `event:` field equals the body's `type`.

use serde::{Deserialize, Serialize};

use crate::{Answered, Awaiting, ContentPart, Item, Response};

/// An event with its place in the stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StreamEvent {
    /// 0, 1, 2, … within one response; a client resumes after the last one it saw.
    pub sequence_number: u64,
    /// What happened.
    #[serde(flatten)]
    pub body: EventBody,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum EventBody {
    /// The first event.
    #[serde(rename = "response.created")]
    Created {
        /// The response so far.
        response: Response,
    },
    /// Work has begun.
    #[serde(rename = "response.in_progress")]
    InProgress {
        /// The response so far.
        response: Response,
    },
    /// An item begins.
    #[serde(rename = "response.output_item.added")]
    ItemAdded {
        /// Its place in `output`.
        output_index: u32,
        /// As far as it is known.
        item: Item,
    },
    /// A part of a message begins.
    #[serde(rename = "response.content_part.added")]
    PartAdded {
        /// The message.
        item_id: String,
        /// Its place in `output`.
        output_index: u32,
        /// The part's place in `content`.
        content_index: u32,
        /// Empty.
        part: ContentPart,
    },
    /// More text.
    #[serde(rename = "response.output_text.delta")]
    TextDelta {
        /// The message.
        item_id: String,
        /// Its place in `output`.
        output_index: u32,
        /// The part's place in `content`.
        content_index: u32,
        /// The new text.
        delta: String,
    },
    /// A text is whole.
    #[serde(rename = "response.output_text.done")]
    TextDone {
        /// The message.
        item_id: String,
        /// Its place in `output`.
        output_index: u32,
        /// The part's place in `content`.
        content_index: u32,
        /// All of it.
        text: String,
    },
    /// A part is whole.
    #[serde(rename = "response.content_part.done")]
    PartDone {
        /// The message.
        item_id: String,
        /// Its place in `output`.
        output_index: u32,
        /// The part's place in `content`.
        content_index: u32,
        /// All of it.
        part: ContentPart,
    },
    /// An item is whole.
    #[serde(rename = "response.output_item.done")]
    ItemDone {
        /// Its place in `output`.
        output_index: u32,
        /// All of it.
        item: Item,
    },
    /// A server tool reports how far it is.
    #[serde(rename = "alcove:tool_call.progress")]
    ToolProgress {
        /// The call.
        item_id: String,
        /// Its place in `output`.
        output_index: u32,
        /// Thousandths done, where the tool can tell.
        permille: Option<u32>,
        /// The tool's own words.
        note: String,
    },
    /// The model is writing a call's arguments.
    #[serde(rename = "alcove:tool_call.arguments.delta")]
    ToolArgumentsDelta {
        /// The call.
        item_id: String,
        /// Its place in `output`.
        output_index: u32,
        /// The new text, as the model writes it (code, or JSON).
        delta: String,
    },
    /// A call's arguments are whole, and the tool begins.
    #[serde(rename = "alcove:tool_call.arguments.done")]
    ToolArgumentsDone {
        /// The call.
        item_id: String,
        /// Its place in `output`.
        output_index: u32,
        /// All of them, as canonical JSON text.
        arguments: String,
    },
    /// A server tool logs a line.
    #[serde(rename = "alcove:tool_call.log")]
    ToolLog {
        /// The call.
        item_id: String,
        /// Its place in `output`.
        output_index: u32,
        /// `debug`, `info`, `warn` or `error`.
        level: String,
        /// The tool's own words.
        message: String,
    },
    /// A call waits for its person: for leave to run, or for an answer to the tool.
    #[serde(rename = "alcove:tool_call.awaiting")]
    ToolAwaiting {
        /// The call.
        item_id: String,
        /// Its place in `output`.
        output_index: u32,
        /// What for.
        awaiting: Awaiting,
    },
    /// The waiting is over.
    #[serde(rename = "alcove:tool_call.answered")]
    ToolAnswered {
        /// The call.
        item_id: String,
        /// Its place in `output`.
        output_index: u32,
        /// How it ended.
        answered: Answered,
    },
    /// The last event of a response that is whole.
    #[serde(rename = "response.completed")]
    Completed {
        /// All of it.
        response: Response,
    },
    /// The last event of a response that failed.
    #[serde(rename = "response.failed")]
    Failed {
        /// With its `error`.
        response: Response,
    },
    /// The last event of a response that was cut short.
    #[serde(rename = "response.incomplete")]
    Incomplete {
        /// With its `incomplete_details`.
        response: Response,
    },
    /// The last event of a response that somebody stopped.
    #[serde(rename = "alcove:response.cancelled")]
    Cancelled {
        /// What there was until then.
        response: Response,
    },
}

impl EventBody {
    /// Every value of `type`, for clients that must subscribe by name.
    pub const NAMES: [&'static str; 18] = [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "alcove:tool_call.progress",
        "alcove:tool_call.arguments.delta",
        "alcove:tool_call.arguments.done",
        "alcove:tool_call.log",
        "alcove:tool_call.awaiting",
        "alcove:tool_call.answered",
        "response.completed",
        "response.failed",
        "response.incomplete",
        "alcove:response.cancelled",
    ];

    /// The value of `type`.
    pub fn name(&self) -> &'static str {
        let index = match self {
            EventBody::Created { .. } => 0,
            EventBody::InProgress { .. } => 1,
            EventBody::ItemAdded { .. } => 2,
            EventBody::PartAdded { .. } => 3,
            EventBody::TextDelta { .. } => 4,
            EventBody::TextDone { .. } => 5,
            EventBody::PartDone { .. } => 6,
            EventBody::ItemDone { .. } => 7,
            EventBody::ToolProgress { .. } => 8,
            EventBody::ToolArgumentsDelta { .. } => 9,
            EventBody::ToolArgumentsDone { .. } => 10,
            EventBody::ToolLog { .. } => 11,
            EventBody::ToolAwaiting { .. } => 12,
            EventBody::ToolAnswered { .. } => 13,
            EventBody::Completed { .. } => 14,
            EventBody::Failed { .. } => 15,
            EventBody::Incomplete { .. } => 16,
            EventBody::Cancelled { .. } => 17,
        };
        Self::NAMES[index]
    }

    /// Whether no event follows this one.
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            EventBody::Completed { .. }
                | EventBody::Failed { .. }
                | EventBody::Incomplete { .. }
                | EventBody::Cancelled { .. }
        )
    }
}
