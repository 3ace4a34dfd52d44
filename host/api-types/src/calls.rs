//! The record of a tool call: what it was told, and what running it again gives.

use serde::{Deserialize, Serialize};

use crate::{ToolCall, ToolOutcome, ToolPart, ToolUsage};

/// What is kept of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallReceipt {
    /// The call: plugin, digest, arguments, outcome, output, usage.
    pub call: ToolCall,
    /// In which conversation.
    pub conversation: String,
    /// Whose it was: the account's name.
    pub user: String,
    /// When it was over.
    pub at_ms: i64,
    /// The lines of the policy that allowed something.
    pub policy_lines: Vec<u32>,
    /// Every call of a host function with authority, by its time.
    pub host_calls: Vec<HostCall>,
    /// How often it read a clock.
    pub clock_readings: usize,
    /// How many random bytes it was given.
    pub random_bytes: usize,
    /// Whether the record was cut at its limit.
    pub truncated: bool,
}

/// One call of a host function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostCall {
    /// When, in microseconds since the call began.
    pub at_us: u64,
    /// How long it took, in microseconds.
    pub took_us: u64,
    /// Which function.
    pub function: String,
    /// What it was asked for, cut.
    pub input: String,
    /// What it answered, cut.
    pub output: String,
    /// The line of the policy that allowed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

/// A call that was run again from its record, without reaching anything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallReplay {
    /// Whether outcome and output are the same, byte by byte.
    pub same: bool,
    /// How it ended now.
    pub outcome: ToolOutcome,
    /// What it returned now.
    pub output: Vec<ToolPart>,
    /// What it used now.
    pub usage: ToolUsage,
    /// The first host call that was not as in the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub divergence: Option<CallDivergence>,
}

/// Where a call that was run again left its record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallDivergence {
    /// The host function.
    pub function: String,
    /// What the record has.
    pub recorded: String,
    /// What was asked for now.
    pub now: String,
}
