//! A used up quota, as each kind of client is told.

use serde_json::{Value, json};

use crate::app::TestApp;
use crate::mcp;

#[tokio::test(flavor = "multi_thread")]
async fn a_question_above_the_quota_is_refused_with_when_to_come_back() {
    let app = TestApp::start_with(&[("quota.tokens_per_user", "50")]).await;
    app.ready().await;
    let client = app.local();
    for (path, body) in [
        ("/v1/responses", json!({"input": "hello"})),
        (
            "/v1/chat/completions",
            json!({"messages": [{"role": "user", "content": "hello"}]}),
        ),
    ] {
        let reply = client.post(path, &body).await;
        let error = &reply.expect(429)["error"];
        assert_eq!(error["code"], "insufficient_quota", "{path}");
        assert_eq!(error["type"], "insufficient_quota");
        let message = error["message"].as_str().unwrap();
        assert!(
            message.contains("50 tokens a day (quota.tokens_per_user)")
                && message.contains("starts anew at"),
            "{message}"
        );
        let seconds = reply.headers["retry-after"].to_str().unwrap();
        assert!((0..=86_400).contains(&seconds.parse::<u32>().unwrap()));
    }
    let conversations = client.get("/api/conversations").await.expect(200);
    assert_eq!(conversations["conversations"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_above_the_quota_ends_as_a_limit_over_mcp() {
    let settings = [
        ("model", "/nowhere/none.gguf"),
        ("quota.tool_bytes_per_user", "3 B"),
    ];
    let app = mcp::server_with(&settings).await;
    let call = |text: &str| {
        let arguments = json!({"do": "echo", "text": text});
        mcp::modern(
            "tools/call",
            json!({"name": "probe", "arguments": arguments}),
        )
    };
    let client = app.local();
    let said = mcp::post(&client, &call("abc")).await.expect(200);
    assert_eq!(said["result"]["isError"], false, "{said}");
    let refused = mcp::post(&client, &call("d")).await.expect(200);
    let outcome = &refused["result"]["_meta"]["ai.alcove/outcome"];
    assert_eq!(outcome["limit"], "quota.tool_bytes_per_user", "{refused}");
}

/// How many tokens a refusal says are used, held, and needed more.
fn shares(error: &Value) -> [u64; 3] {
    let message = error["message"].as_str().unwrap();
    let (_, shares) = message.split_once(" does not reach: ").unwrap();
    let numbers = shares.split(' ').filter_map(|word| word.parse().ok());
    numbers.take(3).collect::<Vec<u64>>().try_into().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn running_out_between_two_steps_is_no_fault_of_the_server() {
    // The model decides whether to use a tool first, and what that took lacks for the answer.
    let mut body = json!({
        "messages": [{"role": "user", "content": "hello"}],
        "max_tokens": 600,
        "alcove:server_tools": true,
    });
    let mut limit = 1;
    loop {
        let app = TestApp::start_with(&[("quota.tokens_per_user", &limit.to_string())]).await;
        app.ready().await;
        let reply = app.local().post("/v1/chat/completions", &body).await;
        let error = &reply.expect(429)["error"];
        assert_eq!(error["code"], "insufficient_quota", "{error}");
        let seconds = reply.headers["retry-after"].to_str().unwrap();
        assert!((0..=86_400).contains(&seconds.parse::<u32>().unwrap()));
        match shares(error) {
            // It did not begin: as much as it needed for that is the limit next time.
            [0, held, more] => limit = held + more,
            _ => break,
        }
    }
    body["stream"] = json!(true);
    let app = TestApp::start_with(&[("quota.tokens_per_user", &limit.to_string())]).await;
    app.ready().await;
    let reply = app.local().post("/v1/chat/completions", &body).await;
    let text = reply.text();
    assert!(text.contains("\"code\":\"insufficient_quota\""), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_see_what_they_used_and_admins_what_anybody_did() {
    let settings = [
        ("model", "/nowhere/none.gguf"),
        ("quota.tool_bytes_per_user", "1 KiB"),
    ];
    let app = mcp::server_with(&settings).await;
    let arguments = json!({"do": "echo", "text": "abc"});
    let call = mcp::modern(
        "tools/call",
        json!({"name": "probe", "arguments": arguments}),
    );
    mcp::post(&app.local(), &call).await.expect(200);
    let own = app.local().get("/api/quota").await.expect(200);
    let share = json!({"spent": 3, "held": 0, "limit": 1024});
    assert_eq!(own["tool_bytes"]["user"], share, "{own}");
    assert_eq!(own["tool_bytes"]["organisation"]["spent"], 3);
    assert_eq!(own["tokens"]["user"]["limit"], Value::Null);
    let bob = app.another_user("bob").await;
    let his = bob.get("/api/quota").await.expect(200);
    assert_eq!(his["username"], "bob");
    assert_eq!(his["tool_bytes"]["user"]["spent"], 0);
    assert_eq!(his["tool_bytes"]["organisation"]["spent"], 3, "{his}");
    let asked = app.local().get("/api/quota?user=bob").await.expect(200);
    assert_eq!(asked, his);
    let name = own["username"].as_str().unwrap();
    bob.get(&format!("/api/quota?user={name}"))
        .await
        .expect(403);
    app.local().get("/api/quota?user=nobody").await.expect(404);
    let shown = tokio::process::Command::new(env!("CARGO_BIN_EXE_alcove"))
        .args(["quota", "bob", "--data-dir"])
        .arg(app.data())
        .env("XDG_CONFIG_HOME", app.data())
        .output()
        .await
        .unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    let line = shown
        .lines()
        .find(|line| line.contains("bytes") && line.contains("bob"));
    assert!(
        line.unwrap().contains("0 B used  of 1.0 KiB a day"),
        "{shown}"
    );
}
