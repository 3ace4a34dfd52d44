//! Events of a response become entries.

use std::cell::RefCell;

use alcove_api_types::{
    Awaiting, EventBody, IncompleteDetails, Item, Response, ResponseError, ResponseStatus,
    StreamEvent,
};
use alcove_web_text::sentences::Sentences;
use leptos::prelude::*;

use super::Chat;
use super::entry::{Entry, EntryKind, LogLine, Progress};

/// One response as it comes in.
pub(crate) struct Transcript {
    chat: Chat,
    /// What a screen reader has been told, and of which item.
    sentences: RefCell<(String, Sentences)>,
}

impl Transcript {
    pub(crate) fn new(chat: Chat) -> Transcript {
        Transcript {
            chat,
            sentences: RefCell::default(),
        }
    }

    /// Takes what came since the last frame. Returns whether the response has ended.
    pub(crate) fn apply(&self, events: Vec<StreamEvent>) -> bool {
        let mut ended = false;
        for event in events {
            ended |= event.body.is_final();
            self.event(event.body);
        }
        ended
    }

    fn event(&self, body: EventBody) {
        match body {
            EventBody::Created { response } | EventBody::InProgress { response } => {
                self.items(response.output);
            }
            EventBody::ItemAdded { item, .. } => self.item(item),
            EventBody::ItemDone { item, .. } => {
                let id = item.id().to_owned();
                self.item(item);
                self.announce(&id, true);
            }
            EventBody::TextDelta { item_id, delta, .. } => {
                self.with(&item_id, |entry| {
                    if let EntryKind::Answer(answer) = &entry.kind {
                        answer.text.update(|text| text.push_str(&delta));
                    }
                });
                self.announce(&item_id, false);
            }
            EventBody::ToolArgumentsDelta { item_id, delta, .. } => {
                self.with(&item_id, |entry| {
                    if let EntryKind::Tool(tool) = &entry.kind {
                        tool.draft.update(|draft| draft.push_str(&delta));
                    }
                });
            }
            EventBody::ToolArgumentsDone {
                item_id, arguments, ..
            } => {
                self.with(&item_id, |entry| {
                    if let EntryKind::Tool(tool) = &entry.kind {
                        tool.call.update(|call| call.arguments = arguments);
                    }
                });
            }
            EventBody::ToolProgress {
                item_id,
                permille,
                note,
                ..
            } => {
                self.with(&item_id, |entry| {
                    if let EntryKind::Tool(tool) = &entry.kind {
                        tool.progress.set(Some(Progress { permille, note }));
                    }
                });
            }
            EventBody::ToolLog {
                item_id,
                level,
                message,
                ..
            } => {
                self.with(&item_id, |entry| {
                    if let EntryKind::Tool(tool) = &entry.kind {
                        tool.logged(LogLine { level, message });
                    }
                });
            }
            EventBody::ToolAwaiting {
                item_id, awaiting, ..
            } => {
                self.with(&item_id, |entry| {
                    if let EntryKind::Tool(tool) = &entry.kind {
                        let title = tool.call.with_untracked(|call| call.title.clone());
                        let said = match &awaiting {
                            Awaiting::Approval(_) => format!("{title} needs your approval."),
                            Awaiting::Input(_) => format!("{title} asks you something."),
                        };
                        tool.call.update(|call| call.awaiting = Some(awaiting));
                        self.chat.announcement.set(said);
                    }
                });
            }
            EventBody::ToolAnswered {
                item_id, answered, ..
            } => {
                self.with(&item_id, |entry| {
                    if let EntryKind::Tool(tool) = &entry.kind {
                        tool.call.update(|call| {
                            // A replay from the beginning passes questions that are over.
                            call.awaiting = None;
                            call.answered = Some(answered);
                        });
                    }
                });
            }
            // The whole item follows.
            EventBody::PartAdded { .. }
            | EventBody::TextDone { .. }
            | EventBody::PartDone { .. } => {}
            EventBody::Completed { response }
            | EventBody::Cancelled { response }
            | EventBody::Incomplete { response }
            | EventBody::Failed { response } => {
                let note = ending(
                    response.status,
                    response.error.as_ref(),
                    response.incomplete_details.as_ref(),
                );
                self.end(response, note);
            }
        }
    }

