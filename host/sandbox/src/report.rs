//! What comes back from a call: how it ended, what it used, and what it was told by the host.

use std::time::Duration;

pub use alcove_policies::Denial;
use serde::{Deserialize, Serialize};

use crate::record::{Divergence, HostRecord};

/// The end of one call.
#[derive(Debug, Clone)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// What it used.
    pub usage: Usage,
    /// What the host told it, from which it can be run again.
    pub record: HostRecord,
    /// Where a call that served an earlier record first did something else than that says.
    pub divergence: Option<Divergence>,
    /// What it logged, in order, within the limit.
    pub logs: Vec<LogLine>,
}

/// The five ways a call ends. Never merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It returned a result.
    Ok(Vec<Part>),
    /// The tool itself said that it failed.
    Failed(Failure),
    /// The policy refused what it needed.
    Denied(Denial),
    /// It reached a limit.
    Limit(LimitHit),
    /// The component crashed. The text is the host's own, never the guest's.
    Trapped(String),
}

impl Outcome {
    /// A short name for logs and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Outcome::Ok(_) => "ok",
            Outcome::Failed(_) => "failed",
            Outcome::Denied(_) => "denied",
            Outcome::Limit(_) => "limit",
            Outcome::Trapped(_) => "trapped",
        }
    }
}

/// The tool's own failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// One of the kinds that the contract documents; any other reads `internal`.
    pub kind: String,
    /// The tool's own words.
    pub message: String,
    /// When trying again may help, in milliseconds.
    pub retry_after_ms: Option<u64>,
}

/// A limit that was reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitHit {
    /// Which: `memory`, `cpu`, `wall`, `output`, `logs`, `handles`, `calls`, `concurrency`,
    /// `arguments`, `http-rate`, `http-requests`, `http-bytes`, `stopped`, `revoked`, or one of
    /// [`crate::CapabilityError::LIMITS`].
    pub name: &'static str,
    /// What was allowed, in words a person reads.
    pub allowed: String,
}

/// A part of a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Who it is for.
    pub audience: Audience,
    /// What it is.
    pub content: Content,
}

/// Who a part is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Audience {
    /// Only the model.
    Model,
    /// Only the person.
    User,
    /// Both.
    Both,
}

/// The content of a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// Plain text or Markdown.
    Text(String),
    /// One JSON value, as text.
    Json(String),
    /// The id of an asset that the host minted for this call.
    Asset(String),
    /// A link.
    Link {
        /// Its title.
        title: String,
        /// Its URL.
        url: String,
    },
}

/// What a call used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// From the start of the call to its end.
    pub wall: Duration,
    /// CPU time of the thread while it ran the guest and the host functions it called.
    pub cpu: Duration,
    /// The most memory it held at once, summed over all linear memories and tables.
    pub peak_memory_bytes: u64,
    /// The size of its result.
    pub output_bytes: u64,
    /// Bytes of its requests and of their answers.
    pub http_bytes: u64,
}

/// A line that the guest logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// How much it matters.
    pub level: LogLevel,
    /// The guest's words, cut to the limit.
    pub message: String,
}

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// For the author.
    Debug,
    /// Worth knowing.
    Info,
    /// Something is off.
    Warn,
    /// Something went wrong.
    Error,
}
