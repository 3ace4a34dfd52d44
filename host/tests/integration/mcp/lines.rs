//! `alcove mcp --stdio`: messages, a line each.

use std::collections::BTreeSet;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::{audited, legacy, modern, server};
use crate::app::{PATIENCE, TestApp};

/// A client of the program.
pub(super) struct Speaker {
    child: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
}

/// The program on a data folder: it pipes to the server that runs there, or is one itself.
pub(super) fn command(app: &TestApp) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_alcove"));
    command
        .args(["mcp", "--stdio", "--data-dir"])
        .arg(app.data())
        .env("ALCOVE_MODEL", "/nowhere/none.gguf")
        .env("XDG_CONFIG_HOME", app.data())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    command
}

impl Speaker {
    pub(super) fn new(app: &TestApp) -> Speaker {
        let mut child = command(app).spawn().expect("a process");
        Speaker {
            input: child.stdin.take(),
            output: BufReader::new(child.stdout.take().unwrap()).lines(),
            child,
        }
    }

    pub(super) async fn say(&mut self, message: &Value) {
        self.say_text(&format!("{message}\n")).await;
    }

    async fn say_text(&mut self, text: &str) {
        let input = self.input.as_mut().unwrap();
        input.write_all(text.as_bytes()).await.unwrap();
        input.flush().await.unwrap();
    }

    /// The next message; none where the program closed its side.
    async fn hear(&mut self) -> Option<Value> {
        let line = tokio::time::timeout(PATIENCE, self.output.next_line()).await;
        let line = line.expect("an answer in time").unwrap()?;
        Some(serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")))
    }

    pub(super) async fn ask(&mut self, message: &Value) -> Value {
        self.say(message).await;
        self.hear().await.expect("an answer")
    }

    /// Goes away without a word.
    pub(super) async fn hang_up(mut self) {
        drop(self.input.take());
        while self.hear().await.is_some() {}
        assert!(self.child.wait().await.unwrap().success());
    }

    pub(super) async fn leave(mut self) -> ExitStatus {
        drop(self.input.take());
        assert_eq!(self.hear().await, None);
        self.child.wait().await.unwrap()
    }
}

pub(super) fn numbered(id: i64, mut message: Value) -> Value {
    message["id"] = json!(id);
    message
}

fn probe(arguments: Value) -> Value {
    modern(
        "tools/call",
        json!({"name": "probe", "arguments": arguments}),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_the_server_where_none_runs() {
    let mut app = server().await;
    app.stop().await;
    let mut speaker = Speaker::new(&app);
    let hello = speaker
        .ask(&legacy(
            "initialize",
            json!({"protocolVersion": "2025-06-18"}),
        ))
        .await;
    assert_eq!(hello["result"]["protocolVersion"], "2025-06-18", "{hello}");
    speaker
        .say(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))
        .await;
    let call = json!({"name": "echo", "arguments": {"text": "zwölf\nLinien"}});
    let answer = speaker.ask(&legacy("tools/call", call.clone())).await;
    assert_eq!(answer["result"]["content"][0]["text"], "zwölf\nLinien");
    let answer = speaker.ask(&modern("tools/call", call)).await;
    assert_eq!(answer["result"]["resultType"], "complete", "{answer}");
    // A second client finds the first one's server.
    let mut second = Speaker::new(&app);
    assert_eq!(
        second.ask(&legacy("ping", json!({}))).await["result"],
        json!({})
    );
    assert!(second.leave().await.success());
    assert!(speaker.leave().await.success());
    app.start_again().await;
    assert_eq!(audited(&app, "local/echo").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_pipes_to_the_server_that_runs() {
    let app = server().await;
    let mut speaker = Speaker::new(&app);
    let found = speaker.ask(&modern("server/discover", json!({}))).await;
    assert_eq!(
        found["result"]["supportedVersions"][0], "2026-07-28",
        "{found}"
    );
    // What is no message gets an answer, and the connection lives on.
    for (text, code) in [
        ("{\n", -32700),
        ("[]\n", -32600),
        (
            "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}\n",
            -32600,
        ),
    ] {
        speaker.say_text(text).await;
        let answer = speaker.hear().await.unwrap();
        assert_eq!(answer["error"]["code"], code, "{answer}");
    }
    speaker.say_text("\n  \n").await;
    let long = "x".repeat(17 << 20);
    speaker.say_text(&format!("{long}\n")).await;
    assert_eq!(speaker.hear().await.unwrap()["error"]["code"], -32600);
    let answer = speaker
        .ask(&probe(json!({"do": "fail", "text": "no"})))
        .await;
    assert_eq!(
        answer["result"]["_meta"]["ai.alcove/outcome"]["kind"],
        "failed"
    );
    assert!(speaker.leave().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_call_stops_and_is_not_answered() {
    let app = server().await;
    let mut speaker = Speaker::new(&app);
    speaker
        .ask(&probe(json!({"do": "echo", "text": "warm"})))
        .await;
    speaker
        .say(&numbered(7, probe(json!({"do": "sleep", "n": 20_000}))))
        .await;
    // An id is free again only when its request has ended.
    let twice = speaker
        .ask(&numbered(7, probe(json!({"do": "echo"}))))
        .await;
    assert_eq!(twice["error"]["code"], -32600, "{twice}");
    // Others are answered meanwhile.
    assert_eq!(
        speaker.ask(&numbered(8, legacy("ping", json!({})))).await["id"],
        8
    );
    app.until_leases_held(1).await;
    let cancelled = Instant::now();
    for params in [
        json!({"requestId": 99}),
        json!({}),
        json!({"requestId": 7, "reason": "r"}),
    ] {
        let told = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params});
        speaker.say(&told).await;
    }
    while audited(&app, "local/probe").await.len() < 2 {
        assert!(
            cancelled.elapsed() < Duration::from_secs(15),
            "still running"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(audited(&app, "local/probe").await[1].outcome, "limit");
    // The next answer is that of the next request.
    assert_eq!(
        speaker.ask(&numbered(9, legacy("ping", json!({})))).await["id"],
        9
    );
    assert!(speaker.leave().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_calls_in_flight_are_all_answered() {
    let app = server().await;
    let mut speaker = Speaker::new(&app);
    let mut lines = String::new();
    for id in 0..1_000 {
        let call = json!({"name": "echo", "arguments": {"text": id.to_string()}});
        lines.push_str(&format!("{}\n", numbered(id, modern("tools/call", call))));
    }
    let mut input = speaker.input.take().unwrap();
    let saying = tokio::spawn(async move {
        input.write_all(lines.as_bytes()).await.unwrap();
        input
    });
    let mut seen = BTreeSet::new();
    for _ in 0..1_000 {
        let answer = speaker.hear().await.unwrap();
        let id = answer["id"].as_i64().unwrap();
        assert_eq!(
            answer["result"]["content"][0]["text"],
            id.to_string(),
            "{answer}"
        );
        seen.insert(id);
    }
    assert_eq!(seen.len(), 1_000);
    speaker.input = Some(saying.await.unwrap());
    assert!(speaker.leave().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_comes_before_the_answer() {
    let app = server().await;
    let mut speaker = Speaker::new(&app);
    let mut call = probe(json!({"do": "progress", "n": 3}));
    call["params"]["_meta"]["progressToken"] = json!(5);
    speaker.say(&call).await;
    let mut notes = 0;
    loop {
        let message = speaker.hear().await.unwrap();
        if message["id"] == 1 {
            break;
        }
        assert_eq!(message["params"]["progressToken"], 5, "{message}");
        notes += 1;
    }
    assert!(notes > 0);
    assert!(speaker.leave().await.success());
}
