//! Embeds the web client and the first-party plugins, where they have been built.
//!
//! Writes three tables of `(path, bytes)` into `OUT_DIR`: `web_assets.rs` from `web/dist/**`,
//! `plugin_components.rs` from `plugins/dist/*.wasm` and `plugin_sources.rs` from
//! `plugins/dist/sources/*.wasm`. A folder that is absent gives an empty table:
//! the host then builds all the same, and says at run time which command builds what is missing.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

fn main() -> io::Result<()> {
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("..");
    let out = PathBuf::from(variable("OUT_DIR")?);
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=migrations");

    let web = root.join("web/dist");
    watch(&web);
    let mut files = Vec::new();
    walk(&web, &web, &mut files)?;
    write_table(&out.join("web_assets.rs"), files)?;

    // Only the folders themselves: the fixtures for tests lie in a folder of their own.
    let plugins = root.join("plugins/dist");
    write_components(&plugins, &out.join("plugin_components.rs"))?;
    write_components(&plugins.join("sources"), &out.join("plugin_sources.rs"))
}

/// A table of a folder's components.
fn write_components(folder: &Path, table: &Path) -> io::Result<()> {
    watch(folder);
    let mut components = Vec::new();
    for entry in entries(folder)? {
        if entry.is_file()
            && entry
                .extension()
                .is_some_and(|extension| extension == "wasm")
        {
            components.push((relative(folder, &entry)?, entry));
        }
    }
    write_table(table, components)
}

fn variable(name: &str) -> io::Result<String> {
    std::env::var(name).map_err(|error| io::Error::other(format!("{name}: {error}")))
}

/// Cargo takes a path that does not exist for one that always changed, so the folder above stands
/// in for one that is absent.
fn watch(folder: &Path) {
    let watched = if folder.is_dir() {
        folder
    } else {
        folder.parent().unwrap_or(folder)
    };
    println!("cargo::rerun-if-changed={}", watched.display());
}

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut paths = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()?;
    // The order of a folder's entries differs between machines; the binary's should not.
    paths.sort();
    Ok(paths)
}

fn walk(root: &Path, folder: &Path, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in entries(folder)? {
        if entry.is_dir() {
            walk(root, &entry, files)?;
        } else {
            files.push((relative(root, &entry)?, entry));
        }
    }
    Ok(())
}

fn relative(root: &Path, file: &Path) -> io::Result<String> {
    let path = file.strip_prefix(root).map_err(io::Error::other)?;
    let parts = path
        .iter()
        .map(|part| part.to_str().map(str::to_owned))
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| io::Error::other(format!("{} is not UTF-8", file.display())))?;
    Ok(parts.join("/"))
}

fn write_table(target: &Path, files: Vec<(String, PathBuf)>) -> io::Result<()> {
    let mut text = String::from("&[\n");
    for (name, path) in files {
        let path = fs::canonicalize(&path)?;
        let path = path
            .to_str()
            .ok_or_else(|| io::Error::other(format!("{} is not UTF-8", path.display())))?;
        writeln!(text, "    ({name:?}, include_bytes!({path:?}).as_slice()),")
            .map_err(io::Error::other)?;
    }
    text.push_str("]\n");
    fs::write(target, text)
}
