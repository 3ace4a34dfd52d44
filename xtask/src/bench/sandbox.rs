//! A tool call on a fresh instance: a small component written in Rust.

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::result::Row;
use crate::{paths, shell};

const GROUP: &str = "sandbox";

/// What `alcove-bench-sandbox` prints.
#[derive(Deserialize)]
pub(crate) struct Latency {
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
}

pub(crate) fn measure() -> Result<Vec<Row>> {
    let echo = latency(
        "fixtures/echo.wasm",
        "echo",
        r#"{"text":"hello"}"#,
        20_000,
        false,
    )?;
    Ok(vec![
        Row::new(
            GROUP,
            "small Rust tool, fresh instance, p50",
            echo.p50_us,
            "µs",
        )?,
        Row::new(
            GROUP,
            "small Rust tool, fresh instance, p99",
            echo.p99_us,
            "µs",
        )?,
    ])
}

/// Calls a built component `iterations` times; `in_session` keeps one instance for all of them.
pub(crate) fn latency(
    component: &str,
    tool: &str,
    arguments: &str,
    iterations: u32,
    in_session: bool,
) -> Result<Latency> {
    let mut build = shell::command("cargo");
    let name = "alcove-bench-sandbox";
    shell::run(build.args(["build", "--quiet", "--release", "--locked", "--bin", name]))?;
    let mut command = shell::command(paths::target().join("release").join(name));
    command.arg(paths::root().join("plugins/dist").join(component));
    command.args([tool, arguments, "--iterations", &iterations.to_string()]);
    if in_session {
        command.arg("--session");
    }
    let text = shell::output(&mut command)?;
    serde_json::from_str(text.trim()).with_context(|| format!("no measurement: {text}"))
}
