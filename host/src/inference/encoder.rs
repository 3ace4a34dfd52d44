//! The sentence encoder of this server: loaded when it is first needed, absent where its file is.

use std::path::PathBuf;
use std::sync::Arc;

use alcove_runtime::catalogue::{Catalogue, EMBEDDING_MODEL};
use alcove_runtime::{EmbedError, Embedder, Embeddings, Priority};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use super::InferenceError;
use crate::models;

/// Makes vectors of texts; cheap to clone.
#[derive(Debug, Clone)]
pub struct Encoder {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    models_dir: PathBuf,
    loaded: OnceCell<Embedder>,
}

/// Why there are no vectors.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// There is no encoder.
    #[error(transparent)]
    Absent(#[from] InferenceError),
    /// It refused or failed.
    #[error(transparent)]
    Embed(#[from] EmbedError),
}

impl Encoder {
    /// The encoder whose file is in this folder, or will be.
    pub fn new(models_dir: PathBuf) -> Encoder {
        Encoder {
            inner: Arc::new(Inner {
                models_dir,
                loaded: OnceCell::new(),
            }),
        }
    }

    /// The name that requests use.
    pub fn id(&self) -> &'static str {
        EMBEDDING_MODEL
    }

    /// Vectors of texts, each of length 1.
    pub async fn embed(
        &self,
        texts: Vec<String>,
        priority: Priority,
        cancel: CancellationToken,
    ) -> Result<Embeddings, EncodeError> {
        let dir = self.inner.models_dir.clone();
        // What was not there may have been fetched since: only success is remembered.
        let load = || async {
            let loaded = tokio::task::spawn_blocking(move || load(dir)).await;
            loaded.unwrap_or_else(|error| Err(failed(&error)))
        };
        let embedder = self.inner.loaded.get_or_try_init(load).await?;
        Ok(embedder.embed(texts, priority, cancel).await?)
    }
}

fn load(models_dir: PathBuf) -> Result<Embedder, InferenceError> {
    let catalogue = Catalogue::builtin().map_err(|error| failed(&error))?;
    let missing = || InferenceError::Missing {
        id: EMBEDDING_MODEL.to_owned(),
    };
    let entry = catalogue.get(EMBEDDING_MODEL).ok_or_else(missing)?;
    let path = models_dir.join(&entry.file);
    if !path.is_file() {
        return Err(missing());
    }
    let path = models::checked(entry, path).map_err(|error| failed(&error))?;
    Embedder::load(&path).map_err(|error| failed(&error))
}

fn failed(error: &dyn std::fmt::Display) -> InferenceError {
    InferenceError::Failed {
        id: EMBEDDING_MODEL.to_owned(),
        reason: error.to_string(),
    }
}
