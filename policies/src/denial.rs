//! A refusal that says how it could be lifted.

/// What a policy refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Which capability was asked for: `http`, `files`, …
    pub capability: &'static str,
    /// What was asked for and why it is refused, citing the policy's line where one is nearest.
    pub detail: String,
    /// The lines of TOML that would grant it; empty where no policy can.
    pub grant: String,
}
