//! Who is told how far a fetch is.

/// What a fetch is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// A source is asked.
    Source {
        /// In words: "the hub", "22 packages".
        name: &'a str,
    },
    /// So much is here.
    Bytes {
        /// Of these, how many.
        done: u64,
        /// All, where that is known.
        total: Option<u64>,
    },
    /// A source failed, and the next is asked.
    SourceFailed {
        /// In words.
        name: &'a str,
        /// Why.
        reason: &'a str,
    },
    /// The connection was cut or slow; the same source is asked again.
    Retry {
        /// Why.
        reason: &'a str,
    },
    /// The whole file is being checked against its sha256.
    Verifying,
    /// The catalogue has no sha256 for the file, so it is taken as the source gave it. From now
    /// on this is what it is checked against.
    Unverified {
        /// What the file has.
        sha256: &'a str,
    },
}

/// Told of each step. Called from several tasks, often: it must return at once.
pub trait Progress: Send + Sync {
    /// Something happened.
    fn step(&self, step: Step<'_>);
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn step(&self, _step: Step<'_>) {}
}
