//! MCP servers that are processes: a real one of the official library, good and bad.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::python::{python, script};
use super::{audited, fixture, grant, install, modern, post};
use crate::app::{PATIENCE, TestApp};

const PLUGIN: &str = "mcp-stdio/weather";
/// What the plugin asks for, with limits that tests need.
const POLICY: &str = "version = 1
plugin = \"mcp-stdio/weather\"
[limits]
calls = \"1000/min\"
wall = \"5 s\"
[[http]]
origin = \"http://weather.mcp-stdio.invalid\"
methods = [\"POST\", \"DELETE\"]
";

/// A server with an MCP server that is a process of this machine.
pub(crate) async fn app() -> TestApp {
    app_with("").await
}

async fn app_with(more: &str) -> TestApp {
    let file = format!(
        "[[mcp_stdio]]\nname = \"weather\"\ncommand = {}\nargs = [{}, \"stdio\"]\nenv = [\"HOME\"]\n{more}",
        json!(python()),
        json!(script("mcp_server.py")),
    );
    let app = TestApp::start_with_file(&file).await;
    app.app().tools.find_stdio_servers().await;
    app
}

async fn ask(app: &TestApp, tool: &str, arguments: Value) -> Value {
    let message = modern("tools/call", json!({"name": tool, "arguments": arguments}));
    post(&app.local(), &message).await.json()
}

async fn call(app: &TestApp, tool: &str, arguments: Value) -> Value {
    ask(app, tool, arguments).await["result"].clone()
}

fn outcome(result: &Value) -> &str {
    result["_meta"]["ai.alcove/outcome"]["kind"]
        .as_str()
        .unwrap_or_else(|| panic!("{result}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_is_a_plugin_that_says_it_is_not_sandboxed() {
    let mut app = app().await;
    let plugin = app
        .local()
        .get(&format!("/api/plugins/{}", PLUGIN.replace('/', "%2F")))
        .await;
    let plugin = plugin.expect(200);
    let badges = plugin["badges"].as_array().unwrap();
    assert_eq!(badges.len(), 1, "{plugin}");
    let text = badges[0]["text"].as_str().unwrap();
    assert!(text.starts_with("not sandboxed: runs /"), "{text}");

    // Nobody may use it until it is granted, and approvals hold as for every tool.
    let rome = json!({"city": "Rome", "unit": "c"});
    let unknown = ask(&app, "weather", rome.clone()).await;
    assert_eq!(unknown["error"]["code"], -32602, "{unknown}");
    let asks = format!("{POLICY}[approval]\ndefault = \"always\"\n");
    grant(&app, PLUGIN, &asks).await;
    let denied = call(&app, "weather", rome.clone()).await;
    assert_eq!(outcome(&denied), "denied", "{denied}");
    // A policy without its origin opens nothing.
    grant(
        &app,
        PLUGIN,
        &format!("version = 1\nplugin = \"{PLUGIN}\"\n"),
    )
    .await;
    let denied = call(&app, "weather", rome.clone()).await;
    assert_eq!(outcome(&denied), "denied", "{denied}");
    grant(&app, PLUGIN, POLICY).await;
    let result = call(&app, "weather", rome.clone()).await;
    assert_eq!(outcome(&result), "ok", "{result}");
    assert!(result["content"].to_string().contains("Rome"), "{result}");
    let failed = call(&app, "weather", json!({"city": "Atlantis"})).await;
    assert_eq!(outcome(&failed), "failed", "{failed}");
    assert!(
        failed["content"].to_string().contains("no such city"),
        "{failed}"
    );
    let counted = call(&app, "count_down", json!({"seconds": 0.2})).await;
    assert_eq!(outcome(&counted), "ok", "{counted}");
    let seen = call(&app, "misbehave", json!({"how": "environment"})).await;
    let seen = seen["content"][0]["text"].as_str().unwrap();
    // Python itself may add one about the letters that it writes.
    let seen: Vec<_> = seen.split(',').filter(|name| *name != "LC_CTYPE").collect();
    assert_eq!(seen, ["HOME"]);
    let rows = audited(&app, PLUGIN).await;
    let ends: Vec<&str> = rows.iter().map(|row| row.outcome.as_str()).collect();
    assert_eq!(ends, ["denied", "denied", "ok", "failed", "ok", "ok"]);

    // Nothing but the file adds one, and no other plugin gets there.
    let body = json!({"url": "http://weather.mcp-stdio.invalid/mcp", "name": "other"});
    let refused = app.local().post("/api/mcp-servers", &body).await;
    assert_eq!(refused.status.as_u16(), 422, "{}", refused.text());
    install(&app, &fixture("probe")).await;
    let policy = POLICY.replace(PLUGIN, "local/probe");
    grant(&app, "local/probe", &policy).await;
    let url = "http://weather.mcp-stdio.invalid/mcp";
    let probed = call(&app, "probe", json!({"do": "http", "url": url})).await;
    assert_ne!(outcome(&probed), "ok", "{probed}");

    // Once it is taken out of the file its plugin reaches nothing, whatever is granted.
    app.stop().await;
    app.file = None;
    app.start_again().await;
    let gone = call(&app, "weather", rome).await;
    assert_eq!(outcome(&gone), "denied", "{gone}");
    assert!(
        gone["content"].to_string().contains("[[mcp_stdio]]"),
        "{gone}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_misbehaves_hurts_its_own_calls_alone() {
    let mut app = app().await;
    grant(&app, PLUGIN, POLICY).await;
    for how in ["crash", "flood", "long", "hang"] {
        works_again(&app).await;
        let result = call(&app, "misbehave", json!({"how": how})).await;
        let expected = match how {
            "hang" => "limit",
            _ => "failed",
        };
        assert_eq!(outcome(&result), expected, "{how}: {result}");
    }
    works_again(&app).await;
    // It and what it started go with the server.
    let child = call(&app, "misbehave", json!({"how": "child"})).await;
    let child: u32 = child["content"][0]["text"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(is_running(child));
    app.stop().await;
    let stopped = Instant::now();
    while is_running(child) {
        assert!(stopped.elapsed() < Duration::from_secs(5), "still there");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_nobody_uses_ends_and_is_there_again_at_the_next_call() {
    let app = app_with("idle = \"1 s\"\n").await;
    grant(&app, PLUGIN, POLICY).await;
    for _ in 0..2 {
        let child = call(&app, "misbehave", json!({"how": "child"})).await;
        assert_eq!(outcome(&child), "ok", "at once: {child}");
        let child = child["content"][0]["text"].as_str().unwrap();
        let child: u32 = child.parse().unwrap();
        // A call that takes longer keeps it.
        let long = call(&app, "count_down", json!({"seconds": 2})).await;
        assert_eq!(outcome(&long), "ok", "{long}");
        assert!(is_running(child), "it was ended under a call");
        let idle = Instant::now();
        while is_running(child) {
            assert!(idle.elapsed() < PATIENCE, "still there");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_does_not_greet_is_given_up() {
    let file = "[[mcp_stdio]]\nname = \"silent\"\ncommand = \"/bin/sleep\"\nargs = [\"1000\"]\nstart = \"500 ms\"\n\
                [[mcp_stdio]]\nname = \"absent\"\ncommand = \"/nowhere/none\"\n\
                [[mcp_stdio]]\nname = \"wordy\"\ncommand = \"/bin/echo\"\nargs = [\"hello\"]\n";
    let app = TestApp::start_with_file(file).await;
    let began = Instant::now();
    app.app().tools.find_stdio_servers().await;
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "they hold up the start"
    );
    let plugins = app.local().get("/api/plugins").await.expect(200);
    assert!(!plugins.to_string().contains("mcp-stdio/"), "{plugins}");
}

/// A process that ended is started again, after a pause.
async fn works_again(app: &TestApp) {
    let began = Instant::now();
    loop {
        let result = call(app, "weather", json!({"city": "Oslo"})).await;
        if outcome(&result) == "ok" {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{result}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Whether a process is there and more than an entry that nobody has read the end of.
fn is_running(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(") ").next().unwrap_or_default();
    !state.is_empty() && !state.starts_with('Z')
}
