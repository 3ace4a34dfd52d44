//! Tool calls on fresh instances: a small component written in Rust, alone and in a crowd, beside the
//! same component as other hosts instantiate it; starting warm, and stopping.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;

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
}

/// What `alcove-bench-sandbox group` prints.
#[derive(Deserialize)]
struct Group {
    /// Deciding on one request: two grants of sixteen rules under a ceiling.
    decision_us: f64,
    warm: Warm,
    stop: BTreeMap<String, Stop>,
    memory_per_instance_kib: f64,
    /// Calls a second by the number of clients.
    throughput: BTreeMap<String, f64>,
    baselines: Baselines,
    epoch_overhead_percent: f64,
}

#[derive(Deserialize)]
struct Warm {
    start_50_ms: f64,
    first_call_ms: f64,
}

#[derive(Deserialize)]
struct Stop {
    p99_ms: f64,
}

#[derive(Deserialize)]
struct Baselines {
    ours: Percentiles,
    cached_pre_on_demand: Percentiles,
    new_linker_blocking: Percentiles,
}

#[derive(Deserialize)]
struct Percentiles {
    p50_us: f64,
    p99_us: f64,
}

pub(crate) fn measure() -> Result<Vec<Row>> {
    let echo = latency("fixtures/echo.wasm", "echo", r#"{"text":"hello"}"#, 20_000)?;
    let group: Group = output(&[
        "group",
        &dist("fixtures/echo.wasm"),
        &dist("fixtures/probe.wasm"),
    ])?;
    let mut rows = vec![
        row("small Rust tool, fresh instance, p50", echo.p50_us, "µs")?,
        row("small Rust tool, fresh instance, p99", echo.p99_us, "µs")?,
        row(
            "small Rust tool, same session, p50",
            echo.session_p50_us,
            "µs",
        )?,
    ];
    let Baselines {
        ours,
        cached_pre_on_demand,
        new_linker_blocking,
    } = &group.baselines;
    for (name, other) in [
        (
            "a cached InstancePre, instances on demand",
            cached_pre_on_demand,
        ),
        (
            "a new linker per call, a blocking guest",
            new_linker_blocking,
        ),
    ] {
        for (percentile, ours, other) in [
            ("p50", ours.p50_us, other.p50_us),
            ("p99", ours.p99_us, other.p99_us),
        ] {
            let what = format!("small Rust tool, fresh instance, beside {name}, {percentile}");
            rows.push(row(&what, ours, "µs")?.against(name, other, ours / other));
        }
    }
    for clients in ["1", "16", "64"] {
        let rate = group.throughput.get(clients).context("no throughput")?;
        let what = format!("small Rust tool, fresh instances, {clients} at once");
        rows.push(row(&what, *rate, "calls/s")?);
    }
    rows.extend([
        row("warm start of 50 components", group.warm.start_50_ms, "ms")?,
        row(
            "first call after start with a warm cache",
            group.warm.first_call_ms,
            "ms",
        )?,
        row(
            "memory per live instance of a small tool",
            group.memory_per_instance_kib,
            "KiB",
        )?,
        row(
            "policy decision on a request, 32 rules and a ceiling, p50",
            group.decision_us,
            "µs",
        )?,
        row(
            "cost of being interruptible, in the shortest loop",
            group.epoch_overhead_percent,
            "%",
        )?,
    ]);
    for (key, what) in [
        ("loop", "stop in a tight loop, p99"),
        ("host_call", "stop in a host call, p99"),
        ("sleep", "stop in a sleep, p99"),
    ] {
        let stop = group.stop.get(key).context("no measurement of Stop")?;
        rows.push(row(what, stop.p99_ms, "ms")?);
    }
    Ok(rows)
}

fn row(name: &str, value: f64, unit: &str) -> Result<Row> {
    Row::new(GROUP, name, value, unit)
}

/// Calls a built component `calls` times, each on a fresh instance, and as often in one session.
pub(crate) fn latency(component: &str, tool: &str, arguments: &str, calls: u32) -> Result<Latency> {
    output(&[&dist(component), tool, arguments, &calls.to_string()])
}

/// The path of a built component.
fn dist(component: &str) -> String {
    let path = paths::root().join("plugins/dist").join(component);
    path.display().to_string()
}

fn output<T: DeserializeOwned>(args: &[&str]) -> Result<T> {
    let mut command = shell::command(paths::target().join("release/alcove-bench-sandbox"));
    let text = shell::output(command.args(args))?;
    serde_json::from_str(text.trim()).with_context(|| format!("no measurement: {text}"))
}
