//! Measures calls on fresh instances: `alcove-bench-sandbox COMPONENT.wasm TOOL ARGUMENTS N
//! [POLICY.toml]`. Prints one line of JSON: percentiles in microseconds, and what was measured.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use alcove_egress::{Egress, EgressConfig};
use alcove_policies::{Authority, Ceiling, HttpDecision, Policy, Source};
use alcove_sandbox::{
    Call, Compiler, Component, Grant, Invocation, Outcome, Sandbox, SandboxConfig,
};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

/// Calls before the ones that are measured.
const WARM_UP: usize = 50;
/// Limits that no benchmark reaches.
const POLICY: &str = "version = 1\nplugin = \"local/bench\"\n[limits]\nmemory = \"1 GiB\"\n\
    cpu = \"60 s\"\nwall = \"60 s\"\noutput = \"16 MiB\"\ncalls = \"1000000/s\"\nconcurrency = 64\n";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let result = match args.as_slice() {
        [wasm, tool, arguments, n] => run(wasm, tool, arguments, n, None),
        [wasm, tool, arguments, n, policy] => run(wasm, tool, arguments, n, Some(policy)),
        _ => {
            Err("usage: alcove-bench-sandbox COMPONENT.wasm TOOL ARGUMENTS N [POLICY.toml]".into())
        }
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

fn run(
    wasm: &str,
    tool: &str,
    arguments: &str,
    n: &str,
    policy: Option<&String>,
) -> Result<serde_json::Value, Box<dyn Error>> {
    let n: usize = n.parse()?;
    let policy = match policy {
        Some(path) => Policy::parse(&std::fs::read_to_string(path)?)?,
        None => Policy::parse(POLICY)?,
    };
    let grant = Grant {
        plugin: policy.plugin().to_owned(),
        policy: Arc::new(policy.into()),
        mounts: Vec::new(),
        lease: CancellationToken::new(),
    };
    let folder = tempfile::tempdir()?;
    let sandbox = Sandbox::new(SandboxConfig {
        cache_dir: folder.path().to_owned(),
        cache_mac_key: [0; 32],
        compiler: Compiler::InProcess,
        max_instances: 64,
        egress: Egress::new(EgressConfig::default())?,
    })?;
    let digest = hex::encode(Sha256::digest(std::fs::read(wasm)?));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let compile = Instant::now();
        let component = sandbox.load(wasm.as_ref(), &digest).await?;
        let compile = compile.elapsed();
        let first = one(&sandbox, &component, &grant, tool, arguments).await?;
        for _ in 0..WARM_UP.min(n) {
            one(&sandbox, &component, &grant, tool, arguments).await?;
        }
        let mut took = Vec::with_capacity(n);
        for _ in 0..n {
            took.push(one(&sandbox, &component, &grant, tool, arguments).await?);
        }
        took.sort_unstable();
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
        reused.sort_unstable();
        Ok(serde_json::json!({
            "calls": n,
            "pooled": sandbox.is_pooled(),
            "compile_ms": compile.as_millis(),
            "first_us": micros(first),
            "p50_us": micros(percentile(&took, 50)),
            "p90_us": micros(percentile(&took, 90)),
            "p99_us": micros(percentile(&took, 99)),
            "max_us": micros(percentile(&took, 100)),
            "session_p50_us": micros(percentile(&reused, 50)),
            "session_p99_us": micros(percentile(&reused, 99)),
            "decision_us": micros(decision()?),
        }))
    })
}

/// How long it takes to decide on a request: the last rule of the second of two grants, of sixteen
/// rules each, under a ceiling with eight denials. The median of batches.
fn decision() -> Result<Duration, Box<dyn Error>> {
    const BATCH: u32 = 1_000;
    const BATCHES: usize = 101;
    let grant = |name: &str| -> Result<Source, Box<dyn Error>> {
        let rules: String = (0..16)
            .map(|rule| {
                format!(
                    "[[http]]\norigin = \"https://*.{name}{rule}.example\"\npaths = [\"/v1/**\"]\n"
                )
            })
            .collect();
        let text = format!("version = 1\nplugin = \"local/bench\"\n{rules}");
        Ok(Source {
            name: Arc::from(name),
            rank: 0,
            policy: Arc::new(Policy::parse(&text)?),
        })
    };
    let denials: String = (0..8)
        .map(|rule| format!("[[deny]]\nhost = \"*.closed{rule}.example\"\n"))
        .collect();
    let ceiling = Arc::new(Ceiling::parse(&format!("version = 1\n{denials}"))?);
    let sources = vec![grant("one")?, grant("two")?];
    let authority =
        Authority::join("local/bench", sources, Some(ceiling)).map_err(|denial| denial.detail)?;
    let url = "https://api.two15.example/v1/search?q=x".parse()?;
    let mut took = Vec::with_capacity(BATCHES);
    for _ in 0..BATCHES {
        let started = Instant::now();
        for _ in 0..BATCH {
            let decision = std::hint::black_box(&authority).http("GET", &url);
            if !matches!(decision, HttpDecision::Allow { .. }) {
                return Err("the benchmark's request is not allowed".into());
            }
        }
        took.push(started.elapsed() / BATCH);
    }
    took.sort_unstable();
    Ok(percentile(&took, 50))
}

async fn one(
    sandbox: &Sandbox,
    component: &Component,
    grant: &Grant,
    tool: &str,
    arguments: &str,
) -> Result<Duration, Box<dyn Error>> {
    let call = Call {
        invocation: Invocation::new(tool, arguments),
        grant: grant.clone(),
    };
    let started = Instant::now();
    let report = sandbox.call(component, call).await;
    let took = started.elapsed();
    expect_ok(&report.outcome)?;
    Ok(took)
}

fn expect_ok(outcome: &Outcome) -> Result<(), Box<dyn Error>> {
    match outcome {
        Outcome::Ok(_) => Ok(()),
        other => Err(format!("the call did not end well: {other:?}").into()),
    }
}

/// Of sorted values; zero if there are none.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let last = sorted.len().saturating_sub(1);
    sorted
        .get(last * percent / 100)
        .copied()
        .unwrap_or_default()
}

fn micros(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1000.0
}
