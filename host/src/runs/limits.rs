//! What bounds runs.

use std::time::Duration;

use crate::config;

/// What bounds runs. What an admin can't set is a constant beside what it bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunLimits {
    /// Most runs in progress or waiting, of everybody.
    pub runs: usize,
    /// Most runs in progress or waiting, of one user.
    pub runs_per_user: usize,
    /// Most runs that are worked on at once; the others wait their turn.
    pub active: usize,
    /// How long the events of a finished run can be replayed.
    pub retention: Duration,
    /// Most calls of one turn.
    pub tool_calls: u32,
    /// How long one turn is worked on.
    pub turn_time: Duration,
    /// Most tokens of one response.
    pub output_tokens: u32,
    /// How long a call waits for its person; then it is denied.
    pub approval_wait: Duration,
}

/// Most runs that are worked on at once: as many sequences as the engine decodes together.
const ACTIVE_RUNS: usize = alcove_runtime::limits::MAX_RUNNING;

impl From<&config::Limits> for RunLimits {
    fn from(limits: &config::Limits) -> RunLimits {
        RunLimits {
            runs: limits.max_runs,
            runs_per_user: limits.max_runs_per_user,
            active: ACTIVE_RUNS,
            retention: limits.run_retention,
            tool_calls: limits.max_tool_calls,
            turn_time: limits.turn_time,
            output_tokens: limits.max_output_tokens,
            approval_wait: limits.approval_wait,
        }
    }
}
