//! The Model Context Protocol, as its clients speak it: raw messages over HTTP and over lines, and
//! the official Python client.

mod elicitation;
mod http;
mod lines;
mod processes;
mod python;
mod servers;
mod typed;

pub(crate) use processes::app as with_a_process;

use std::path::{Path, PathBuf};

use alcove::store::AuditRow;
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::client::{Client, Reply};

const MODERN: &str = "2026-07-28";

/// A built component of the fixtures.
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../plugins/dist/fixtures/{name}.wasm"))
}

/// A server with two more plugins, granted to everyone: an echo, and a probe under a policy that
/// names no network.
async fn server() -> TestApp {
    server_with(&[("model", "/nowhere/none.gguf")]).await
}

pub(crate) async fn server_with(settings: &[(&str, &str)]) -> TestApp {
    let app = TestApp::start_with(settings).await;
    let limits = "[limits]\ncalls = \"100000/min\"\nconcurrency = 1000\nwall = \"30 s\"\n";
    for name in ["echo", "probe"] {
        install(&app, &fixture(name)).await;
        let policy = format!("version = 1\nplugin = \"local/{name}\"\n{limits}");
        grant(&app, &format!("local/{name}"), &policy).await;
    }
    app
}

async fn install(app: &TestApp, path: &Path) {
    let path = path.canonicalize().expect("a built fixture");
    let body = json!({"path": path.display().to_string()});
    app.local().post("/api/plugins", &body).await.expect(201);
}

async fn grant(app: &TestApp, plugin: &str, policy: &str) {
    let body = json!({"plugin": plugin, "principal": "everyone", "policy": policy, "beyond_request": true});
    app.local().post("/api/bindings", &body).await.expect(201);
}

/// What the stateless revision puts on every request.
pub(crate) fn modern(method: &str, mut params: Value) -> Value {
    params["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!(MODERN);
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({});
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
}

fn legacy(method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
}

/// Sends a message of either revision, with the headers that belong to it.
pub(crate) async fn post(client: &Client, message: &Value) -> Reply {
    with_headers(client, message).post("/mcp", message).await
}

fn with_headers(client: &Client, message: &Value) -> Client {
    let mut client = client.with("accept", "application/json, text/event-stream");
    let version = &message["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"];
    if let Some(version) = version.as_str() {
        client = client
            .with("mcp-protocol-version", version)
            .with("mcp-method", message["method"].as_str().unwrap());
    }
    match message["params"]["name"].as_str() {
        Some(name) => client.with("mcp-name", name),
        None => client,
    }
}

/// The newest entries of the audit log about a plugin.
async fn audited(app: &TestApp, plugin: &str) -> Vec<AuditRow> {
    app.app().log.audit_settled().await.unwrap();
    let store = &app.app().store;
    let mut rows = Vec::new();
    for writer in store.audit_writers().await.unwrap() {
        rows.extend(store.audit_chain(writer, 0, 10_000).await.unwrap());
    }
    rows.retain(|row| row.action == "tool_call" && row.subject == plugin);
    rows
}
