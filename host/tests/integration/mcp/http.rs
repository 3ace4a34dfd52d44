//! `/mcp`, message by message.

use std::time::{Duration, Instant};

use alcove_policies::inspect::inspect;
use alcove_policies::manifest::{Tool, embed};
use serde_json::{Value, json};

use super::{audited, fixture, grant, install, legacy, modern, post, server, with_headers};
use crate::app::PATIENCE;

#[tokio::test(flavor = "multi_thread")]
async fn both_revisions_list_and_call_the_same_tools() {
    let app = server().await;
    let client = app.local();
    let asked = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let hello = post(&client, &legacy("initialize", asked))
        .await
        .expect(200);
    assert_eq!(hello["result"]["protocolVersion"], "2025-06-18");
    assert!(hello["result"]["capabilities"]["tools"].is_object());
    let told = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let accepted = post(&client, &told).await;
    assert_eq!((accepted.status.as_u16(), accepted.text()), (202, ""));
    let old = client.with("mcp-protocol-version", "2025-06-18");
    assert_eq!(
        post(&old, &legacy("ping", json!({}))).await.expect(200)["result"],
        json!({})
    );
    // A version of the future is answered with one that is there.
    let asked = json!({"protocolVersion": "2031-01-01"});
    let hello = post(&client, &legacy("initialize", asked))
        .await
        .expect(200);
    assert_eq!(hello["result"]["protocolVersion"], "2025-11-25");

    let found = post(&client, &modern("server/discover", json!({})))
        .await
        .expect(200);
    let found = &found["result"];
    assert_eq!(
        found["supportedVersions"],
        json!(["2026-07-28", "2025-11-25", "2025-06-18"])
    );
    assert_eq!(found["resultType"], "complete");
    assert_eq!(found["cacheScope"], "public");
    assert_eq!(
        found["_meta"]["io.modelcontextprotocol/serverInfo"]["name"],
        "alcove"
    );

    let before = post(&old, &legacy("tools/list", json!({})))
        .await
        .expect(200);
    let now = post(&client, &modern("tools/list", json!({})))
        .await
        .expect(200);
    assert_eq!(before["result"]["tools"], now["result"]["tools"]);
    assert!(before["result"].get("resultType").is_none(), "{before}");
    assert_eq!(now["result"]["cacheScope"], "private");
    let tools = now["result"]["tools"].as_array().unwrap();
    let named = |name: &str| tools.iter().find(|tool| tool["name"] == name).unwrap();
    let echo = named("echo");
    assert_eq!(echo["inputSchema"]["required"], json!(["text"]));
    assert_eq!(
        echo["annotations"],
        json!({"title": "Echo", "readOnlyHint": true, "destructiveHint": false, "openWorldHint": false})
    );
    assert_eq!(named("probe")["annotations"]["readOnlyHint"], false);
    assert_eq!(named("web_fetch")["annotations"]["openWorldHint"], true);

    let call = json!({"name": "echo", "arguments": {"text": "hello"}});
    for message in [
        legacy("tools/call", call.clone()),
        modern("tools/call", call),
    ] {
        let answer = post(&client, &message).await.expect(200);
        let result = &answer["result"];
        assert_eq!(
            result["content"],
            json!([{"type": "text", "text": "hello"}]),
            "{answer}"
        );
        assert_eq!(result["isError"], false);
        assert_eq!(result["_meta"]["ai.alcove/outcome"]["kind"], "ok");
    }
    let rows = audited(&app, "local/echo").await;
    assert_eq!(rows.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_in_a_tool_is_a_result_that_says_how() {
    let app = server().await;
    let client = app.local();
    for (arguments, kind, words) in [
        (
            json!({"do": "fail", "text": "no such page"}),
            "failed",
            "no such page",
        ),
        (
            json!({"do": "http", "url": "http://192.0.2.1/"}),
            "denied",
            "To grant it:",
        ),
        (
            json!({"do": "output", "n": 2_000_000}),
            "limit",
            "limit (output)",
        ),
        (json!({"do": "trap"}), "trapped", "crashed:"),
        (json!({"do": "dance"}), "failed", "invalid-input"),
        (json!({"do": "echo", "more": 1}), "failed", "invalid-input"),
    ] {
        let call = json!({"name": "probe", "arguments": arguments});
        let answer = post(&client, &modern("tools/call", call)).await.expect(200);
        let result = &answer["result"];
        assert_eq!(result["isError"], true, "{answer}");
        assert_eq!(
            result["_meta"]["ai.alcove/outcome"]["kind"], kind,
            "{answer}"
        );
        let text = result["content"][0]["text"].as_str().unwrap();
        assert!(text.contains(words), "{text}");
    }
    // Every one of them is in the audit log.
    assert_eq!(audited(&app, "local/probe").await.len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_is_refused_by_name() {
    let app = server().await;
    let client = app.local();
    for (message, status, code) in [
        (json!([]), 400, -32600),
        (json!([legacy("ping", json!({}))]), 400, -32600),
        (
            json!({"jsonrpc": "2.0", "id": null, "method": "ping"}),
            400,
            -32600,
        ),
        (
            json!({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": []}),
            400,
            -32602,
        ),
        (legacy("tools/dance", json!({})), 200, -32601),
        (modern("tools/dance", json!({})), 404, -32601),
        // The handshake and its ping are not of the newest revision, nor is discovery of the older.
        (modern("initialize", json!({})), 404, -32601),
        (modern("ping", json!({})), 404, -32601),
        (legacy("server/discover", json!({})), 200, -32602),
        (
            modern("tools/list", json!({"cursor": "after:nothing"})),
            400,
            -32602,
        ),
        (modern("tools/list", json!({"cursor": 7})), 400, -32602),
        (modern("tools/call", json!({})), 400, -32602),
        (modern("tools/call", json!({"name": "dance"})), 400, -32602),
        (
            modern("tools/call", json!({"name": "echo", "arguments": "hello"})),
            400,
            -32602,
        ),
        (
            legacy("tools/call", json!({"name": "echo", "arguments": [1]})),
            200,
            -32602,
        ),
    ] {
        let answer = post(&client, &message).await.expect(status);
        assert_eq!(answer["error"]["code"], code, "{message} {answer}");
        assert!(!answer["error"]["message"].as_str().unwrap().is_empty());
    }
    let mut unknown = modern("tools/list", json!({}));
    unknown["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("1900-01-01");
    let answer = post(&client, &unknown).await.expect(400);
    assert_eq!(answer["error"]["code"], -32022);
    assert_eq!(answer["error"]["data"]["requested"], "1900-01-01");
    assert_eq!(answer["error"]["data"]["supported"][0], "2026-07-28");
    let mut bare = modern("tools/list", json!({}));
    bare["params"]["_meta"]
        .as_object_mut()
        .unwrap()
        .remove("io.modelcontextprotocol/clientCapabilities");
    assert_eq!(
        post(&client, &bare).await.expect(400)["error"]["code"],
        -32602
    );

    for (kind, body, status) in [
        (Some("application/json"), "{".to_owned(), 400),
        (Some("application/json"), "[".repeat(100_000), 400),
        (
            Some("application/json"),
            format!("\"{}\"", "x".repeat(2 << 20)),
            413,
        ),
        (
            Some("text/plain"),
            legacy("ping", json!({})).to_string(),
            415,
        ),
        (None, legacy("ping", json!({})).to_string(), 415),
    ] {
        let method = axum::http::Method::POST;
        let reply = client.send_text(method, "/mcp", kind, body).await;
        assert_eq!(reply.status.as_u16(), status, "{}", reply.text());
        assert_eq!(reply.json()["jsonrpc"], "2.0");
        assert!(reply.json()["error"]["code"].is_i64());
    }
    client.get("/mcp").await.expect(405);
    client.delete("/mcp").await.expect(405);
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_must_say_what_the_body_says() {
    let app = server().await;
    let client = app.local();
    let call = modern(
        "tools/call",
        json!({"name": "echo", "arguments": {"text": "a"}}),
    );
    let good = with_headers(&client, &call);
    good.post("/mcp", &call).await.expect(200);
    for (name, wrong) in [
        ("mcp-protocol-version", Some("2025-06-18")),
        ("mcp-protocol-version", None),
        ("mcp-method", Some("tools/list")),
        ("mcp-method", None),
        ("mcp-name", Some("probe")),
        ("mcp-name", None),
    ] {
        let client = match wrong {
            Some(wrong) => good.with(name, wrong),
            None => good.without(name),
        };
        let answer = client.post("/mcp", &call).await.expect(400);
        assert_eq!(
            answer["error"]["code"], -32020,
            "{name} {wrong:?}: {answer}"
        );
    }
    // "echo" in base64 is "echo".
    let encoded = good.with("mcp-name", "=?base64?ZWNobw==?=");
    encoded.post("/mcp", &call).await.expect(200);
    let ping = legacy("ping", json!({}));
    for (version, code) in [("1900-01-01", -32022), ("2026-07-28", -32602)] {
        let claimed = client.with("mcp-protocol-version", version);
        let answer = claimed.post("/mcp", &ping).await.expect(400);
        assert_eq!(answer["error"]["code"], code, "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_other_sites_are_kept_out() {
    let app = server().await;
    let ping = legacy("ping", json!({}));
    let reply = app.visitor().post("/mcp", &ping).await;
    assert_eq!(reply.expect(401)["error"]["code"], -32600);
    assert!(reply.headers.contains_key("www-authenticate"));
    app.visitor()
        .with_key("alc_wrong")
        .post("/mcp", &ping)
        .await
        .expect(401);
    // Even with a key: a page must not reach a server on its reader's machine.
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1"] {
        let page = app.local().with("origin", origin);
        page.post("/mcp", &ping).await.expect(403);
    }
    let own = format!("http://{}", app.server().address());
    app.local()
        .with("origin", &own)
        .post("/mcp", &ping)
        .await
        .expect(200);
    app.local()
        .with("host", "evil.example")
        .post("/mcp", &ping)
        .await
        .expect(421);
    // A person who is signed in, and their API key, see what is granted to them.
    let admin = app.claim().await;
    post(&admin, &modern("tools/list", json!({})))
        .await
        .expect(200);
    let made = admin
        .post("/api/keys", &json!({"name": "mcp"}))
        .await
        .expect(201);
    let key = app.visitor().with_key(made["secret"].as_str().unwrap());
    let page = post(&key, &modern("tools/list", json!({})))
        .await
        .expect(200);
    assert!(
        page["result"]["tools"].to_string().contains("\"echo\""),
        "{page}"
    );
    // Nobody but the command line of this machine gets the connection itself.
    let upgrade = key
        .with("connection", "upgrade")
        .with("upgrade", "mcp-lines");
    upgrade.get("/mcp").await.expect(405);
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_comes_as_events_before_the_answer() {
    let app = server().await;
    let call = json!({
        "name": "probe", "arguments": {"do": "progress", "n": 4}, "_meta": {"progressToken": "p"},
    });
    for message in [
        modern("tools/call", call.clone()),
        legacy("tools/call", call),
    ] {
        let client = with_headers(&app.local(), &message);
        let method = axum::http::Method::POST;
        let mut events = client.stream(method, "/mcp", Some(&message)).await;
        let all: Vec<Value> = events
            .rest()
            .await
            .iter()
            .map(|event| event.json())
            .collect();
        let (answer, notes) = all.split_last().unwrap();
        assert_eq!(answer["id"], 1);
        assert_eq!(answer["result"]["isError"], false, "{answer}");
        assert!(!notes.is_empty());
        let mut last = 0.0;
        for note in notes {
            assert_eq!(note["method"], "notifications/progress");
            assert_eq!(note["params"]["progressToken"], "p");
            let progress = note["params"]["progress"].as_f64().unwrap();
            assert!(progress > last, "{notes:?}");
            last = progress;
        }
    }
    // A client that takes no stream gets the answer alone.
    let plain = modern(
        "tools/call",
        json!({
            "name": "probe", "arguments": {"do": "progress", "n": 4}, "_meta": {"progressToken": 1},
        }),
    );
    let client = with_headers(&app.local(), &plain).with("accept", "application/json");
    let reply = client.post("/mcp", &plain).await;
    assert_eq!(reply.headers["content-type"], "application/json");
    assert_eq!(reply.expect(200)["result"]["isError"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_stops_its_call() {
    let app = server().await;
    let call = |token: Value| {
        modern(
            "tools/call",
            json!({
                "name": "probe", "arguments": {"do": "sleep", "n": 20_000}, "_meta": {"progressToken": token},
            }),
        )
    };
    // With a stream, and without.
    for (done, token) in [json!("p"), Value::Null].into_iter().enumerate() {
        let message = call(token);
        let client = with_headers(&app.local(), &message);
        let waiting = tokio::spawn(async move {
            let method = axum::http::Method::POST;
            let body = message.to_string();
            let response = client
                .open(method, "/mcp", Some("application/json"), body)
                .await;
            let mut events = response.into_body();
            http_body_util::BodyExt::frame(&mut events).await
        });
        app.until_leases_held(1).await;
        waiting.abort();
        let left = Instant::now();
        loop {
            let rows = audited(&app, "local/probe").await;
            if rows.len() > done {
                assert_eq!(rows[done].outcome, "limit");
                break;
            }
            assert!(
                left.elapsed() < PATIENCE.min(Duration::from_secs(5)),
                "still running"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_comes_in_pages() {
    let app = server().await;
    let component = std::fs::read(fixture("echo")).unwrap();
    let mut many = inspect(&component).unwrap().manifest.unwrap();
    many.id = "alcove/many".to_owned();
    let tool = many.tools.remove(0);
    many.tools = (0..64)
        .map(|n| Tool {
            name: format!("many_{n:02}"),
            ..tool.clone()
        })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("many.wasm");
    std::fs::write(&path, embed(&component, &many).unwrap()).unwrap();
    install(&app, &path).await;
    grant(&app, "local/many", "version = 1\nplugin = \"local/many\"\n").await;

    let client = app.local();
    let first = post(&client, &modern("tools/list", json!({})))
        .await
        .expect(200);
    let cursor = first["result"]["nextCursor"].clone();
    let second = post(&client, &modern("tools/list", json!({"cursor": cursor})))
        .await
        .expect(200);
    assert!(second["result"].get("nextCursor").is_none(), "{second}");
    let mut names: Vec<String> = [&first, &second]
        .iter()
        .flat_map(|page| page["result"]["tools"].as_array().unwrap())
        .map(|tool| tool["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        names
            .iter()
            .filter(|name| name.starts_with("many_"))
            .count(),
        64
    );
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all, "no tool comes twice");
}
