//! Plugins written in Rust: core modules from the plugins workspace become components, and the
//! manifest that the SDK's macro wrote moves to the component's top level.

use std::path::{Path, PathBuf};

use alcove_policies::manifest;
use anyhow::{Context as _, Result};

use crate::toolchain::{TARGET, Toolchain};
use crate::{paths, shell, stamp};

/// A crate of the plugins workspace, and where its component goes below `plugins/dist`.
const GUESTS: &[(&str, &str)] = &[
    ("alcove_web_fetch", "web-fetch.wasm"),
    ("alcove_fixture_probe", "fixtures/probe.wasm"),
    ("alcove_fixture_echo", "fixtures/echo.wasm"),
];

/// The folder of built plugins.
pub(crate) fn dist() -> PathBuf {
    paths::root().join("plugins/dist")
}

/// Builds what has changed.
pub(crate) fn build(toolchain: &Toolchain) -> Result<()> {
    let outputs: Vec<_> = GUESTS.iter().map(|(_, file)| dist().join(file)).collect();
    let sources = [
        "plugins",
        "wit",
        "policies/src",
        "policies/Cargo.toml",
        "xtask/src/build",
    ];
    stamp::unless_fresh(&dist().join(".guests"), &sources, &outputs, || {
        shell::say("building plugins");
        shell::run(&mut toolchain.cargo_build("plugins"))?;
        for ((name, _), output) in GUESTS.iter().zip(&outputs) {
            let module = paths::wasm_target()
                .join(TARGET)
                .join("release")
                .join(format!("{name}.wasm"));
            componentize(&module, output)
                .with_context(|| format!("cannot make a component of {}", module.display()))?;
        }
        Ok(())
    })
}

fn componentize(module: &Path, output: &Path) -> Result<()> {
    let (module, manifest) = manifest::split(&std::fs::read(module)?)?;
    let manifest = manifest.context("the module holds no manifest; use the SDK's macro")?;
    let component = wit_component::ComponentEncoder::default()
        .validate(true)
        .module(&module)?
        .encode()?;
    write(output, &manifest::embed(&component, &manifest)?)
}

/// Writes a file by way of a name of its own, so that nothing reads half of it.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().context("no folder")?;
    std::fs::create_dir_all(folder)?;
    let new = path.with_extension("new");
    std::fs::write(&new, bytes)?;
    std::fs::rename(&new, path).with_context(|| format!("cannot write {}", path.display()))
}
