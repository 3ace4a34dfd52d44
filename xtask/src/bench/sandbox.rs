//! A tool call on a fresh instance: a small component written in Rust.

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::result::Row;
use crate::{paths, shell};

const GROUP: &str = "sandbox";

/// What `alcove-bench-sandbox` prints, as far as it is used.
#[derive(Deserialize)]
pub(crate) struct Latency {
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    /// The same instance called again.
    pub(crate) session_p50_us: f64,
    /// Deciding on one request: two grants of sixteen rules under a ceiling.
    pub(crate) decision_us: f64,
}

pub(crate) fn measure() -> Result<Vec<Row>> {
    let echo = latency("fixtures/echo.wasm", "echo", r#"{"text":"hello"}"#, 20_000)?;
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
        Row::new(
            GROUP,
            "small Rust tool, same session, p50",
            echo.session_p50_us,
            "µs",
        )?,
        Row::new(
            GROUP,
            "policy decision on a request, 32 rules and a ceiling, p50",
            echo.decision_us,
            "µs",
        )?,
    ])
}

/// Calls a built component `calls` times, each on a fresh instance, and as often in one session.
pub(crate) fn latency(component: &str, tool: &str, arguments: &str, calls: u32) -> Result<Latency> {
    let mut command = shell::command(paths::target().join("release/alcove-bench-sandbox"));
    command.arg(paths::root().join("plugins/dist").join(component));
    let text = shell::output(command.args([tool, arguments, &calls.to_string()]))?;
    serde_json::from_str(text.trim()).with_context(|| format!("no measurement: {text}"))
}
