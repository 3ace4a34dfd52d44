//! What a caller asks of the model and what comes back.

use crate::chat::Prompt;

/// One generation.
#[derive(Clone, Debug)]
pub struct GenerateRequest {
    /// The prompt, from [`crate::Runtime::render_chat`] or [`Prompt::text`].
    pub prompt: Prompt,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// The answer ends before the first of these strings; they are never part of the text.
    /// At most [`crate::limits::MAX_STOP_STRINGS`].
    pub stop: Vec<String>,
    /// The most tokens to generate; clamped to what the context has left.
    pub max_tokens: u32,
    /// Only texts of this grammar can come out.
    pub grammar: Option<Grammar>,
    /// Who goes first.
    pub priority: Priority,
}

/// Who goes first where several generations want the device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Priority {
    /// Somebody waits for the answer.
    #[default]
    Interactive,
    /// Nobody watches: it starts after all others, and stands still while one of them runs.
    Background,
}

/// How the next token is chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sampling {
    /// The most likely token, always.
    Greedy,
    /// Drawn from the smallest set of tokens whose probabilities sum to `top_p`.
    TopP {
        /// Divides the logits; 0 is the same as greedy.
        temperature: f32,
        /// In (0, 1]; 1 keeps every token.
        top_p: f32,
        /// The same seed, prompt and build give the same tokens.
        seed: u64,
    },
}

/// A language that the answer must belong to.
#[derive(Clone, Debug, PartialEq)]
pub enum Grammar {
    /// Exactly one of these strings.
    Choice(Vec<String>),
    /// A JSON text that is valid under this schema.
    JsonSchema(serde_json::Value),
    /// A grammar in llguidance's dialect of Lark.
    Lark(String),
}

/// What a running generation reports.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// More of the answer: whole characters, never part of a stop string.
    Text(String),
    /// The last event.
    Done {
        /// Why it ended.
        finish: Finish,
        /// What was counted.
        usage: TokenUsage,
        /// How long it took.
        timings: Timings,
    },
}

/// Why a generation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// The model ended its turn, a stop string came, or the grammar was complete.
    Stop,
    /// The token limit or the end of the context was reached.
    Length,
    /// The caller cancelled it.
    Cancelled,
}

/// Tokens counted for one generation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenUsage {
    /// Tokens of the prompt.
    pub prompt: u32,
    /// Of those, how many were served from the prefix cache.
    pub cached: u32,
    /// Tokens generated, the end-of-turn token included.
    pub generated: u32,
}

/// Wall-clock times of one generation, for metrics and benchmarks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// In the queue before its first step.
    pub queued: std::time::Duration,
    /// From its first step to its first token.
    pub prefill: std::time::Duration,
    /// From its first token to its last.
    pub decode: std::time::Duration,
}
