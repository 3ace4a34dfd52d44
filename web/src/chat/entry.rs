//! The entries of a shown conversation: each holds signals of its own, so that a change draws
//! only the entry that changed.

use alcove_api_types::{Annotation, Item, ItemStatus, Role, ToolCall, Usage};
use alcove_web_text::format;
use leptos::prelude::*;

use crate::browser;

/// One line of the conversation.
#[derive(Clone)]
pub(crate) struct Entry {
    /// The item's id, or one of our own for what has none.
    pub(crate) key: String,
    pub(crate) kind: EntryKind,
}

#[derive(Clone)]
pub(crate) enum EntryKind {
    /// What the person said.
    Question(String),
    Answer(Answer),
    Tool(Tool),
    /// How a response ended, where it did not end well.
    Ended(String),
}

/// What the model says.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) text: ArcRwSignal<String>,
    /// Where it cites passages; known when it has ended.
    pub(crate) cited: ArcRwSignal<Vec<Annotation>>,
    pub(crate) status: ArcRwSignal<ItemStatus>,
    /// Tokens of the whole turn, on the answer that ended it.
    pub(crate) usage: ArcRwSignal<Option<Usage>>,
}

/// A tool call.
#[derive(Clone)]
pub(crate) struct Tool {
    pub(crate) call: ArcRwSignal<ToolCall>,
    /// The arguments as far as the model has written them.
    pub(crate) draft: ArcRwSignal<String>,
    pub(crate) progress: ArcRwSignal<Option<Progress>>,
    /// What it has logged since this page follows it, the newest last.
    pub(crate) log: ArcRwSignal<Vec<LogLine>>,
    /// When it began, by the person's clock.
    pub(crate) since_ms: f64,
}

/// How far a tool says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) permille: Option<u32>,
    pub(crate) note: String,
}

/// A line of a tool's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogLine {
    pub(crate) level: String,
    pub(crate) message: String,
}

/// The most lines of a log that are kept here; older ones go first.
const MAX_LOG_LINES: usize = 500;

impl Tool {
    /// Takes in a line of its log.
    pub(crate) fn logged(&self, line: LogLine) {
        self.log.update(|log| {
            if log.len() >= MAX_LOG_LINES {
                log.remove(0);
            }
            log.push(line);
        });
    }
}

impl Entry {
    /// The entry of an item; instructions are not shown.
    pub(crate) fn of(item: Item) -> Option<Entry> {
        let key = item.id().to_owned();
        let kind = match item {
            Item::Message(message) => match message.role {
                Role::User => EntryKind::Question(message.text()),
                Role::Assistant => EntryKind::Answer(Answer {
                    text: ArcRwSignal::new(message.text()),
                    cited: ArcRwSignal::new(message.annotations()),
                    status: ArcRwSignal::new(message.status),
                    usage: ArcRwSignal::new(None),
                }),
                Role::System | Role::Developer => return None,
            },
            Item::ToolCall(call) => EntryKind::Tool(Tool {
                since_ms: since(&call.id),
                call: ArcRwSignal::new(call),
                draft: ArcRwSignal::new(String::new()),
                progress: ArcRwSignal::new(None),
                log: ArcRwSignal::new(Vec::new()),
            }),
        };
        Some(Entry { key, kind })
    }

    /// Takes over a newer state of the same item.
    pub(crate) fn update(&self, item: Item) {
        match (&self.kind, item) {
            (EntryKind::Answer(answer), Item::Message(message)) => {
                let text = message.text();
                // An item begins empty; a replay of its beginning must not wipe what is there.
                if message.status != ItemStatus::InProgress
                    && answer.text.with_untracked(|old| *old != text)
                {
                    answer.text.set(text);
                }
                let cited = message.annotations();
                if answer.cited.with_untracked(|old| *old != cited) {
                    answer.cited.set(cited);
                }
                answer.status.set(message.status);
            }
            (EntryKind::Tool(tool), Item::ToolCall(call))
                if tool.call.with_untracked(|old| *old != call) =>
            {
                tool.call.set(call);
            }
            _ => {}
        }
    }

    /// Makes what runs now run again when the entry grows.
    pub(crate) fn track(&self) {
        match &self.kind {
            EntryKind::Answer(answer) => {
                answer.text.track();
                answer.status.track();
            }
            EntryKind::Tool(tool) => {
                tool.call.track();
                tool.draft.track();
                tool.progress.track();
                tool.log.track();
            }
            EntryKind::Question(_) | EntryKind::Ended(_) => {}
        }
    }

    /// Whether something of it can be seen to grow.
    pub(crate) fn is_in_progress(&self) -> bool {
        match &self.kind {
            EntryKind::Answer(answer) => {
                answer.status.get() == ItemStatus::InProgress
                    && answer.text.with(|text| !text.is_empty())
            }
            EntryKind::Tool(tool) => tool
                .call
                .with(|call| call.status == ItemStatus::InProgress && call.outcome.is_none()),
            EntryKind::Question(_) | EntryKind::Ended(_) => false,
        }
    }
}

/// An item's id says when it began, which matters where this page came later than the item. A
/// clock that differs from the server's by more than the age of any call is not believed.
fn since(id: &str) -> f64 {
    const OLDEST_MS: f64 = 600_000.0;
    let now = browser::now_ms();
    format::made_at_ms(id)
        .map(|ms| ms as f64)
        .filter(|ms| (now - OLDEST_MS..=now).contains(ms))
        .unwrap_or(now)
}
