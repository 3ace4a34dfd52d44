//! `test` and `lint`.

use anyhow::Result;

use crate::{build, mcp_client, model, paths, search_server, setup, shell};

/// The models that tests load: forced tools, judgement, the numerics check of the default, and the
/// sentence encoder.
const TEST_MODELS: &[&str] = &[
    "smollm2-135m",
    "qwen2.5-coder-0.5b",
    "qwen2.5-coder-1.5b",
    "all-minilm-l6-v2",
];

/// The whole suite, or what `arguments` select of it.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    setup::everything()?;
    build::everything()?;
    model::fetch(TEST_MODELS)?;
    mcp_client::environment()?;
    search_server::environment()?;
    shell::run(shell::cargo("test").args(arguments))?;
    let mut tests = shell::command("cargo");
    tests.args(["test", "--release", "--locked", "--package", "xtask"]);
    shell::run(tests.args(arguments))?;
    let mut charts = shell::command("python3");
    charts.args(["-m", "unittest", "--quiet", "tests/test_plots.py"]);
    charts.env("PYTHONDONTWRITEBYTECODE", "1");
    shell::run(charts.current_dir(paths::root().join("plugins/python")))?;
    // What plugins and web client can be asked without WebAssembly.
    for (folder, packages) in NATIVE_PARTS {
        let mut tests = shell::command("cargo");
        tests.args(["test", "--release", "--locked", "--manifest-path"]);
        tests
            .arg(format!("{folder}/Cargo.toml"))
            .arg("--target-dir")
            .arg(paths::wasm_target());
        for package in *packages {
            tests.args(["--package", package]);
        }
        shell::run(tests.args(arguments))?;
    }
    Ok(())
}

/// Packages of the two other workspaces whose tests run on this machine itself.
const NATIVE_PARTS: &[(&str, &[&str])] = &[
    (
        "plugins",
        &[
            "alcove-documents",
            "alcove-repo-browser",
            "alcove-javascript",
            "alcove-mesh",
            "alcove-pdf",
            "alcove-sdk",
            "alcove-sdk-macros",
            "alcove-test-runner",
            "alcove-text",
            "alcove-web-fetch",
            "alcove-web-search",
            "alcove-mcp",
        ],
    ),
    ("web", &["alcove-web-text"]),
];

/// Formatting and lints of all three workspaces.
pub(crate) fn lint() -> Result<()> {
    for folder in [".", "plugins", "web"] {
        let manifest = format!("{folder}/Cargo.toml");
        let mut format = shell::command("cargo");
        shell::run(format.args(["fmt", "--all", "--check", "--manifest-path", &manifest]))?;
    }
    let mut clippy = shell::command("cargo");
    clippy.args([
        "clippy",
        "--release",
        "--locked",
        "--workspace",
        "--all-targets",
        "--",
    ]);
    shell::run(clippy.args(["-D", "warnings"]))?;
    // Both are WebAssembly, but rustup's clippy checks them as native code: the lints are the same.
    for folder in ["plugins", "web"] {
        let manifest = format!("{folder}/Cargo.toml");
        let mut clippy = shell::command("cargo");
        clippy.args([
            "clippy",
            "--release",
            "--locked",
            "--workspace",
            "--manifest-path",
            &manifest,
        ]);
        clippy.arg("--target-dir").arg(paths::wasm_target());
        shell::run(clippy.args(["--", "-D", "warnings"]))?;
    }
    Ok(())
}
