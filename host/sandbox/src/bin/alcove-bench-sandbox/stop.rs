//! How long Stop takes to reach a guest.

use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use alcove_sandbox::{Call, Invocation, Outcome};
use serde_json::{Value, json};

use crate::common::{Measured, grant, load, percentile, policy, sandbox};

/// How often each is measured.
const STOPS: usize = 100;
/// How long a guest runs before it is stopped.
const HEAD_START: Duration = Duration::from_millis(23);

pub(crate) async fn measure(probe: &Path) -> Measured<Value> {
    // It takes connections, and never answers.
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let folder = tempfile::tempdir()?;
    let sandbox = sandbox(folder.path())?;
    let probe = load(&sandbox, probe).await?;
    let grant = grant(policy(&format!(
        "[[http]]\norigin = \"http://127.0.0.1:{port}\"\naddresses = [\"127.0.0.1/32\"]\n"
    ))?);
    let waiting = format!(r#"{{"do":"http","method":"GET","url":"http://127.0.0.1:{port}/"}}"#);
    let mut measured = serde_json::Map::new();
    for (name, arguments) in [
        ("loop", r#"{"do":"loop"}"#),
        ("host_call", waiting.as_str()),
        ("sleep", r#"{"do":"sleep","n":30000}"#),
    ] {
        let mut took = Vec::new();
        for _ in 0..STOPS {
            let call = Call {
                invocation: Invocation::new("probe", arguments),
                grant: grant.clone(),
            };
            let cancel = call.invocation.cancel.clone();
            let stopper = tokio::spawn(async move {
                tokio::time::sleep(HEAD_START).await;
                cancel.cancel();
                Instant::now()
            });
            let report = sandbox.call(&probe, call).await;
            took.push(stopper.await?.elapsed());
            if !matches!(&report.outcome, Outcome::Limit(hit) if hit.name == "stopped") {
                return Err(format!("{name}: not stopped: {:?}", report.outcome).into());
            }
        }
        let percentiles = json!({
            "p50_ms": percentile(&mut took, 50) / 1000.0,
            "p99_ms": percentile(&mut took, 99) / 1000.0,
        });
        measured.insert(name.to_owned(), percentiles);
    }
    Ok(Value::Object(measured))
}
