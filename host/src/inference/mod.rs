//! The models that answer: each loaded in the background, with a state and typed errors.

mod choose;
mod encoder;
mod error;
mod local;
mod model;
mod models;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use alcove_runtime::{LoadOptions, Runtime};
use tokio::sync::{OnceCell, watch};

pub use encoder::{EncodeError, Encoder};
pub use error::InferenceError;
pub use local::LocalModel;
pub use model::{
    CallsForm, Form, Job, Model, ModelError, ModelEvent, Pieces, Priority, Tokens, estimated_tokens,
};
pub use models::Models;

use crate::config::ModelChoice;

/// Which model is loaded and how.
#[derive(Debug, Clone)]
pub struct InferenceConfig {
    /// A model of the catalogue or a file of one's own; what fits this machine where absent.
    pub model: Option<ModelChoice>,
    /// The folder with the catalogue's files.
    pub models_dir: PathBuf,
    /// Threads that compute; the engine's own choice where absent.
    pub threads: Option<usize>,
    /// The longest context, in tokens.
    pub context_tokens: u32,
}

impl InferenceConfig {
    /// The id of that model: the catalogue's, or the file's name without `.gguf`.
    pub fn model_id(&self) -> String {
        choose::id(self)
    }
}

/// Where the model stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InferenceState {
    /// Being loaded.
    Loading,
    /// Ready to answer.
    Ready,
    /// There is no file of it; the error says what to do.
    Missing(InferenceError),
    /// Its file can't be used; the error says why and what to do.
    Failed(InferenceError),
}

/// One model of this server; cheap to clone.
#[derive(Clone)]
pub struct Inference {
    inner: Arc<Inner>,
}

struct Inner {
    config: Option<InferenceConfig>,
    slot: Mutex<Slot>,
    /// Readers wait on it for the end of loading.
    state: watch::Sender<InferenceState>,
    /// The digest of its file, once somebody asked.
    digest: OnceCell<String>,
}

struct Slot {
    id: String,
    model: Option<Arc<dyn Model>>,
}

impl std::fmt::Debug for Inference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inference")
            .field("model", &self.model_id())
            .field("state", &self.state())
            .finish()
    }
}

impl Inference {
    /// Begins to load the model on a thread of its own and returns at once.
    pub fn start(config: InferenceConfig) -> Inference {
        let (state, _) = watch::channel(InferenceState::Loading);
        let slot = Slot {
            id: choose::id(&config),
            model: None,
        };
        let inner = Inner {
            config: Some(config),
            slot: Mutex::new(slot),
            state,
            digest: OnceCell::new(),
        };
        let inference = Inference {
            inner: Arc::new(inner),
        };
        inference.spawn_load();
        inference
    }

    /// An inference that is ready with this model: for engines that are loaded elsewhere.
    pub fn with_model(model: Arc<dyn Model>) -> Inference {
        let (state, _) = watch::channel(InferenceState::Ready);
        let slot = Slot {
            id: model.id().to_owned(),
            model: Some(model),
        };
        Inference {
            inner: Arc::new(Inner {
                config: None,
                slot: Mutex::new(slot),
                state,
                digest: OnceCell::new(),
            }),
        }
    }

    /// Tries again after it was missing or failed, for example once its file was fetched. Does
    /// nothing while it loads or when it is ready.
    pub fn reload(&self) {
        let Some(config) = &self.inner.config else {
            return;
        };
        let begins = self.inner.state.send_if_modified(|state| {
            let idle = matches!(
                state,
                InferenceState::Missing(_) | InferenceState::Failed(_)
            );
            if idle {
                *state = InferenceState::Loading;
            }
            idle
        });
        if begins {
            self.slot().id = choose::id(config);
            self.spawn_load();
        }
    }

    /// Where it stands.
    pub fn state(&self) -> InferenceState {
        self.inner.state.borrow().clone()
    }

    /// The id that requests name it by: the catalogue's, or the file's name without `.gguf`.
    pub fn model_id(&self) -> String {
        self.slot().id.clone()
    }

    /// The model, or why there is none.
    pub fn model(&self) -> Result<Arc<dyn Model>, InferenceError> {
        if let Some(model) = &self.slot().model {
            return Ok(Arc::clone(model));
        }
        match self.state() {
            InferenceState::Missing(error) | InferenceState::Failed(error) => Err(error),
            InferenceState::Loading | InferenceState::Ready => Err(InferenceError::Loading {
                id: self.model_id(),
            }),
        }
    }

    /// The digest of the loaded model's file, such as `sha256:…`: the catalogue's, or the hash of a
    /// file of one's own, which is read the first time. Nothing where no file is loaded.
    pub async fn file_digest(&self) -> Option<String> {
        let config = self.inner.config.clone()?;
        self.model().ok()?;
        let id = self.model_id();
        let digest = self.inner.digest.get_or_try_init(|| async move {
            let digested = tokio::task::spawn_blocking(move || choose::digest(&config, &id));
            digested
                .await
                .unwrap_or_else(|error| Err(std::io::Error::other(error)))
        });
        let digest = digest.await.inspect_err(|error| {
            tracing::warn!(%error, "the model's file could not be read");
        });
        digest.ok().cloned()
    }

