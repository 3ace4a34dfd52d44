//! Many instances: what each takes, and how many calls they answer together.

use std::path::Path;
use std::time::{Duration, Instant};

use alcove_sandbox::Invocation;
use serde_json::{Value, json};

use crate::common::{INSTANCES, Measured, expect_ok, grant, load, one, policy, sandbox};

const ARGUMENTS: &str = r#"{"text":"hello"}"#;
/// How long each measurement of throughput takes.
const WHILE: Duration = Duration::from_secs(2);

/// KiB of this process for each live instance of a small tool.
pub(crate) async fn memory(echo: &Path) -> Measured<f64> {
    let folder = tempfile::tempdir()?;
    let sandbox = sandbox(folder.path())?;
    let component = load(&sandbox, echo).await?;
    let grant = grant(policy("")?);
    one(&sandbox, &component, &grant, "echo", ARGUMENTS).await?;
    let before = resident_kib()?;
    let mut live = Vec::new();
    for _ in 0..INSTANCES {
        let mut session = sandbox
            .open_session(&component, grant.clone())
            .await
            .map_err(|report| format!("no session: {:?}", report.outcome))?;
        let report = session.call(Invocation::new("echo", ARGUMENTS)).await;
        expect_ok(&report.outcome)?;
        live.push(session);
    }
    let after = resident_kib()?;
    Ok(after.saturating_sub(before) as f64 / f64::from(INSTANCES))
}

/// Of this process, from the system.
fn resident_kib() -> Measured<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    Ok(kib.ok_or("no VmRSS in /proc/self/status")?.parse()?)
}

/// Calls in a second, by the number of clients that call at once.
pub(crate) async fn throughput(echo: &Path) -> Measured<Value> {
    let folder = tempfile::tempdir()?;
    let sandbox = sandbox(folder.path())?;
    let component = load(&sandbox, echo).await?;
    let grant = grant(policy("")?);
    let mut measured = serde_json::Map::new();
    for clients in [1, 16, 64] {
        let started = Instant::now();
        let calling: Vec<_> = (0..clients)
            .map(|_| {
                let (sandbox, component, grant) =
                    (sandbox.clone(), component.clone(), grant.clone());
                tokio::spawn(async move {
                    let mut count = 0_u32;
                    while started.elapsed() < WHILE {
                        let ended = one(&sandbox, &component, &grant, "echo", ARGUMENTS).await;
                        ended.map_err(|error| error.to_string())?;
                        count += 1;
                    }
                    Ok::<u32, String>(count)
                })
            })
            .collect();
        let mut calls = 0;
        for client in calling {
            calls += client.await??;
        }
        let rate = f64::from(calls) / started.elapsed().as_secs_f64();
        measured.insert(clients.to_string(), json!(rate));
    }
    Ok(Value::Object(measured))
}
