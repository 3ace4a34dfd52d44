//! The official Python client, in both revisions, over both transports.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tokio::process::Command;

use super::lines;
use super::server;
use crate::app::TestApp;

/// The Python environment that `cargo xtask test` keeps in the user's cache.
pub(super) fn python() -> PathBuf {
    let cache = match std::env::var_os("XDG_CACHE_HOME").filter(|folder| !folder.is_empty()) {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(&std::env::var_os("HOME").expect("a home folder")).join(".cache"),
    };
    let python = cache.join("alcove/python/mcp/bin/python");
    assert!(
        python.exists(),
        "{} is not there: `cargo xtask test` makes it",
        python.display()
    );
    python
}

pub(super) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/python")
        .join(name)
}

async fn run(arguments: &[&str]) -> Value {
    let output = Command::new(python())
        .arg(script("mcp_client.py"))
        .args(arguments)
        .env("ALCOVE_MODEL", "/nowhere/none.gguf")
        .output()
        .await
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    serde_json::from_str(text.trim()).unwrap_or_else(|error| panic!("{error}: {text} {errors}"))
}

fn check(seen: &Value, version: &str) {
    assert_eq!(seen["version"], version, "{seen}");
    assert_eq!(seen["server"], "alcove");
    let tools = seen["tools"].as_array().unwrap();
    for name in ["python", "web_fetch", "echo", "probe"] {
        assert!(tools.contains(&json!(name)), "{seen}");
    }
    assert_eq!(seen["echo"], json!([false, ["hello"]]));
    assert_eq!(seen["probe"], false);
    assert!(!seen["progress"].as_array().unwrap().is_empty(), "{seen}");
    assert_eq!(seen["denied"][0], true);
    let why = seen["denied"][1][0].as_str().unwrap();
    assert!(why.starts_with("denied (http)"), "{why}");
}

const VERSIONS: [(&str, &str); 2] = [("auto", "2026-07-28"), ("legacy", "2025-11-25")];

#[tokio::test(flavor = "multi_thread")]
async fn the_official_client_lists_and_calls_over_http() {
    let app = server().await;
    let url = format!("http://{}/mcp", app.server().address());
    let key = std::fs::read_to_string(app.data().join("local.key")).unwrap();
    for (mode, version) in VERSIONS {
        let seen = run(&[mode, "http", &url, key.trim()]).await;
        check(&seen, version);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_client_lists_and_calls_over_stdio() {
    let mut app = server().await;
    for (mode, version) in VERSIONS {
        let seen = over_stdio(&app, mode).await;
        check(&seen, version);
        // The second time without a server that runs.
        if app.is_running() {
            app.stop().await;
        }
    }
}

async fn over_stdio(app: &TestApp, mode: &str) -> Value {
    let command = lines::command(app);
    let command = command.as_std();
    let program = command.get_program().to_str().unwrap();
    let mut arguments = vec![mode, "stdio", program];
    arguments.extend(
        command
            .get_args()
            .map(|argument| argument.to_str().unwrap()),
    );
    run(&arguments).await
}