    /// Waits until it is no longer being loaded.
    pub async fn ready(&self) -> Result<Arc<dyn Model>, InferenceError> {
        let mut state = self.inner.state.subscribe();
        // The sender lives in `self`: it can't be gone.
        let _ = state
            .wait_for(|state| *state != InferenceState::Loading)
            .await;
        self.model()
    }

    fn spawn_load(&self) {
        let inference = self.clone();
        let spawned = std::thread::Builder::new()
            .name("model-load".to_owned())
            .spawn(move || inference.load());
        if let Err(error) = spawned {
            let reason = format!("the system gave no thread to load it: {error}");
            self.settle(Err(InferenceError::Failed {
                id: self.model_id(),
                reason,
            }));
        }
    }

    fn load(&self) {
        let Some(config) = &self.inner.config else {
            return;
        };
        let id = self.model_id();
        let result = choose::path(config, &id).and_then(|path| {
            tracing::info!(model = id, path = %path.display(), "loading the model");
            let options = LoadOptions {
                threads: config.threads,
                context_tokens: Some(config.context_tokens),
                ..LoadOptions::default()
            };
            Runtime::load(&path, options).map_err(|error| InferenceError::Failed {
                id: id.clone(),
                reason: error.to_string(),
            })
        });
        self.settle(result.map(|runtime| LocalModel::new(id, runtime)));
    }

    fn settle(&self, result: Result<LocalModel, InferenceError>) {
        let state = match result {
            Ok(model) => {
                tracing::info!(
                    model = model.id(),
                    context_tokens = model.context_tokens(),
                    "the model is ready"
                );
                self.slot().model = Some(Arc::new(model));
                InferenceState::Ready
            }
            Err(error) => {
                tracing::warn!(%error, "there is no model to answer");
                match error {
                    InferenceError::Failed { .. } => InferenceState::Failed(error),
                    _ => InferenceState::Missing(error),
                }
            }
        };
        self.inner.state.send_replace(state);
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        // Nothing panics while it is held.
        self.inner
            .slot
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(model: Option<ModelChoice>, dir: &std::path::Path) -> InferenceConfig {
        InferenceConfig {
            model,
            models_dir: dir.to_owned(),
            threads: Some(1),
            context_tokens: 2048,
        }
    }

    async fn error_of(config: InferenceConfig) -> (InferenceState, String) {
        let inference = Inference::start(config);
        let error = inference.ready().await.err().expect("there is no model");
        (inference.state(), error.to_string())
    }

    #[tokio::test]
    async fn a_missing_model_says_how_to_fetch_it() {
        let dir = tempfile::tempdir().unwrap();
        let choice = Some(ModelChoice::Id("smollm2-135m".to_owned()));
        let (state, error) = error_of(config(choice, dir.path())).await;
        assert!(matches!(state, InferenceState::Missing(_)), "{state:?}");
        assert!(error.contains("alcove model fetch smollm2-135m"), "{error}");
    }

    #[tokio::test]
    async fn the_default_is_named_when_nothing_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let (_, error) = error_of(config(None, dir.path())).await;
        assert!(
            error.contains("alcove model fetch qwen2.5-coder-"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn an_unknown_id_lists_the_known_ones() {
        let dir = tempfile::tempdir().unwrap();
        let choice = Some(ModelChoice::Id("gpt-oss".to_owned()));
        let (_, error) = error_of(config(choice, dir.path())).await;
        assert!(
            error.contains("gpt-oss") && error.contains("smollm2-135m"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn a_path_without_a_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mine.gguf");
        let (_, error) = error_of(config(Some(ModelChoice::File(path)), dir.path())).await;
        assert!(error.contains("mine.gguf"), "{error}");
    }

    #[tokio::test]
    async fn a_file_that_is_no_model_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mine.gguf");
        std::fs::write(&path, b"hello").unwrap();
        let (state, error) = error_of(config(Some(ModelChoice::File(path)), dir.path())).await;
        assert!(matches!(state, InferenceState::Failed(_)), "{state:?}");
        assert!(error.contains("mine"), "{error}");
    }

    #[tokio::test]
    async fn a_catalogue_file_with_other_bytes_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let catalogue = alcove_runtime::catalogue::Catalogue::builtin().unwrap();
        let entry = catalogue.get("smollm2-135m").unwrap();
        std::fs::write(dir.path().join(&entry.file), b"hello").unwrap();
        let choice = Some(ModelChoice::Id(entry.id.clone()));
        let (state, error) = error_of(config(choice, dir.path())).await;
        assert!(matches!(state, InferenceState::Failed(_)), "{state:?}");
        assert!(
            error.contains("alcove model remove smollm2-135m"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn reload_tries_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mine.gguf");
        let choice = Some(ModelChoice::File(path.clone()));
        let inference = Inference::start(config(choice, dir.path()));
        assert!(inference.ready().await.is_err());
        std::fs::write(&path, b"hello").unwrap();
        inference.reload();
        assert!(inference.ready().await.is_err());
        assert!(matches!(inference.state(), InferenceState::Failed(_)));
    }
}
