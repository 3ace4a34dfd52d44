//! The items of a response while they come to be: on the wire, in the snapshot, and in the log.

use alcove_api_types::{
    Answered, Awaiting, Badge, ContentPart, EventBody, Item, ItemStatus, Message, Role, ToolCall,
    ToolOutcome,
};
use alcove_core::{
    ids::ItemId,
    item::{self, Payload},
};

use alcove_sandbox::LogLevel;

use super::{Run, cite};
use crate::store::wire;

/// The one text part of a message.
const CONTENT_INDEX: u32 = 0;

/// An item that has begun and not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Open {
    pub(super) id: ItemId,
    pub(super) index: usize,
}

impl Open {
    fn output_index(self) -> u32 {
        // A turn has a handful of items: its tool rounds and the answer.
        self.index as u32
    }
}

impl Run {
    /// Begins the answer.
    pub(super) fn open_message(&self) -> Open {
        let id = ItemId::generate();
        let message = Message {
            id: id.to_string(),
            role: Role::Assistant,
            status: ItemStatus::InProgress,
            content: Vec::new(),
        };
        let open = self.add(id, Item::Message(message));
        self.emit_with(|response| {
            let part = output_text(String::new());
            if let Some(Item::Message(message)) = response.output.get_mut(open.index) {
                message.content.push(part.clone());
            }
            EventBody::PartAdded {
                item_id: open.id.to_string(),
                output_index: open.output_index(),
                content_index: CONTENT_INDEX,
                part,
            }
        });
        open
    }

    /// More of the answer.
    pub(super) fn push_text(&self, open: Open, delta: String) {
        self.emit_with(|response| {
            if let Some(Item::Message(message)) = response.output.get_mut(open.index)
                && let Some(ContentPart::OutputText { text, .. }) = message.content.first_mut()
            {
                text.push_str(&delta);
            }
            EventBody::TextDelta {
                item_id: open.id.to_string(),
                output_index: open.output_index(),
                content_index: CONTENT_INDEX,
                delta,
            }
        });
    }

    /// Ends the answer.
    pub(super) fn close_message(&self, open: Open, status: ItemStatus) {
        let (text, part) = match self.item(open) {
            Some(Item::Message(message)) => {
                let part = message.content.first().cloned();
                (message.text(), part.unwrap_or(output_text(String::new())))
            }
            _ => (String::new(), output_text(String::new())),
        };
        let (item_id, output_index) = (open.id.to_string(), open.output_index());
        self.emit(EventBody::TextDone {
            item_id: item_id.clone(),
            output_index,
            content_index: CONTENT_INDEX,
            text,
        });
        self.emit(EventBody::PartDone {
            item_id,
            output_index,
            content_index: CONTENT_INDEX,
            part,
        });
        self.close(open, |item| {
            if let Item::Message(message) = item {
                message.status = status;
            }
        });
    }

    /// How the answer ended and what it cites, in the snapshot only: the events come once it is
    /// stored.
    pub(super) fn set_message_end(&self, open: Open, status: ItemStatus) {
        self.update(|response| {
            let cited = cite::annotations(&response.output, open.index);
            if let Some(Item::Message(message)) = response.output.get_mut(open.index) {
                message.status = status;
                if let Some(ContentPart::OutputText { annotations, .. }) =
                    message.content.first_mut()
                {
                    *annotations = cited;
                }
            }
        });
    }

    /// Begins a call, before its arguments are written.
    pub(super) fn open_call(&self, call: NewCall<'_>) -> Open {
        let id = ItemId::generate();
        let NewCall {
            plugin,
            digest,
            tool,
            title,
            badges,
        } = call;
        let call = ToolCall {
            id: id.to_string(),
            status: ItemStatus::InProgress,
            plugin: plugin.to_owned(),
            digest: digest.to_owned(),
            tool: tool.to_owned(),
            title: title.to_owned(),
            arguments: String::new(),
            badges: badges.to_vec(),
            outcome: None,
            output: Vec::new(),
            usage: None,
            awaiting: None,
            answered: None,
            label: None,
            fetched: false,
        };
        self.add(id, Item::ToolCall(call))
    }

    /// More of a call's arguments, as the model writes them.
    pub(super) fn push_arguments(&self, open: Open, delta: String) {
        self.emit(EventBody::ToolArgumentsDelta {
            item_id: open.id.to_string(),
            output_index: open.output_index(),
            delta,
        });
    }

    /// The arguments are known, and the tool begins.
    pub(super) fn set_arguments(&self, open: Open, arguments: &str) {
        self.emit_with(|response| {
            if let Some(Item::ToolCall(call)) = response.output.get_mut(open.index) {
                call.arguments = arguments.to_owned();
            }
            EventBody::ToolArgumentsDone {
                item_id: open.id.to_string(),
                output_index: open.output_index(),
                arguments: arguments.to_owned(),
            }
        });
    }

