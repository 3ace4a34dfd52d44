//! Questions to the person at a client of the revisions that begin with `initialize`: sent on the
//! way that the call's answer takes.

use axum::http::Method;
use serde_json::{Value, json};

use super::lines::{Speaker, numbered};
use super::{audited, grant, legacy, server, with_headers};
use crate::app::TestApp;
use crate::client::{Client, Events};

const ASKS: &str = "version = 1\nplugin = \"local/echo\"\n[approval]\ndefault = \"always\"\n";

async fn asking() -> TestApp {
    let app = server().await;
    grant(&app, "local/echo", ASKS).await;
    app
}

fn hello(capabilities: Value) -> Value {
    let params = json!({"protocolVersion": "2025-06-18", "capabilities": capabilities});
    legacy("initialize", params)
}

fn echo(id: i64, text: &str) -> Value {
    let call = json!({"name": "echo", "arguments": {"text": text}});
    numbered(id, legacy("tools/call", call))
}

fn yes(question: &Value) -> Value {
    let result = json!({"action": "accept", "content": {"allow": true}});
    json!({"jsonrpc": "2.0", "id": question["id"], "result": result})
}

fn text(answer: &Value) -> &str {
    answer["result"]["content"][0]["text"].as_str().unwrap()
}

async fn outcomes(app: &TestApp) -> Vec<String> {
    let rows = audited(app, "local/echo").await;
    rows.into_iter().map(|row| row.outcome).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_over_lines_waits_for_a_yes_to_its_call() {
    let app = asking().await;
    let mut speaker = Speaker::new(&app);
    // A client that can't ask its person is told what to do.
    speaker.ask(&hello(json!({}))).await;
    let denied = speaker.ask(&echo(2, "a")).await;
    assert!(
        text(&denied).contains("asks its person (`elicitation`)"),
        "{denied}"
    );

    speaker.ask(&hello(json!({"elicitation": {}}))).await;
    let question = speaker.ask(&echo(3, "a")).await;
    assert_eq!(question["method"], "elicitation/create", "{question}");
    let message = question["params"]["message"].as_str().unwrap();
    assert!(message.contains("Arguments: {\"text\":\"a\"}"), "{message}");
    // Others are answered meanwhile, and what answers nothing is no answer.
    speaker.say(&yes(&json!({"id": "0123456789abcdef"}))).await;
    let pong = speaker.ask(&numbered(4, legacy("ping", json!({})))).await;
    assert_eq!(pong["id"], 4, "{pong}");
    assert_eq!(outcomes(&app).await, ["denied"], "nothing ran");
    let done = speaker.ask(&yes(&question)).await;
    assert_eq!((done["id"].as_i64(), text(&done)), (Some(3), "a"));
    // Once is once: neither the same call nor the same answer runs again.
    let again = speaker.ask(&echo(5, "a")).await;
    assert_eq!(again["method"], "elicitation/create", "{again}");
    assert_ne!(again["id"], question["id"]);
    speaker.say(&yes(&question)).await;
    let error = json!({"code": -32601, "message": "not here"});
    let refused = json!({"jsonrpc": "2.0", "id": again["id"], "error": error});
    let denied = speaker.ask(&refused).await;
    assert!(
        text(&denied).contains("could not ask its person: not here"),
        "{denied}"
    );
    assert_eq!(outcomes(&app).await, ["denied", "ok", "denied"]);
    assert!(speaker.leave().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_ends_with_its_call() {
    let app = asking().await;
    let mut speaker = Speaker::new(&app);
    speaker.ask(&hello(json!({"elicitation": {}}))).await;
    let question = speaker.ask(&echo(3, "a")).await;
    let stop = json!({
        "jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 3},
    });
    let told = speaker.ask(&stop).await;
    assert_eq!(told["method"], "notifications/cancelled", "{told}");
    assert_eq!(told["params"]["requestId"], question["id"]);
    // Too late.
    speaker.say(&yes(&question)).await;
    let pong = speaker.ask(&numbered(4, legacy("ping", json!({})))).await;
    assert_eq!(pong["id"], 4, "{pong}");
    assert!(!outcomes(&app).await.contains(&"ok".to_owned()));
    // A client that leaves while its person thinks.
    let question = speaker.ask(&echo(5, "b")).await;
    assert_eq!(question["method"], "elicitation/create", "{question}");
    speaker.hang_up().await;
    assert!(!outcomes(&app).await.contains(&"ok".to_owned()));
}

/// Opens a session and calls within it; answers the stream and the question on it.
async fn call_over_http(client: &Client, session: &str) -> (Events, Value) {
    let call = echo(7, "hi");
    let client = with_headers(client, &call).with("mcp-session-id", session);
    let mut events = client.stream(Method::POST, "/mcp", Some(&call)).await;
    let question = events.next().await.unwrap().json();
    assert_eq!(question["method"], "elicitation/create", "{question}");
    (events, question)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_over_http_is_answered_by_whom_it_was_put_to() {
    let app = asking().await;
    let client = app.local();
    let opened = client
        .post("/mcp", &hello(json!({"elicitation": {}})))
        .await;
    let session = opened.headers["mcp-session-id"]
        .to_str()
        .unwrap()
        .to_owned();
    let (mut events, question) = call_over_http(&client, &session).await;
    let bob = app.another_user("bob").await;
    for (who, is_bob) in [(&bob, true), (&client, false)] {
        let reply = who.post("/mcp", &yes(&question)).await;
        assert_eq!(reply.status.as_u16(), 202, "{}", reply.text());
        if is_bob {
            assert!(outcomes(&app).await.is_empty(), "nothing ran");
        }
    }
    let rest = events.rest().await;
    let done = rest.last().unwrap().json();
    assert_eq!((done["id"].as_i64(), text(&done)), (Some(7), "hi"));
    assert_eq!(outcomes(&app).await, ["ok"]);

    // Without the session, or in one whose client can't ask, nobody is.
    let opened = client.post("/mcp", &hello(json!({}))).await;
    let other = opened.headers["mcp-session-id"].to_str().unwrap();
    let call = echo(8, "hi");
    for client in [
        with_headers(&client, &call),
        with_headers(&client, &call).with("mcp-session-id", other),
    ] {
        let denied = client.post("/mcp", &call).await.expect(200);
        assert!(
            text(&denied).contains("nobody can be asked here"),
            "{denied}"
        );
    }
    // A client that leaves takes its question along.
    let (events, question) = call_over_http(&client, &session).await;
    drop(events);
    while outcomes(&app).await.len() < 4 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    client.post("/mcp", &yes(&question)).await.expect(202);
    let ended = outcomes(&app).await;
    assert_eq!(
        ended.iter().filter(|end| *end == "ok").count(),
        1,
        "{ended:?}"
    );
}
