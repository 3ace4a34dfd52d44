//! The record of an installed plugin.

use std::path::Path;

use alcove_policies::manifest::Manifest;
use serde::{Deserialize, Serialize};

use crate::StoreError;

/// An installed plugin.
#[derive(Debug, Clone, PartialEq)]
pub struct Installed {
    /// Its identity: publisher and name.
    pub id: String,
    /// sha256 of the component, in hex.
    pub digest: String,
    /// Size of the component.
    pub size_bytes: u64,
    /// What it says of itself.
    pub manifest: Manifest,
    /// Every import, with its version.
    pub imports: Vec<String>,
    /// Where it came from: a path, or `built in`.
    pub source: String,
    /// When, in milliseconds since 1970.
    pub installed_at_ms: i64,
}

/// The record's file. The manifest is there as the component holds it, so that reading it checks it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    version: u32,
    id: String,
    digest: String,
    size_bytes: u64,
    imports: Vec<String>,
    source: String,
    installed_at_ms: i64,
    manifest: serde_json::Value,
}

/// The version of the record's file.
const VERSION: u32 = 1;

impl Installed {
    pub(crate) fn to_file(&self) -> Result<Vec<u8>, serde_json::Error> {
        let Self {
            id,
            digest,
            size_bytes,
            manifest,
            imports,
            source,
            installed_at_ms,
        } = self;
        serde_json::to_vec_pretty(&Record {
            version: VERSION,
            id: id.clone(),
            digest: digest.clone(),
            size_bytes: *size_bytes,
            imports: imports.clone(),
            source: source.clone(),
            installed_at_ms: *installed_at_ms,
            manifest: serde_json::to_value(manifest)?,
        })
    }

    pub(crate) fn from_file(path: &Path, bytes: &[u8]) -> Result<Self, StoreError> {
        let damaged = |reason: String| StoreError::Damaged {
            path: path.to_owned(),
            reason,
        };
        let record: Record =
            serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
        if record.version != VERSION {
            return Err(damaged(format!("version {} is unknown", record.version)));
        }
        if !is_digest(&record.digest) {
            return Err(damaged("its digest is not a sha256 in hex".to_owned()));
        }
        let manifest = Manifest::parse(record.manifest.to_string().as_bytes())
            .map_err(|error| damaged(error.to_string()))?;
        Ok(Self {
            id: record.id,
            digest: record.digest,
            size_bytes: record.size_bytes,
            manifest,
            imports: record.imports,
            source: record.source,
            installed_at_ms: record.installed_at_ms,
        })
    }
}

/// 64 lower-case hex digits: what can be a file's name in the store.
pub(crate) fn is_digest(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}
