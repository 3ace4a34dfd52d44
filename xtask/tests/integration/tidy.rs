//! Sizes, names and words.

use std::path::PathBuf;
use std::process::Command;

use crate::metadata::root;

/// Every tracked file, and every new one that git does not ignore.
pub(crate) fn tracked() -> Vec<PathBuf> {
    let output = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root())
        .output()
        .expect("git runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
        .stdout
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
        .map(|name| PathBuf::from(String::from_utf8_lossy(name).into_owned()))
        .filter(|path| root().join(path).is_file())
        .collect()
}

#[test]
fn tracked_files_stay_under_56_mib_in_all() {
    let bytes: u64 = tracked()
        .iter()
        .map(|path| {
            root()
                .join(path)
                .metadata()
                .map_or(0, |metadata| metadata.len())
        })
        .sum();
    assert!(bytes < 56 << 20, "{bytes} bytes are tracked");
}

#[test]
fn source_files_stay_under_600_lines() {
    let long: Vec<_> = tracked()
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .filter_map(|path| {
            let lines = std::fs::read_to_string(root().join(&path))
                .ok()?
                .lines()
                .count();
            (lines > 600).then(|| format!("{} has {lines}", path.display()))
        })
        .collect();
    assert!(long.is_empty(), "is each still one thing? {long:#?}");
}

#[test]
fn the_top_level_is_the_architecture() {
    const FOLDERS: &[&str] = &[
        ".cargo",
        ".ci",
        "deploy",
        "docs",
        "evals",
        "gpu-runtime",
        "host",
        "plugins",
        "policies",
        "registry",
        "web",
        "wit",
        "xtask",
    ];
    for path in tracked() {
        let mut parts = path.components();
        let first = parts
            .next()
            .expect("a path has a first part")
            .as_os_str()
            .to_string_lossy();
        if parts.next().is_some() {
            assert!(
                FOLDERS.contains(&first.as_ref()),
                "{first}/ is new at the top level: give the reason in DESIGN.md and list it here"
            );
        }
    }
}

#[test]
fn every_path_that_the_architecture_names_exists() {
    for document in ["ARCHITECTURE.md", "README.md", "CONTRIBUTING.md"] {
        let text = std::fs::read_to_string(root().join(document)).expect(document);
        for word in text.split('`').skip(1).step_by(2) {
            let is_path = word.contains('/')
                && !word.contains([' ', '<', '*', '{', '…', '$', '~'])
                && !word.starts_with(['/', '.'])
                && word
                    .split('/')
                    .next()
                    .is_some_and(|first| root().join(first).is_dir());
            assert!(
                !is_path || root().join(word).exists(),
                "{document} names {word}"
            );
        }
    }
}

#[test]
fn nothing_names_a_registry_host_or_a_machine() {
    // Written in two halves, so that this file does not name them.
    let words = [
        ["crates", ".io"].concat(),
        ["pypi", ".org"].concat(),
        ["registry.npm", "js"].concat(),
        ["deb.debian", ".org"].concat(),
        ["/ro", "ot/."].concat(),
    ];
    for path in tracked() {
        // Lock files are cargo's own; their sources are what cargo writes.
        if path.file_name().is_some_and(|name| name == "Cargo.lock") {
            continue;
        }
        let Ok(text) = std::fs::read_to_string(root().join(&path)) else {
            continue;
        };
        for word in &words {
            assert!(
                !text.contains(word.as_str()),
                "{} contains {word}",
                path.display()
            );
        }
    }
}
