//! What was used of a day's quotas.

use serde::{Deserialize, Serialize};

/// `GET /api/quota`: what a person and their organisation have used today.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaUse {
    /// Whose.
    pub username: String,
    /// When the day ends: midnight UTC.
    pub resets_at_ms: i64,
    /// Tokens of models, read and written.
    pub tokens: QuotaShares,
    /// Processor time of tools, in milliseconds.
    pub tool_cpu_ms: QuotaShares,
    /// Bytes of tools' requests and results.
    pub tool_bytes: QuotaShares,
}

/// Of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaShares {
    /// The person's own.
    pub user: QuotaShare,
    /// Their organisation's, them included.
    pub organisation: QuotaShare,
}

/// Of one kind, of one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaShare {
    /// Used today.
    pub spent: u64,
    /// Held for what is under way.
    pub held: u64,
    /// The most of a day; as much as there is where absent.
    pub limit: Option<u64>,
}
