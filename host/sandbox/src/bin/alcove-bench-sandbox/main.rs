//! Measures the sandbox. Prints one line of JSON.
//!
//! - `alcove-bench-sandbox COMPONENT.wasm TOOL ARGUMENTS N [POLICY.toml]`: calls on fresh instances
//!   and in one session, in microseconds.
//! - `alcove-bench-sandbox group ECHO.wasm PROBE.wasm`: starting warm, stopping, memory, throughput,
//!   and the same component as other hosts instantiate it.

mod baseline;
mod common;
mod crowd;
mod decision;
mod stop;
mod warm;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use alcove_policies::Policy;
use alcove_sandbox::Invocation;
use serde_json::{Value, json};

use common::{Measured, expect_ok, grant, load, micros, one, percentile, policy, sandbox};

/// Calls before the ones that are measured.
const WARM_UP: usize = 50;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args.as_slice() {
        ["group", echo, probe] => group(echo.as_ref(), probe.as_ref()),
        [wasm, tool, arguments, n] => calls(wasm.as_ref(), tool, arguments, n, None),
        [wasm, tool, arguments, n, policy] => {
            calls(wasm.as_ref(), tool, arguments, n, Some(policy.as_ref()))
        }
        _ => Err(
            "usage: alcove-bench-sandbox COMPONENT.wasm TOOL ARGUMENTS N [POLICY.toml], \
                  or group ECHO.wasm PROBE.wasm"
                .into(),
        ),
    };
    match result {
        Ok(json) => {
            #[expect(clippy::print_stdout, reason = "this is the program's result")]
            {
                println!("{json}");
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "a program says why it failed")]
            {
                eprintln!("{error}");
            }
            ExitCode::FAILURE
        }
    }
}

fn runtime(threads: usize) -> Measured<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()?)
}

/// One client, one call after the other.
fn calls(
    wasm: &Path,
    tool: &str,
    arguments: &str,
    n: &str,
    file: Option<&Path>,
) -> Measured<Value> {
    let n: usize = n.parse()?;
    let policy = match file {
        Some(path) => Policy::parse(&std::fs::read_to_string(path)?)?,
        None => policy("")?,
    };
    let grant = grant(policy);
    let folder = tempfile::tempdir()?;
    let sandbox = sandbox(folder.path())?;
    runtime(1)?.block_on(async {
        let compile = Instant::now();
        let component = load(&sandbox, wasm).await?;
        let compile = compile.elapsed();
        let first = one(&sandbox, &component, &grant, tool, arguments).await?;
        for _ in 0..WARM_UP.min(n) {
            one(&sandbox, &component, &grant, tool, arguments).await?;
        }
        let mut took = Vec::with_capacity(n);
        for _ in 0..n {
            took.push(one(&sandbox, &component, &grant, tool, arguments).await?);
        }
        let mut session = sandbox
            .open_session(&component, grant.clone())
            .await
            .map_err(|report| format!("no session: {:?}", report.outcome))?;
        let mut reused = Vec::with_capacity(n);
        for _ in 0..n {
            let started = Instant::now();
            let report = session.call(Invocation::new(tool, arguments)).await;
            reused.push(started.elapsed());
            expect_ok(&report.outcome)?;
        }
        Ok(json!({
            "calls": n,
            "pooled": sandbox.is_pooled(),
            "compile_ms": compile.as_millis(),
            "first_us": micros(first),
            "p50_us": percentile(&mut took, 50),
            "p90_us": percentile(&mut took, 90),
            "p99_us": percentile(&mut took, 99),
            "max_us": percentile(&mut took, 100),
            "session_p50_us": percentile(&mut reused, 50),
            "session_p99_us": percentile(&mut reused, 99),
        }))
    })
}

/// Everything that is not the latency of one client's calls.
fn group(echo: &Path, probe: &Path) -> Measured<Value> {
    let warm = runtime(1)?.block_on(warm::measure(echo))?;
    let stop = runtime(2)?.block_on(stop::measure(probe))?;
    let memory = runtime(1)?.block_on(crowd::memory(echo))?;
    let threads = std::thread::available_parallelism()?.get();
    let throughput = runtime(threads)?.block_on(crowd::throughput(echo))?;
    let baselines = runtime(1)?.block_on(baseline::measure(echo))?;
    Ok(json!({
        "warm": warm,
        "stop": stop,
        "memory_per_instance_kib": memory,
        "throughput": throughput,
        "baselines": baselines,
        "decision_us": decision::measure()?,
        "epoch_overhead_percent": baseline::epochs()?,
    }))
}
