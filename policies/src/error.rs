//! Why a policy was refused.

/// A policy that cannot be used, with the line that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct PolicyError {
    /// The line in the policy text, from 1.
    pub line: u32,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl PolicyError {
    pub(crate) fn new(line: u32, message: impl Into<String>) -> Self {
        Self {
            line,
            message: message.into(),
        }
    }
}
