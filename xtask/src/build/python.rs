//! The Python tool: CPython as a component, made by componentize-py in an environment of its own.

use std::path::PathBuf;

use alcove_policies::manifest::{self, Manifest};
use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use super::guests;
use crate::{paths, shell, stamp};

/// Builds it where its sources or the contract have changed.
pub(crate) fn build() -> Result<()> {
    let output = guests::dist().join("python.wasm");
    let sources = [
        "plugins/python",
        "wit/tool",
        "wit/assets",
        "xtask/src/build/python.rs",
    ];
    stamp::unless_fresh(
        &guests::dist().join(".python"),
        &sources,
        std::slice::from_ref(&output),
        || {
            let environment = environment()?;
            shell::say("building the Python tool");
            let component = paths::target().join("python.wasm");
            std::fs::create_dir_all(paths::target())?;
            let folder = paths::root().join("plugins/python");
            let mut packages = shell::command(environment.join("bin/python"));
            let packages = shell::output(packages.args([
                "-c",
                "import sysconfig; print(sysconfig.get_path('purelib'))",
            ]))?;
            let mut command = shell::command(environment.join("bin/componentize-py"));
            command.args([
                "--wit-path",
                "../../wit/tool",
                "--wit-path",
                "../../wit/assets",
                "--wit-path",
                "wit",
                "--world",
                "alcove:python/interpreter",
                "componentize",
                "app",
            ]);
            command
                .args(["-p", ".", "-p", packages.trim(), "-o"])
                .arg(&component);
            shell::run(
                command
                    .env("PYTHONDONTWRITEBYTECODE", "1")
                    .current_dir(&folder),
            )?;
            let text = std::fs::read(folder.join("manifest.json"))?;
            let manifest = Manifest::parse(&text).context("plugins/python/manifest.json")?;
            guests::write(
                &output,
                &manifest::embed(&std::fs::read(&component)?, &manifest)?,
            )
        },
    )
}

/// A Python environment with what `requirements.txt` names, in the user's cache.
fn environment() -> Result<PathBuf> {
    let requirements = paths::root().join("plugins/python/requirements.txt");
    let digest = hex::encode(&Sha256::digest(std::fs::read(&requirements)?)[..8]);
    let folder = paths::cache().join("python").join(digest);
    let ready = folder.join(".ready");
    if ready.exists() {
        return Ok(folder);
    }
    shell::say("installing componentize-py");
    let mut create = shell::command("python3");
    shell::run(create.args(["-m", "venv", "--clear"]).arg(&folder))?;
    let mut install = shell::command(folder.join("bin/pip"));
    install.args(["install", "--quiet", "--disable-pip-version-check", "-r"]);
    shell::run(install.arg(requirements))?;
    std::fs::write(ready, "")?;
    Ok(folder)
}
