//! Failures: the tool could not do what was asked, and says why.

use crate::{Failure, Input};

impl Failure {
    /// A failure of a documented kind; the functions below are the documented ones.
    pub fn new(kind: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            message: message.into(),
            retry_after_ms: None,
        }
    }

    /// The arguments make no sense.
    pub fn invalid_input(message: impl Into<String>) -> Self {
        Self::new("invalid-input", message)
    }

    /// The host or the other side refused it.
    pub fn denied(message: impl Into<String>) -> Self {
        Self::new("denied", message)
    }

    /// What was asked for is not there.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new("not-found", message)
    }

    /// The other side wants fewer requests; `retry_after_ms` from now, where it said so.
    pub fn rate_limited(message: impl Into<String>, retry_after_ms: Option<u64>) -> Self {
        Self {
            retry_after_ms,
            ..Self::new("rate-limited", message)
        }
    }

    /// The other side is broken or out of reach.
    pub fn upstream(message: impl Into<String>) -> Self {
        Self::new("upstream", message)
    }

    /// More than the tool takes or gives.
    pub fn too_large(message: impl Into<String>) -> Self {
        Self::new("too-large", message)
    }

    /// What is asked for is of a kind that the tool cannot use.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new("unavailable", message)
    }

    /// The code that the tool was given ended with an error: its output, and the error.
    pub fn raised(message: impl Into<String>) -> Self {
        Self::new("raised", message)
    }

    /// The person has to say something first: `prompt` is shown to them with a form for `T`, and
    /// the tool is called again with the answer, for [`crate::answer`].
    pub fn input_required<T: Input>(prompt: &str) -> Self {
        let schema: serde_json::Value =
            serde_json::from_str(&format!("{{{}}}", T::MEMBERS)).unwrap_or_default();
        let asked = serde_json::json!({"prompt": prompt, "schema": schema});
        Self::new("input-required", asked.to_string())
    }

    /// A mistake of the tool itself.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new("internal", message)
    }
}
