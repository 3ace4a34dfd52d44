//! Where things lie.

use std::path::{Path, PathBuf};

/// The project's folder.
pub(crate) fn root() -> &'static Path {
    // The manifest of xtask lies one level below.
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."))
}

/// The native target folder: `CARGO_TARGET_DIR` where set.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// The target folder of everything built for WebAssembly. Plugins and web client share it, and with
/// it one build of the standard library.
pub(crate) fn wasm_target() -> PathBuf {
    target().join("wasm")
}

/// The `alcove` program.
pub(crate) fn alcove() -> PathBuf {
    target().join("release/alcove")
}

/// What the user's machine keeps between builds: the Python environment, models for tests.
pub(crate) fn cache() -> PathBuf {
    match std::env::var_os("XDG_CACHE_HOME").filter(|folder| !folder.is_empty()) {
        Some(folder) => PathBuf::from(folder).join("alcove"),
        None => PathBuf::from(std::env::var_os("HOME").unwrap_or_else(|| "/tmp".into()))
            .join(".cache/alcove"),
    }
}
