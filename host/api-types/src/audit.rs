//! The audit log.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Something that was done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// The server whose chain it is in.
    pub writer: String,
    /// Its place in that chain: 1, 2, 3, …
    pub seq: i64,
    /// When.
    pub at_ms: i64,
    /// Who acted: the account's name.
    pub user: String,
    /// What was done, such as `tool_call`, `grant` or `revoke`.
    pub action: String,
    /// To what, such as `alcove/python`.
    pub subject: String,
    /// How it ended, such as `ok` or `denied`.
    pub outcome: String,
    /// In which conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// The item that shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// The rest; absent where the user was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Value>,
}

/// A page of the audit log, the latest entry first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditPage {
    /// The entries.
    pub entries: Vec<AuditEntry>,
    /// Where the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// One server's chain of entries, verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditChain {
    /// The server.
    pub writer: String,
    /// How many entries hold, from the first on.
    pub entries: u64,
    /// The hash of the last of these, in hex.
    pub last_hash: String,
    /// The first entry that is not what was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken_at: Option<i64>,
    /// Entries that the server had written and did not find again: the database was cut, or an
    /// older one put back. A server knows this of its own chain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<AuditGap>,
}

/// Entries that are gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditGap {
    /// The first of them.
    pub from: i64,
    /// The last of them.
    pub to: i64,
    /// When that was noticed, in milliseconds since the Unix epoch.
    pub at_ms: i64,
}
