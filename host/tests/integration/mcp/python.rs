//! The official Python client, in both revisions, over both transports.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tokio::process::Command;

use super::lines;
use super::{audited, grant, modern, post, server};
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

async fn run(program: &str, arguments: &[&str]) -> Value {
    let output = Command::new(python())
        .arg(script(program))
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

const CLIENT: &str = "mcp_client.py";
const ASKING: &str = "mcp_asking.py";
const VERSIONS: [(&str, &str); 2] = [("auto", "2026-07-28"), ("legacy", "2025-11-25")];

#[tokio::test(flavor = "multi_thread")]
async fn the_official_client_lists_and_calls_over_http() {
    let app = server().await;
    let url = format!("http://{}/mcp", app.server().address());
    let key = std::fs::read_to_string(app.data().join("local.key")).unwrap();
    for (mode, version) in VERSIONS {
        let seen = run(CLIENT, &[mode, "http", &url, key.trim()]).await;
        check(&seen, version);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_client_lists_and_calls_over_stdio() {
    let mut app = server().await;
    for (mode, version) in VERSIONS {
        let seen = over_stdio(CLIENT, &app, &[mode]).await;
        check(&seen, version);
        // The second time without a server that runs.
        if app.is_running() {
            app.stop().await;
        }
    }
}

async fn over_stdio(script: &str, app: &TestApp, first: &[&str]) -> Value {
    let command = lines::command(app);
    let command = command.as_std();
    let program = command.get_program().to_str().unwrap();
    let mut arguments = [first, &["stdio", program]].concat();
    arguments.extend(
        command
            .get_args()
            .map(|argument| argument.to_str().unwrap()),
    );
    run(script, &arguments).await
}

/// What needs a person is denied with a reason where nobody can be asked, and a call that its
/// client gives up ends on the server while the connection lives on.
#[tokio::test(flavor = "multi_thread")]
async fn the_official_client_is_told_why_and_stops_what_it_gives_up() {
    let app = server().await;
    let asks = "version = 1\nplugin = \"local/echo\"\n[approval]\ndefault = \"always\"\n";
    grant(&app, "local/echo", asks).await;
    let url = format!("http://{}/mcp", app.server().address());
    let key = std::fs::read_to_string(app.data().join("local.key")).unwrap();
    let mut stopped = 0;
    for (mode, _) in VERSIONS {
        for transport in ["http", "stdio"] {
            let seen = match transport {
                "http" => run(ASKING, &["nobody", mode, "http", &url, key.trim()]).await,
                _ => over_stdio(ASKING, &app, &["nobody", mode]).await,
            };
            let said = |tool: &str| seen[tool][1][0].as_str().unwrap().to_owned();
            assert_eq!(seen["echo"][0], true, "{seen}");
            assert!(said("echo").starts_with("denied (approval): "), "{seen}");
            assert!(said("echo").contains("nobody can be asked here"), "{seen}");
            assert!(
                said("ask_year").contains("nobody can be asked here"),
                "{seen}"
            );
            assert_eq!(seen["cancelled"], true, "{seen}");
            assert_eq!(seen["again"], true, "still denied, and still answered");
            stopped += 1;
            let ended = audited(&app, "local/probe").await;
            let ended = ended.iter().filter(|row| row.outcome == "limit");
            assert_eq!(ended.count(), stopped, "{mode} over {transport}");
        }
    }
}

/// The person at a client is asked, in both eras, and only their yes lets a call run.
#[tokio::test(flavor = "multi_thread")]
async fn the_person_at_the_client_is_asked() {
    let app = server().await;
    let asks = "version = 1\nplugin = \"local/echo\"\n[approval]\ndefault = \"always\"\n";
    grant(&app, "local/echo", asks).await;
    let url = format!("http://{}/mcp", app.server().address());
    let key = std::fs::read_to_string(app.data().join("local.key")).unwrap();
    let cases = [
        ("auto", "accept"),
        ("auto", "decline"),
        ("legacy", "accept"),
        ("legacy", "decline"),
        ("legacy", "cancel"),
    ];
    for (mode, answer) in cases {
        for transport in ["http", "stdio"] {
            let seen = match transport {
                "http" => run(ASKING, &[answer, mode, "http", &url, key.trim()]).await,
                _ => over_stdio(ASKING, &app, &[answer, mode]).await,
            };
            let said = |tool: &str| seen[tool][1][0].as_str().unwrap().to_owned();
            let asked = seen["asked"].as_array().unwrap();
            assert_eq!(asked.len(), 2, "{seen}");
            let (leave, input) = (asked[0].as_str().unwrap(), asked[1].as_str().unwrap());
            assert!(leave.contains("Arguments: {\"text\":\"hello\"}"), "{leave}");
            assert_eq!(input, "Which year of the flood do you mean?");
            match answer {
                "accept" => {
                    assert_eq!(seen["echo"], json!([false, ["hello"]]));
                    assert_eq!(seen["ask_year"], json!([false, ["the flood in 1999"]]));
                }
                _ => {
                    assert!(said("echo").contains("the person said no"), "{seen}");
                    assert!(said("ask_year").contains("the person said no"), "{seen}");
                }
            }
        }
    }
}

/// A yes is for one call, once, and by whom it was asked of.
#[tokio::test(flavor = "multi_thread")]
async fn a_yes_over_mcp_is_one_to_exactly_one_call() {
    let app = server().await;
    let asks = "version = 1\nplugin = \"local/echo\"\n[approval]\ndefault = \"always\"\n";
    grant(&app, "local/echo", asks).await;
    let ask = async |text: &str, state: Option<&Value>| {
        let mut params = json!({"name": "echo", "arguments": {"text": text}});
        if let Some(state) = state {
            params["requestState"] = state.clone();
            params["inputResponses"] =
                json!({"answer": {"action": "accept", "content": {"allow": true}}});
        }
        let mut message = modern("tools/call", params);
        message["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] =
            json!({"elicitation": {}});
        post(&app.local(), &message).await.expect(200)["result"].clone()
    };
    let first = ask("a", None).await;
    assert_eq!(first["resultType"], "input_required", "{first}");
    // For another call it is no answer, and spent.
    let other = ask("b", Some(&first["requestState"])).await;
    assert_eq!(other["resultType"], "input_required", "{other}");
    let spent = ask("a", Some(&first["requestState"])).await;
    assert_eq!(spent["resultType"], "input_required", "{spent}");
    let made_up = ask("a", Some(&json!("0123456789abcdef"))).await;
    assert_eq!(made_up["resultType"], "input_required", "{made_up}");
    assert!(audited(&app, "local/echo").await.is_empty(), "nothing ran");
    let done = ask("a", Some(&spent["requestState"])).await;
    assert_eq!(done["resultType"], "complete", "{done}");
    assert_eq!(done["content"][0]["text"], "a");
    let again = ask("a", Some(&spent["requestState"])).await;
    assert_eq!(again["resultType"], "input_required", "{again}");
    assert_eq!(audited(&app, "local/echo").await.len(), 1);
}
