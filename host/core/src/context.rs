//! What the model gets to see: planned under a token budget, as data that can be kept and shown.
//!
//! The stable part comes first (instructions and tools), then the window of history, then the
//! question. The window slides in large hops: when history outgrows the budget, it starts again at
//! half of it, so that the prompt of the next turns begins with the same tokens and the prefix
//! cache lives. Where it starts is a function of the history alone. The date stands before the
//! first message of each day, not before each question: there it would move with every turn, and
//! the model would read the last answer a second time.

mod cut;

pub use cut::{Cut, cut_to_tokens};

use serde::{Deserialize, Serialize};

use crate::{
    ids::ItemId,
    prompt::{self, Exchange, Message, NONE},
};

/// Counts the tokens of a text: the one thing that planning needs from a model.
pub trait TokenCounter {
    /// How many tokens the text has.
    fn count(&self, text: &str) -> u32;
}

/// Tokens that a chat template adds to a message, rounded up: role, delimiters, line breaks.
pub const MESSAGE_TOKENS: u32 = 8;

/// How a context is shared out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// The model's whole context.
    pub context: u32,
    /// Kept free for what the model writes: calls and answer.
    pub output: u32,
    /// Kept free for what tools return.
    pub results: u32,
}

/// Most of a context that is kept free for what the model writes, and for what tools return: one
/// part in so many.
const RESERVE_SHARE: u32 = 4;
/// Most tokens of results in one turn: they are read at the speed of a prefill.
const RESULT_TOKENS: u32 = 3000;

impl Budget {
    /// Shares out a context for a turn that may write so many tokens.
    pub fn new(context: u32, output_tokens: u32, with_tools: bool) -> Budget {
        let share = context / RESERVE_SHARE;
        Budget {
            context,
            output: output_tokens.min(share),
            results: if with_tools {
                RESULT_TOKENS.min(share)
            } else {
                0
            },
        }
    }

    /// Tokens for instructions, history and question.
    pub fn available(&self) -> u32 {
        self.context
            .saturating_sub(self.output)
            .saturating_sub(self.results)
    }
}

/// One thing on the path from the conversation's root to its head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The item it is; none where nothing is stored.
    pub item: Option<ItemId>,
    /// What it says.
    pub content: EntryContent,
}

/// What an entry says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryContent {
    /// The person, on a day such as `Sunday, 22 November 2026`.
    User {
        /// What they said.
        text: String,
        /// When, as the person's calendar has it.
        day: String,
    },
    /// The model.
    Assistant(String),
    /// The application.
    System(String),
    /// A call with its result.
    Exchange(Exchange),
}

impl EntryContent {
    fn messages(&self) -> Vec<Message> {
        match self {
            EntryContent::User { text, .. } => vec![Message::user(text)],
            EntryContent::Assistant(text) => vec![Message::assistant(text)],
            EntryContent::System(text) => vec![Message::system(text)],
            EntryContent::Exchange(exchange) => exchange.messages().into(),
        }
    }
}

/// What a part of the window is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartKind {
    /// Instructions and one line per tool.
    Stable,
    /// An earlier message.
    History,
    /// An earlier call with its result.
    ToolExchange,
    /// What day it is.
    Date,
    /// The message to be answered.
    Question,
}

/// A part of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// What it is.
    pub kind: PartKind,
    /// The item it shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<ItemId>,
    /// Its tokens, with those that the chat template adds.
    pub tokens: u32,
}

/// What is in the window and what is not: kept with the run, and shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextPlan {
    /// How the context was shared out.
    pub budget: Budget,
    /// What is in the window, in the order in which the model reads it.
    pub parts: Vec<Part>,
    /// Tokens of all parts.
    pub tokens: u32,
    /// How many of the oldest entries are no longer in the window.
    pub left_out: u32,
}

/// A plan with the texts that it speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The plan.
    pub plan: ContextPlan,
    /// What the model reads: instructions, history, date, question.
    pub conversation: Vec<Message>,
    /// The earlier questions in the window, each with the tool it was decided for, or `none`.
    pub earlier: Vec<(String, String)>,
    /// The message to be answered.
    pub question: String,
    /// What tools printed in the window.
    pub printed: Vec<String>,
    /// What the person wrote in the window.
    pub written: Vec<String>,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContextError {
    /// The question is larger than what there is room for.
    #[error("the message has {tokens} tokens and there is room for {available}")]
    TooLong {
        /// Tokens of the message.
        tokens: u32,
        /// Tokens that there is room for.
        available: u32,
    },
    /// The path does not end with a message of the person.
    #[error("there is no message to answer")]
    NoQuestion,
}