    /// The tool says how far it is.
    pub(super) fn push_progress(&self, open: Open, permille: Option<u32>, note: String) {
        self.emit(EventBody::ToolProgress {
            item_id: open.id.to_string(),
            output_index: open.output_index(),
            permille,
            note,
        });
    }

    /// The tool logs a line.
    pub(super) fn push_log(&self, open: Open, level: LogLevel, message: String) {
        let level = match level {
            LogLevel::Debug => "debug",
            LogLevel::Info => "info",
            LogLevel::Warn => "warn",
            LogLevel::Error => "error",
        };
        self.emit(EventBody::ToolLog {
            item_id: open.id.to_string(),
            output_index: open.output_index(),
            level: level.to_owned(),
            message,
        });
    }

    /// The call waits for its person.
    pub(super) fn set_awaiting(&self, open: Open, awaiting: Awaiting) {
        self.emit_with(|response| {
            if let Some(Item::ToolCall(call)) = response.output.get_mut(open.index) {
                call.awaiting = Some(awaiting.clone());
            }
            EventBody::ToolAwaiting {
                item_id: open.id.to_string(),
                output_index: open.output_index(),
                awaiting,
            }
        });
    }

    /// The waiting is over.
    pub(super) fn set_answered(&self, open: Open, answered: Answered) {
        self.emit_with(|response| {
            if let Some(Item::ToolCall(call)) = response.output.get_mut(open.index) {
                call.awaiting = None;
                call.answered = Some(answered.clone());
            }
            EventBody::ToolAnswered {
                item_id: open.id.to_string(),
                output_index: open.output_index(),
                answered,
            }
        });
    }

    /// How the call ended, in the snapshot only: the event comes once it is stored.
    pub(super) fn set_outcome(&self, open: Open, change: impl FnOnce(&mut ToolCall)) {
        self.change_call(open, change);
    }

    /// Ends a call that has its outcome.
    pub(super) fn close_call(&self, open: Open) {
        self.close(open, |_| {});
    }

    /// The item as it is.
    pub(super) fn item(&self, open: Open) -> Option<Item> {
        let mut item = None;
        self.update(|response| item = response.output.get(open.index).cloned());
        item
    }

    fn add(&self, id: ItemId, item: Item) -> Open {
        let mut open = Open { id, index: 0 };
        self.emit_with(|response| {
            open.index = response.output.len();
            response.output.push(item.clone());
            EventBody::ItemAdded {
                output_index: open.output_index(),
                item,
            }
        });
        open
    }

    fn change_call(&self, open: Open, change: impl FnOnce(&mut ToolCall)) {
        self.update(|response| {
            if let Some(Item::ToolCall(call)) = response.output.get_mut(open.index) {
                change(call);
            }
        });
    }

    fn close(&self, open: Open, change: impl FnOnce(&mut Item)) {
        self.emit_with(|response| {
            // `open` came from `add` on this response, whose output only grows.
            let item = &mut response.output[open.index];
            change(item);
            EventBody::ItemDone {
                output_index: open.output_index(),
                item: item.clone(),
            }
        });
    }
}

/// A call that begins.
pub(super) struct NewCall<'a> {
    pub(super) plugin: &'a str,
    pub(super) digest: &'a str,
    pub(super) tool: &'a str,
    pub(super) title: &'a str,
    pub(super) badges: &'a [Badge],
}

/// An item of the response as the log keeps it.
pub(super) fn payload(item: &Item) -> Payload {
    match item {
        Item::Message(message) => Payload::Message {
            role: item::Role::Assistant,
            text: message.text(),
            citations: cite::citations(message),
            status: match message.status {
                ItemStatus::InProgress => item::ItemStatus::InProgress,
                ItemStatus::Completed => item::ItemStatus::Completed,
                ItemStatus::Incomplete => item::ItemStatus::Incomplete,
            },
        },
        Item::ToolCall(call) => Payload::ToolCall(Box::new(wire::call(call))),
    }
}

/// How a call looks that was written and not run.
pub(super) fn refused(refusal: alcove_core::turn::Refusal) -> ToolOutcome {
    use alcove_core::turn::Refusal;
    let message = refusal.message().to_owned();
    match refusal {
        Refusal::Repeated | Refusal::Unasked => ToolOutcome::Limit {
            limit: "calls".to_owned(),
            message,
        },
        Refusal::TooLong => ToolOutcome::Limit {
            limit: "output".to_owned(),
            message,
        },
        Refusal::Unreadable => ToolOutcome::Failed {
            failure: "invalid-input".to_owned(),
            message,
        },
    }
}

fn output_text(text: String) -> ContentPart {
    ContentPart::OutputText {
        text,
        annotations: Vec::new(),
    }
}