    fn end(&self, response: Response, note: Option<String>) {
        let usage = response.usage;
        self.items(response.output);
        self.chat.entries.with_untracked(|entries| {
            if let Some(Entry {
                kind: EntryKind::Answer(answer),
                ..
            }) = entries.last()
            {
                answer.usage.set(usage);
            }
        });
        if let Some(note) = note {
            self.chat.announcement.set(note.clone());
            let key = end_key(&response.id);
            self.chat.entries.update(|entries| {
                if !entries.iter().any(|entry| entry.key == key) {
                    entries.push(Entry {
                        key,
                        kind: EntryKind::Ended(note),
                    });
                }
            });
        }
    }

    fn items(&self, items: Vec<Item>) {
        for item in items {
            self.item(item);
        }
    }

    /// Adds an item, or brings its entry up to date.
    fn item(&self, item: Item) {
        let known = self.with(item.id(), |entry| entry.update(item.clone()));
        if !known && let Some(entry) = Entry::of(item) {
            self.chat.entries.update(|entries| entries.push(entry));
        }
    }

    fn with(&self, id: &str, change: impl FnOnce(&Entry)) -> bool {
        self.chat.entries.with_untracked(|entries| {
            // The entry that changes is nearly always the last.
            let entry = entries.iter().rev().find(|entry| entry.key == id);
            entry.map(change).is_some()
        })
    }

    /// Tells a screen reader the sentences that are whole.
    fn announce(&self, id: &str, whole: bool) {
        let piece = self.with_text(id, |text| {
            let (of, sentences) = &mut *self.sentences.borrow_mut();
            if of != id {
                id.clone_into(of);
                *sentences = Sentences::default();
            }
            if whole {
                sentences.rest(text)
            } else {
                sentences.next(text)
            }
        });
        if let Some(piece) = piece {
            self.chat.announcement.set(piece);
        }
    }

    fn with_text(&self, id: &str, read: impl FnOnce(&str) -> Option<String>) -> Option<String> {
        self.chat.entries.with_untracked(|entries| {
            let entry = entries.iter().rev().find(|entry| entry.key == id)?;
            match &entry.kind {
                EntryKind::Answer(answer) => answer.text.with_untracked(|text| read(text)),
                EntryKind::Tool(_) | EntryKind::Question(_) | EntryKind::Ended(_) => None,
            }
        })
    }
}

/// The key of the line that says how a response ended.
pub(super) fn end_key(response: &str) -> String {
    format!("end-{response}")
}

/// What is said of a response that did not come to its end.
pub(super) fn ending(
    status: ResponseStatus,
    error: Option<&ResponseError>,
    details: Option<&IncompleteDetails>,
) -> Option<String> {
    match status {
        ResponseStatus::Cancelled => Some("You stopped this answer.".to_owned()),
        ResponseStatus::Incomplete => details.map(|details| incomplete(&details.reason)),
        ResponseStatus::Failed => Some(error.map_or_else(
            || "The answer failed. Send the message again.".to_owned(),
            |error| error.message.clone(),
        )),
        ResponseStatus::Queued | ResponseStatus::InProgress | ResponseStatus::Completed => None,
    }
}

fn incomplete(reason: &str) -> String {
    match reason {
        "max_output_tokens" => {
            "The answer reached its length limit. Ask to go on, and it will.".to_owned()
        }
        "tool_calls" => {
            "More tool calls were wanted than one answer may make. Ask to go on.".to_owned()
        }
        "turn_time" => "The answer reached its limit of time. Ask to go on.".to_owned(),
        "interrupted" => {
            "The server stopped while it was answering. Send the message again.".to_owned()
        }
        other => format!("The answer is incomplete: {other}."),
    }
}
