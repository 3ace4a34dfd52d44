//! What every measurement needs: a sandbox, a grant, calls that end well, percentiles.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use alcove_egress::{Egress, EgressConfig};
use alcove_policies::Policy;
use alcove_sandbox::{
    Call, Compiler, Component, Grant, Invocation, Outcome, Sandbox, SandboxConfig,
};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

pub(crate) type Measured<T> = Result<T, Box<dyn Error>>;

/// Instances at once: as many as the most concurrent measurement has callers.
pub(crate) const INSTANCES: u32 = 64;
/// Limits that no benchmark reaches.
const POLICY: &str = "version = 1\nplugin = \"local/bench\"\n[limits]\nmemory = \"1 GiB\"\n\
    cpu = \"60 s\"\nwall = \"60 s\"\noutput = \"16 MiB\"\ncalls = \"1000000/s\"\nconcurrency = 64\n";

pub(crate) fn policy(lines: &str) -> Measured<Policy> {
    Ok(Policy::parse(&format!("{POLICY}{lines}"))?)
}

pub(crate) fn grant(policy: Policy) -> Grant {
    Grant {
        plugin: policy.plugin().to_owned(),
        policy: Arc::new(policy.into()),
        mounts: Vec::new(),
        secrets: alcove_sandbox::Secrets::default(),
        lease: CancellationToken::new(),
    }
}

pub(crate) fn sandbox(cache: &Path) -> Measured<Sandbox> {
    Ok(Sandbox::new(SandboxConfig {
        cache_dir: cache.to_owned(),
        cache_mac_key: [0; 32],
        cache_bytes: u64::MAX,
        compiler: Compiler::InProcess,
        max_instances: INSTANCES,
        egress: Egress::new(EgressConfig::default())?,
    })?)
}

pub(crate) fn digest(wasm: &[u8]) -> String {
    hex::encode(Sha256::digest(wasm))
}

pub(crate) async fn load(sandbox: &Sandbox, wasm: &Path) -> Measured<Component> {
    let digest = digest(&std::fs::read(wasm)?);
    Ok(sandbox.load(wasm, &digest).await?)
}

/// One call; how long it took.
pub(crate) async fn one(
    sandbox: &Sandbox,
    component: &Component,
    grant: &Grant,
    tool: &str,
    arguments: &str,
) -> Measured<Duration> {
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

pub(crate) fn expect_ok(outcome: &Outcome) -> Measured<()> {
    match outcome {
        Outcome::Ok(_) => Ok(()),
        other => Err(format!("the call did not end well: {other:?}").into()),
    }
}

/// Zero if there are none.
pub(crate) fn percentile(values: &mut [Duration], percent: usize) -> f64 {
    values.sort_unstable();
    let last = values.len().saturating_sub(1);
    let value = values.get(last * percent / 100).copied();
    micros(value.unwrap_or_default())
}

pub(crate) fn micros(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1000.0
}