/// Plans the window for the last entry, which is the person's message.
pub fn plan(
    counter: &dyn TokenCounter,
    system: &str,
    entries: &[Entry],
    budget: Budget,
) -> Result<Window, ContextError> {
    let Some(Entry {
        content: EntryContent::User { text: question, .. },
        ..
    }) = entries.last()
    else {
        return Err(ContextError::NoQuestion);
    };
    let measure = |messages: &[Message]| -> u32 {
        messages
            .iter()
            .map(|message| counter.count(&message.text).saturating_add(MESSAGE_TOKENS))
            .fold(0, u32::saturating_add)
    };
    let stable = Message::system(system);
    let stable_tokens = measure(std::slice::from_ref(&stable));
    let room = budget.available().saturating_sub(stable_tokens);
    let rows = rows(entries, measure);
    let start = window_start(&rows, room)?;

    let mut parts = vec![Part {
        kind: PartKind::Stable,
        item: None,
        tokens: stable_tokens,
    }];
    let mut conversation = vec![stable];
    let mut window = Window {
        plan: ContextPlan {
            budget,
            parts: Vec::new(),
            tokens: 0,
            left_out: start as u32,
        },
        conversation: Vec::new(),
        earlier: Vec::new(),
        question: question.clone(),
        printed: Vec::new(),
        written: Vec::new(),
    };
    let last = entries.len() - 1;
    let mut day_shown: Option<&str> = None;
    for (index, (entry, row)) in entries.iter().zip(&rows).enumerate().skip(start) {
        if let EntryContent::User { day, .. } = &entry.content
            && day_shown != Some(day)
        {
            day_shown = Some(day);
            parts.push(Part {
                kind: PartKind::Date,
                item: None,
                tokens: row.date_tokens,
            });
            conversation.push(Message::system(prompt::date(day)));
        }
        let kind = match &entry.content {
            _ if index == last => PartKind::Question,
            EntryContent::Exchange(_) => PartKind::ToolExchange,
            _ => PartKind::History,
        };
        parts.push(Part {
            kind,
            item: entry.item,
            tokens: row.tokens,
        });
        conversation.extend(entry.content.messages());
        window.note(&entry.content, index == last);
    }
    window.plan.tokens = parts.iter().map(|part| part.tokens).sum();
    window.plan.parts = parts;
    window.conversation = conversation;
    Ok(window)
}

impl Window {
    /// Keeps what decisions and the copy rule need of an entry.
    fn note(&mut self, content: &EntryContent, is_question: bool) {
        match content {
            EntryContent::User { text, .. } => {
                if !is_question {
                    self.earlier.push((text.clone(), NONE.to_owned()));
                }
                self.written.push(text.clone());
            }
            EntryContent::Exchange(exchange) => {
                if let Some((_, name)) = self.earlier.last_mut()
                    && name == NONE
                {
                    name.clone_from(&exchange.tool);
                }
                self.printed.push(exchange.result.text.clone());
                self.written.push(exchange.call.clone());
            }
            EntryContent::Assistant(_) | EntryContent::System(_) => {}
        }
    }
}

/// The size of an entry, and of the date that may stand before it.
struct Row {
    tokens: u32,
    date_tokens: u32,
    begins_turn: bool,
}

fn rows(entries: &[Entry], measure: impl Fn(&[Message]) -> u32) -> Vec<Row> {
    entries
        .iter()
        .map(|entry| {
            let date_tokens = match &entry.content {
                EntryContent::User { day, .. } => measure(&[Message::system(prompt::date(day))]),
                _ => 0,
            };
            Row {
                tokens: measure(&entry.content.messages()),
                date_tokens,
                begins_turn: matches!(entry.content, EntryContent::User { .. }),
            }
        })
        .collect()
}

/// The first entry in the window: always where a turn begins, so that no answer stands without
/// its question. Walks the history as it grew, so that the same history always gives the same
/// start, whatever was planned before.
fn window_start(rows: &[Row], room: u32) -> Result<usize, ContextError> {
    // Turns as (index of their first entry, tokens). A date is counted with each turn: the few
    // tokens too many are the price of a size that doesn't depend on the turn before.
    let mut turns: Vec<(usize, u32)> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let tokens = row.tokens.saturating_add(row.date_tokens);
        match turns.last_mut() {
            Some((_, sum)) if !row.begins_turn => *sum = sum.saturating_add(tokens),
            _ => turns.push((index, tokens)),
        }
    }
    let mut first = 0;
    let mut sum: u32 = 0;
    for (newest, (_, tokens)) in turns.iter().enumerate() {
        sum = sum.saturating_add(*tokens);
        if sum > room {
            // At least the newest turn stays, whatever its size.
            while first < newest && sum > room / 2 {
                sum -= turns[first].1;
                first += 1;
            }
        }
    }
    if sum > room {
        return Err(ContextError::TooLong {
            tokens: sum,
            available: room,
        });
    }
    Ok(turns.get(first).map_or(0, |(index, _)| *index))
}

#[cfg(test)]
mod tests;
