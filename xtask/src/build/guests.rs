//! Plugins written in Rust: core modules from the plugins workspace become components, and the
//! manifest that the SDK's macro wrote moves to the component's top level.

use std::path::{Path, PathBuf};

use alcove_policies::manifest;
use anyhow::{Context as _, Result};
use wasm_encoder::{ComponentSection as _, CustomSection};
use wit_parser::{PackageMetadata, Resolve, UnresolvedPackageGroup};

use crate::toolchain::{self, TARGET, Toolchain};
use crate::{paths, shell, stamp};

/// A crate of the plugins workspace, and where its component goes below `plugins/dist`.
const GUESTS: &[(&str, &str)] = &[
    ("alcove_web_fetch", "web-fetch.wasm"),
    ("alcove_repo_browser", "repo-browser.wasm"),
    ("alcove_web_search", "web-search.wasm"),
    ("alcove_documents", "documents.wasm"),
    ("alcove_javascript", "javascript.wasm"),
    ("alcove_mesh", "mesh.wasm"),
    ("alcove_test_runner", "test-runner.wasm"),
    ("alcove_fixture_probe", "fixtures/probe.wasm"),
    ("alcove_fixture_echo", "fixtures/echo.wasm"),
];

/// What the host makes plugins of: it writes the manifest when it does.
const SOURCES: &[(&str, &str)] = &[("alcove_mcp", "sources/mcp.wasm")];

/// Crates whose components have typed exports and no manifest; their WIT's comments go into the
/// component, as `wit-docs-inject` puts them.
const TYPED: &[(&str, &str, &str)] = &[
    (
        "alcove_fixture_typed",
        "fixtures/typed",
        "fixtures/typed.wasm",
    ),
    (
        "alcove_fixture_typed_fetch",
        "fixtures/typed-fetch",
        "fixtures/typed-fetch.wasm",
    ),
];

/// The folder of built plugins.
pub(crate) fn dist() -> PathBuf {
    paths::root().join("plugins/dist")
}

/// Builds what has changed.
pub(crate) fn build(toolchain: &Toolchain) -> Result<()> {
    let outputs: Vec<_> = GUESTS.iter().map(|(_, file)| dist().join(file)).collect();
    let typed = TYPED.iter().map(|(_, _, file)| dist().join(file));
    let sources_made = SOURCES.iter().map(|(_, file)| dist().join(file));
    let all: Vec<_> = outputs
        .iter()
        .cloned()
        .chain(typed)
        .chain(sources_made)
        .collect();
    let sources = [
        "plugins",
        "wit",
        "policies/src",
        "policies/Cargo.toml",
        "xtask/src/build",
    ];
    stamp::unless_fresh(&dist().join(".guests"), &sources, &all, || {
        shell::say("building plugins");
        let mut command = toolchain.cargo_build("plugins");
        // `ar` of any kind will do: rustc makes the index itself.
        command
            .env("CC_wasm32_unknown_unknown", toolchain::clang()?)
            .env("AR_wasm32_unknown_unknown", "ar")
            .env("CFLAGS_wasm32_unknown_unknown", c_headers()?);
        shell::run(&mut command)?;
        for ((name, _), output) in GUESTS.iter().zip(&outputs) {
            let module = module(name);
            componentize(&module, output)
                .with_context(|| format!("cannot make a component of {}", module.display()))?;
        }
        for (name, output) in SOURCES {
            write(&dist().join(output), &encode(&module(name))?)?;
        }
        for (name, folder, output) in TYPED {
            let module = module(name);
            let wit = paths::root().join("plugins").join(folder).join("wit");
            componentize_typed(&module, &wit, &dist().join(output))
                .with_context(|| format!("cannot make a component of {}", module.display()))?;
        }
        Ok(())
    })
}

/// Where tree-sitter's grammars find the headers of C's standard library, which tree-sitter brings
/// for this target and most grammars' build scripts do not look for.
fn c_headers() -> Result<String> {
    let mut command = shell::command("cargo");
    let manifest = paths::root().join("plugins/Cargo.toml");
    command.args(["metadata", "--format-version", "1", "--manifest-path"]);
    let metadata: serde_json::Value = serde_json::from_str(&shell::output(command.arg(manifest))?)?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let mut found = packages.filter(|package| package["name"] == "tree-sitter-language");
    let manifest = found
        .next()
        .and_then(|package| package["manifest_path"].as_str());
    let folder = manifest.map(|path| Path::new(path).with_file_name("wasm").join("include"));
    let folder = folder.context("tree-sitter-language is not among the plugins' crates")?;
    // After all others: QuickJS has headers of its own.
    Ok(format!("-idirafter{}", folder.display()))
}

fn module(name: &str) -> PathBuf {
    paths::wasm_target()
        .join(TARGET)
        .join("release")
        .join(format!("{name}.wasm"))
}

fn encode(module: &Path) -> Result<Vec<u8>> {
    wit_component::ComponentEncoder::default()
        .validate(true)
        .module(&std::fs::read(module)?)?
        .encode()
}

fn componentize_typed(module: &Path, wit: &Path, output: &Path) -> Result<()> {
    let mut component = encode(module)?;
    CustomSection {
        name: PackageMetadata::SECTION_NAME.into(),
        data: docs(wit)?.into(),
    }
    .append_to_component(&mut component);
    write(output, &component)
}

/// The comments of a WIT package.
fn docs(wit: &Path) -> Result<Vec<u8>> {
    let mut wasi = Vec::new();
    for file in std::fs::read_dir(paths::root().join("wit/deps"))? {
        let file = file?.path();
        if file.extension().is_some_and(|extension| extension == "wit") {
            let text = std::fs::read_to_string(&file)?;
            let parsed = UnresolvedPackageGroup::parse(&file, &text);
            wasi.push(parsed.map_err(|(map, error)| anyhow::anyhow!(error.render(&map)))?);
        }
    }
    let mut resolve = Resolve::new();
    let package = resolve.push_groups(UnresolvedPackageGroup::parse_dir(wit)?, wasi)?;
    PackageMetadata::extract(&resolve, package).encode()
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
