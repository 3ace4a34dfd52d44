//! Which file is the model: by path, by id, or what fits this machine.

use std::io;
use std::path::PathBuf;

use alcove_runtime::catalogue::{Catalogue, Entry, ModelKind, default_model};

use super::{InferenceConfig, InferenceError};
use crate::config::ModelChoice;
use crate::models;

/// The models that answer where nothing is configured, the better one first.
const DEFAULTS: [&str; 2] = ["qwen2.5-coder-1.5b", "qwen2.5-coder-0.5b"];

/// The id of the configured model. Without a configured one it is the default for the memory that
/// is free; where that is not here but the other one is, the other one: memory that happens to
/// be short today is no reason to ask for another download.
pub(super) fn id(config: &InferenceConfig) -> String {
    match &config.model {
        Some(ModelChoice::Id(id)) => id.clone(),
        Some(ModelChoice::File(path)) => path.file_stem().map_or_else(
            || "model".to_owned(),
            |stem| stem.to_string_lossy().into_owned(),
        ),
        None => {
            let preferred = default_model(models::free_memory_bytes().unwrap_or(0));
            let here = |id: &str| {
                entry(id).is_ok_and(|entry| config.models_dir.join(entry.file).is_file())
            };
            let other = || DEFAULTS.into_iter().find(|id| here(id));
            let chosen = if here(preferred) { None } else { other() };
            chosen.unwrap_or(preferred).to_owned()
        }
    }
}

/// The file of the model with that id.
pub(super) fn path(config: &InferenceConfig, id: &str) -> Result<PathBuf, InferenceError> {
    if let Some(ModelChoice::File(path)) = &config.model {
        return if path.is_file() {
            Ok(path.clone())
        } else {
            Err(InferenceError::NoSuchFile { path: path.clone() })
        };
    }
    let entry = entry(id)?;
    let path = config.models_dir.join(&entry.file);
    if !path.is_file() {
        return Err(InferenceError::Missing { id: id.to_owned() });
    }
    models::checked(&entry, path).map_err(|error| InferenceError::Failed {
        id: id.to_owned(),
        reason: error.to_string(),
    })
}

/// What identifies the bytes of that model's file.
pub(super) fn digest(config: &InferenceConfig, id: &str) -> io::Result<String> {
    let entry = match &config.model {
        Some(ModelChoice::File(_)) => None,
        _ => entry(id).ok(),
    };
    if let Some(sha256) = entry.and_then(|entry| entry.sha256) {
        return Ok(format!("sha256:{sha256}"));
    }
    let path = path(config, id).map_err(io::Error::other)?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(std::fs::File::open(path)?)?;
    Ok(format!("blake3:{}", hasher.finalize().to_hex()))
}

fn entry(id: &str) -> Result<Entry, InferenceError> {
    let catalogue = Catalogue::builtin().map_err(|error| InferenceError::Failed {
        id: id.to_owned(),
        reason: error.to_string(),
    })?;
    let chat = |entry: &&Entry| entry.kind == ModelKind::Chat;
    catalogue
        .get(id)
        .filter(chat)
        .cloned()
        .ok_or_else(|| InferenceError::Unknown {
            id: id.to_owned(),
            known: catalogue
                .entries()
                .iter()
                .filter(chat)
                .map(|entry| entry.id.clone())
                .collect(),
        })
}
