//! What can go wrong with model files. Each message says what to do.

use std::io;
use std::path::PathBuf;

use super::human_bytes;

/// A model file that can't be had or used.
#[derive(Debug, thiserror::Error)]
pub enum ModelsError {
    /// The catalogue has no such model.
    #[error(
        "there is no model `{id}` in the catalogue, which has {}; a file of your own is named by its path and ends in .gguf",
        known.join(", ")
    )]
    Unknown {
        /// What was asked for.
        id: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The file is not there.
    #[error("the model `{id}` is not on this machine: fetch it with `alcove model fetch {id}`")]
    Missing {
        /// Which model.
        id: String,
    },
    /// A file of one's own is not there.
    #[error("there is no model file at {}", path.display())]
    NoFile {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file's bytes are not those of the catalogue.
    #[error(
        "{} is not the file that the catalogue describes ({detail}): remove it with `alcove model remove {id}` and fetch it anew with `alcove model fetch {id}`",
        file.display()
    )]
    Altered {
        /// Which model.
        id: String,
        /// Which file.
        file: PathBuf,
        /// What differs: its size or its sha256.
        detail: String,
    },
    /// The disk has no room.
    #[error(
        "the disk at {} is full: {} more are needed; what came so far is kept, so free some space and run `alcove model fetch {id}` again",
        folder.display(),
        human_bytes(*missing_bytes)
    )]
    DiskFull {
        /// Which model.
        id: String,
        /// Where.
        folder: PathBuf,
        /// How much more is needed.
        missing_bytes: u64,
    },
    /// Another process fetches the same file.
    #[error("another process is fetching `{id}`: wait for it, or stop it and try again")]
    Busy {
        /// Which model.
        id: String,
    },
    /// The fetch was stopped.
    #[error("stopped; `alcove model fetch {id}` goes on from {}", human_bytes(*done_bytes))]
    Cancelled {
        /// Which model.
        id: String,
        /// How much came.
        done_bytes: u64,
    },
    /// No source has the file.
    #[error("`{id}` could not be fetched from any source:\n{}", list(failures))]
    Sources {
        /// Which model.
        id: String,
        /// Each source with what went wrong there.
        failures: Vec<(String, SourceError)>,
    },
    /// A file or folder can't be read or written.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// What was tried: a verb.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

fn list(failures: &[(String, SourceError)]) -> String {
    let lines: Vec<String> = failures
        .iter()
        .map(|(source, error)| format!("  {source}: {error}"))
        .collect();
    lines.join("\n")
}

/// Why one source failed; the next is tried.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The request failed.
    #[error("{0}")]
    Request(String),
    /// The server said no.
    #[error("{host} answered {status}")]
    Status {
        /// Who.
        host: String,
        /// What: the status and its name.
        status: String,
    },
    /// The server has another file.
    #[error("it has other bytes: {detail}")]
    Altered {
        /// What differs.
        detail: String,
    },
    /// What a package index answered can't be understood.
    #[error("{0}")]
    Index(String),
    /// A part of this machine that the source needs is missing.
    #[error("{missing} is missing on this machine: {remedy}")]
    Machine {
        /// What.
        missing: &'static str,
        /// The command that brings it.
        remedy: &'static str,
    },
    /// A wheel can't be read.
    #[error("the package {file} can't be read: {detail}")]
    Wheel {
        /// Its file name.
        file: String,
        /// Why.
        detail: String,
    },
}

/// How one source's attempt ends, when it does not end well.
#[derive(Debug)]
pub(super) enum Stop {
    /// The source is at fault: the next may do.
    Source(SourceError),
    /// This machine or the person is: no source would do.
    Final(ModelsError),
}

impl From<SourceError> for Stop {
    fn from(error: SourceError) -> Stop {
        Stop::Source(error)
    }
}

impl From<ModelsError> for Stop {
    fn from(error: ModelsError) -> Stop {
        Stop::Final(error)
    }
}
