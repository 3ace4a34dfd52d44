//! Whether something must be built again: a digest of its sources, kept beside what was built.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

/// Runs `build` unless the sources' digest is the one of the last build.
///
/// `sources` are files and folders below the project's folder; folders named `target`, `dist` and
/// `node_modules` are left out. `outputs` must exist, or the build runs.
pub(crate) fn unless_fresh(
    stamp: &Path,
    sources: &[&str],
    outputs: &[PathBuf],
    build: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let digest = digest(sources)?;
    let is_fresh = outputs.iter().all(|path| path.exists())
        && std::fs::read_to_string(stamp).is_ok_and(|last| last == digest);
    if is_fresh {
        return Ok(());
    }
    build()?;
    let folder = stamp.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    std::fs::write(stamp, digest).with_context(|| format!("cannot write {}", stamp.display()))
}

fn digest(sources: &[&str]) -> Result<String> {
    let root = crate::paths::root();
    let mut files = Vec::new();
    for source in sources {
        collect(&root.join(source), &mut files)?;
    }
    files.sort();
    let mut hasher = Sha256::new();
    for file in files {
        let bytes =
            std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        hasher.update(
            file.strip_prefix(root)
                .unwrap_or(&file)
                .to_string_lossy()
                .as_bytes(),
        );
        hasher.update([0]);
        hasher.update((bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    }
    Ok(hex::encode(hasher.finalize()))
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if path.is_file() {
        files.push(path.to_owned());
        return Ok(());
    }
    let entries =
        std::fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        if !matches!(
            name.to_str(),
            Some("target" | "dist" | "node_modules" | "__pycache__")
        ) {
            collect(&entry.path(), files)?;
        }
    }
    Ok(())
}
