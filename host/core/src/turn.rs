//! One turn as a state machine: events in, actions out; no I/O and no clock.
//!
//! decide, and check → write the call, or several of one tool → run them → decide again … → answer. The machine holds everything
//! that a turn knows; whoever drives it only carries out actions and reports events. So live runs,
//! replay and tests share it.

mod calls;
mod decide;
mod further;
mod machine;

pub use machine::Turn;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::prompt::{CallForm, CopyRule, Prompt, ResultText};

/// The hard constraint on tools: a mask on the decision, never a wish in the prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// A tool or none.
    Auto,
    /// None.
    None,
    /// Some tool, at least once.
    Required,
    /// This tool, and no other.
    Tool(String),
}

/// What bounds a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnLimits {
    /// Most calls.
    pub calls: u32,
    /// Most tokens that the model writes, calls and answer together.
    pub output_tokens: u32,
    /// Most tokens of one call.
    pub call_tokens: u32,
    /// Most tokens that results of tools take in the prompt, all together.
    pub result_tokens: u32,
}

impl TurnLimits {
    /// Calls per turn where nothing else is said.
    pub const CALLS: u32 = 6;
    /// Tokens per call where nothing else is said.
    pub const CALL_TOKENS: u32 = 1024;
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnEvent {
    /// The turn may begin.
    Started,
    /// The decision was made.
    Decided {
        /// One of the options.
        name: String,
    },
    /// The call is written, or the calls are.
    CallWritten {
        /// What the model wrote, without what the prompt began.
        text: String,
        /// Whether it came to its end within its tokens.
        whole: bool,
        /// Tokens it took.
        tokens: u32,
    },
    /// All calls that were run together ended.
    ToolsEnded {
        /// How, in the order of the calls that ran.
        results: Vec<ToolEnd>,
    },
    /// More of the answer.
    TextDelta {
        /// The new text.
        text: String,
    },
    /// The answer is written.
    AnswerEnded {
        /// Whether it came to its end within its tokens.
        whole: bool,
        /// Tokens it took.
        tokens: u32,
    },
    /// Somebody pressed Stop.
    StopRequested,
    /// Something the turn can't go on without failed.
    Failed {
        /// A stable code, such as `model_error`.
        code: String,
        /// What happened and what to do, for people.
        message: String,
    },
}

/// A call that was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedCall {
    /// Its arguments.
    pub arguments: Value,
    /// Why it does not run, where it does not: it has no result then.
    pub refusal: Option<Refusal>,
}

/// How one call ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolEnd {
    /// What the model gets to read of it.
    pub result: ResultText,
    /// Tokens of that text.
    pub tokens: u32,
    /// Whether the call is worth writing anew: its arguments did not fit the tool, or its code
    /// raised an error.
    pub anew: bool,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnAction {
    /// Let the model choose one of these names, greedily.
    Decide {
        /// What it reads.
        prompt: Prompt,
        /// The names, in order.
        options: Vec<String>,
    },
    /// Let the model write a call, or several of the same tool, greedily.
    WriteCall {
        /// The tool.
        tool: String,
        /// What it reads.
        prompt: Prompt,
        /// The form it writes in.
        form: CallForm,
        /// Most calls.
        max_calls: u32,
        /// Most tokens.
        max_tokens: u32,
    },
    /// Run the calls that were written, none of which knows of another's result.
    RunTools {
        /// The tool.
        tool: String,
        /// The calls.
        calls: Vec<PlannedCall>,
        /// Most tokens of each result that the model gets to read.
        result_tokens: u32,
    },
    /// Run nothing of what was written, and say so in its place.
    RefuseCall {
        /// Why.
        refusal: Refusal,
    },
    /// Let the model answer.
    Answer {
        /// What it reads.
        prompt: Prompt,
        /// Most tokens.
        max_tokens: u32,
        /// Which long numbers it may write, where that is bounded.
        copy: Option<CopyRule>,
    },
    /// The turn is over.
    Finish(TurnEnd),
}

/// Why a call that was written is not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The same call ran in this turn; its result stands.
    Repeated,
    /// Written beside another one, about something that nobody named.
    Unasked,
    /// It did not end within its tokens.
    TooLong,
    /// What was written is not a call.
    Unreadable,
}

impl Refusal {
    /// The reason in words, for people and for the model.
    pub fn message(self) -> &'static str {
        match self {
            Refusal::Repeated => "the same call ran already in this turn, and its result stands",
            Refusal::Unasked => "nobody asked for this call beside the one before it",
            Refusal::TooLong => "the call was not finished within the tokens of one call",
            Refusal::Unreadable => "what the model wrote is not a call of this tool",
        }
    }
}

/// How a turn ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnEnd {
    /// With a whole answer.
    Completed,
    /// With a whole answer, before which one more call was wanted than may be.
    OutOfCalls,
    /// Out of tokens.
    OutOfTokens,
    /// Stopped by the person.
    Cancelled,
    /// Something failed.
    Failed {
        /// A stable code, such as `model_error`.
        code: String,
        /// What happened and what to do, for people.
        message: String,
    },
}

#[cfg(test)]
mod tests;
