//! Why there is no model to answer: each says what to do.

use std::path::PathBuf;

/// Why there is no model to answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InferenceError {
    /// Its file is not there.
    #[error("the model {id} is not on this machine: fetch it with `alcove model fetch {id}`")]
    Missing {
        /// The model's id in the catalogue.
        id: String,
    },
    /// The configured path has no file.
    #[error("there is no model file at {}: check `model` in the configuration", path.display())]
    NoSuchFile {
        /// The configured path.
        path: PathBuf,
    },
    /// The configured id is not in the catalogue.
    #[error(
        "no model is called {id:?}: `model` is a path to a .gguf file or one of {}",
        known.join(", ")
    )]
    Unknown {
        /// The configured id.
        id: String,
        /// The catalogue's ids.
        known: Vec<String>,
    },
    /// It is being loaded.
    #[error("the model {id} is still being loaded: try again in a few seconds")]
    Loading {
        /// The model's id.
        id: String,
    },
    /// It could not be loaded.
    #[error("the model {id} could not be loaded: {reason}")]
    Failed {
        /// The model's id.
        id: String,
        /// What is wrong with it and what to do.
        reason: String,
    },
    /// Too many requests wait for it.
    #[error("too many answers wait for the model: try again in a few seconds")]
    Overloaded,
}
