//! Compiled components, kept between tests and runs: compiling CPython takes seconds.
//!
//! A compiled component is only taken with the key that it was kept with, so both are kept.

use std::fs;
use std::path::{Path, PathBuf};

const PARTS: [&str; 2] = ["keys", "cache"];

fn kept() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled")
}

/// Gives what is kept to a data folder that does not exist yet.
pub(crate) fn take(data: &Path) {
    for part in PARTS {
        link_all(&kept().join(part), &data.join(part));
    }
}

/// Keeps what a server compiled; what belongs to no installed plugin any more is dropped.
pub(crate) fn keep(data: &Path, digests: &[String]) {
    for part in PARTS {
        link_all(&data.join(part), &kept().join(part));
    }
    for file in files(&kept().join("cache")) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        if !digests
            .iter()
            .any(|digest| name.starts_with(digest.as_str()))
        {
            fs::remove_file(file).unwrap();
        }
    }
}

/// How far an audit chain went belongs to its own database.
const NOT_SHARED: &str = "audit-tail.json";

/// The files are written whole and never changed, so one on disk can serve many folders.
fn link_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in files(from) {
        if file.ends_with(NOT_SHARED) {
            continue;
        }
        let target = to.join(file.file_name().unwrap());
        if !target.exists() && fs::hard_link(&file, &target).is_err() {
            // The temporary folder may be on another disk.
            fs::copy(&file, &target).unwrap();
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.is_file()).collect()
}
