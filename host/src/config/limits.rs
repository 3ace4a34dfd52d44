//! Limits that an admin can set. Fixed ones are named constants beside what they bound.

use std::time::Duration;

use super::{ConfigError, RawConfig};

/// Every limit that can be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The largest request body.
    pub max_body_bytes: usize,
    /// The largest request head.
    pub max_head_bytes: usize,
    /// How many connections are open at once.
    pub max_connections: usize,
    /// How many WebSockets are open at once.
    pub max_websockets: usize,
    /// How long a WebSocket may stay open.
    pub websocket_lifetime: Duration,
    /// How long a shutdown waits for answers that are being written.
    pub drain: Duration,
    /// How many responses are produced or wait at once.
    pub max_runs: usize,
    /// How many of them one person may have.
    pub max_runs_per_user: usize,
    /// How long the events of a finished response can be replayed.
    pub run_retention: Duration,
    /// How many tool calls one response may make.
    pub max_tool_calls: u32,
    /// How long a response may be worked on.
    pub turn_time: Duration,
    /// The most tokens of one response.
    pub max_output_tokens: u32,
    /// How long a tool call waits for its person; then it is denied.
    pub approval_wait: Duration,
    /// How many tool instances run at once.
    pub max_tool_instances: u32,
    /// How many tool sessions are kept alive.
    pub max_tool_sessions: usize,
    /// The most bytes of compiled components on disk.
    pub compiled_bytes: u64,
}

impl Limits {
    pub(super) fn resolve(raw: &RawConfig) -> Result<Limits, ConfigError> {
        const KIB: u64 = 1024;
        const MIB: u64 = 1024 * KIB;
        const SECOND: Duration = Duration::from_secs(1);
        const HOUR: Duration = Duration::from_secs(3600);
        Ok(Limits {
            max_body_bytes: raw.bytes("limits.body", KIB, 64 * MIB)? as usize,
            // hyper's buffer has a floor of 8 KiB.
            max_head_bytes: raw.bytes("limits.headers", 8 * KIB, MIB)? as usize,
            max_connections: raw.integer("limits.connections", 1, 65_536)? as usize,
            max_websockets: raw.integer("limits.websockets", 0, 65_536)? as usize,
            websocket_lifetime: raw.duration("limits.websocket_lifetime", 24 * HOUR)?,
            drain: raw.duration("limits.drain", HOUR)?,
            max_runs: raw.integer("limits.runs", 1, 4096)? as usize,
            max_runs_per_user: raw.integer("limits.runs_per_user", 1, 4096)? as usize,
            run_retention: raw.duration("limits.run_retention", 24 * HOUR)?,
            max_tool_calls: raw.integer("limits.tool_calls", 0, 64)? as u32,
            turn_time: match raw.duration("limits.turn_time", 24 * HOUR)? {
                time if time < SECOND => {
                    return Err(raw.bad("limits.turn_time", "expected at least 1 s"));
                }
                time => time,
            },
            max_output_tokens: raw.integer("limits.output_tokens", 1, 1 << 20)? as u32,
            approval_wait: raw.duration("limits.approval_wait", 24 * HOUR)?,
            max_tool_instances: raw.integer("limits.tool_instances", 1, 1000)? as u32,
            max_tool_sessions: raw.integer("limits.tool_sessions", 1, 1000)? as usize,
            compiled_bytes: raw.bytes("limits.compiled", 64 * MIB, 1024 * 1024 * MIB)?,
        })
    }
}
