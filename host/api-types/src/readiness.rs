//! `GET /readyz`: whether the server can answer, and what it waits for.

use serde::{Deserialize, Serialize};

/// The body of `/readyz`: status 200 where `ready`, else 503. Needs no sign-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// Whether a message would be answered now.
    pub ready: bool,
    /// Where the default model stands.
    pub model: ModelState,
    /// For people: what is going on, and what to do where something is missing. Empty when ready.
    #[serde(default)]
    pub detail: String,
}

/// Where a model stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelState {
    /// Being read from disk.
    Loading,
    /// Answering.
    Ready,
    /// Its file is not there.
    Missing,
    /// It could not be loaded.
    Failed,
}
