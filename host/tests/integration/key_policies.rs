//! API keys that carry policies, through the API: on `/v1` and on `/mcp`.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::app::TestApp;
use crate::client::Client;
use crate::mcp::{modern, post, server_with};
use crate::tool_calls::page;

const WEB_FETCH: &str = "alcove/web-fetch";

/// A key that the server's own user made, with these policies: its client and its id.
async fn key(app: &TestApp, within: &[&str]) -> (Client, String) {
    let body = json!({"name": "narrow", "within": within});
    let made = app.local().post("/api/keys", &body).await.expect(201);
    let secret = made["secret"].as_str().unwrap();
    let id = made["id"].as_str().unwrap().to_owned();
    (app.visitor().with_key(secret), id)
}

async fn fetch(client: &Client, url: &str) -> Value {
    let call = json!({"name": "web_fetch", "arguments": {"url": url}});
    let answer = post(client, &modern("tools/call", call)).await.expect(200);
    answer["result"].clone()
}

fn denial(result: &Value) -> &str {
    let outcome = &result["_meta"]["ai.alcove/outcome"];
    assert_eq!(outcome["kind"], "denied", "{result}");
    outcome["message"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_may_no_more_than_its_policies_over_mcp() {
    let app = server_with(&[("model", "/nowhere/none.gguf")]).await;
    let (origin, asked) = page().await;
    let policy = |rules: &str| {
        format!(
            "version = 1\nplugin = \"{WEB_FETCH}\"\n[[http]]\norigin = \"{origin}\"\naddresses = [\"127.0.0.1/32\"]\n{rules}"
        )
    };
    let body = json!({"plugin": WEB_FETCH, "principal": "everyone", "policy": policy(""), "beyond_request": true});
    app.local().post("/api/bindings", &body).await.expect(201);
    let (tides, other) = (format!("{origin}/tides"), format!("{origin}/other"));

    let whole = json!({"name": "whole"});
    let whole = app.local().post("/api/keys", &whole).await.expect(201);
    let whole = app.visitor().with_key(whole["secret"].as_str().unwrap());
    for url in [&tides, &other] {
        assert_eq!(fetch(&whole, url).await["isError"], false);
    }
    let narrow = policy("paths = [\"/tides\"]\nrate = \"2/h\"\n");
    let (narrow, id) = key(&app, &[&narrow]).await;
    assert_eq!(fetch(&narrow, &tides).await["isError"], false);
    // Under its policy the site's robots.txt is not read.
    assert_eq!(asked.load(Ordering::SeqCst), 5);
    let result = fetch(&narrow, &other).await;
    let says = denial(&result);
    assert!(
        says.contains("line 3 of the policy of alcove/web-fetch grants GET on the paths /tides")
            && says.contains(&id),
        "{says}"
    );
    assert_eq!(asked.load(Ordering::SeqCst), 5, "nothing was sent");
    // Its own rate, which is not that of the grant.
    assert_eq!(fetch(&narrow, &tides).await["isError"], false);
    let result = fetch(&narrow, &tides).await;
    let outcome = &result["_meta"]["ai.alcove/outcome"];
    assert_eq!(outcome["kind"], "limit", "{result}");
    let says = outcome["message"].as_str().unwrap();
    assert!(says.contains("2/h") && says.contains(&id), "{says}");
    assert_eq!(fetch(&whole, &tides).await["isError"], false);

    // What it has no policy for is not there.
    let listed = post(&narrow, &modern("tools/list", json!({})))
        .await
        .expect(200);
    let names: Vec<&str> = listed["result"]["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["web_fetch"]);
    let call = json!({"name": "echo", "arguments": {"text": "hello"}});
    let answer = post(&narrow, &modern("tools/call", call.clone())).await;
    assert!(answer.text().contains("Unknown tool"), "{}", answer.text());
    let answer = post(&whole, &modern("tools/call", call)).await.expect(200);
    assert_eq!(answer["result"]["isError"], false);

    // Revoking the grant takes the key's part of it, too.
    let binding = format!("/api/bindings/{}", WEB_FETCH.replace('/', "%2F"));
    app.local().delete(&binding).await.expect(200);
    let listed = post(&narrow, &modern("tools/list", json!({})))
        .await
        .expect(200);
    assert_eq!(listed["result"]["tools"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_may_no_more_than_its_policies_in_a_response() {
    let app = TestApp::start().await;
    app.ready().await;
    let forced = json!({
        "input": "What is 2 + 2? Use Python.", "temperature": 0, "max_output_tokens": 160,
        "tool_choice": {"type": "function", "name": "python"},
    });
    let called = async |client: &Client| {
        let response = client.post("/v1/responses", &forced).await.expect(200);
        let items = response["output"].as_array().unwrap().clone();
        let call = items
            .into_iter()
            .find(|item| item["type"] == "alcove:tool_call");
        call.unwrap_or_else(|| panic!("no call: {response}"))
    };
    let python = "version = 1\nplugin = \"alcove/python\"\n";
    let (allowed, _) = key(&app, &[python]).await;
    let call = called(&allowed).await;
    assert!(call["usage"]["wall_us"].as_u64().unwrap() > 0, "{call}");
    assert_ne!(call["outcome"]["kind"], "denied", "{call}");

    let asks = format!("{python}[approval]\ndefault = \"always\"\n");
    let (asking, id) = key(&app, &[&asks]).await;
    let call = called(&asking).await;
    assert_eq!(call["outcome"]["kind"], "denied", "{call}");
    let says = call["outcome"]["message"].as_str().unwrap();
    assert!(
        says.contains(&format!("line 4 of the API key {id}"))
            && says.contains("nobody can be asked"),
        "{says}"
    );

    let fetch = format!("version = 1\nplugin = \"{WEB_FETCH}\"\n");
    let (without, _) = key(&app, &[&fetch]).await;
    let refused = without.post("/v1/responses", &forced).await;
    assert!(refused.status.is_client_error(), "{}", refused.text());
    assert_eq!(refused.json()["error"]["param"], "tool_choice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_with_policies_changes_nothing() {
    let (app, admin) = TestApp::signed_in().await;
    let python = "version = 1\nplugin = \"alcove/python\"\n";
    let (narrow, id) = key(&app, &[python]).await;
    narrow.get("/v1/models").await.expect(200);
    let me = narrow.get("/api/me").await.expect(200);
    assert_eq!(me["admin"], false, "{me}");
    let binding = json!({"plugin": "alcove/python", "principal": "everyone"});
    for (path, body) in [
        ("/api/keys", json!({"name": "wider"})),
        ("/api/keys", json!({"name": "as wide", "within": [python]})),
        ("/api/bindings", binding),
        ("/api/plugins", json!({"path": "/nowhere"})),
        ("/api/mcp-servers", json!({"url": "http://127.0.0.1:1/mcp"})),
        ("/api/plugins/alcove%2Fpython/requests", json!({})),
        (
            "/api/secrets",
            json!({"name": "x", "value": "a-long-enough-value"}),
        ),
        ("/api/approvals/x", json!({"choice": "once"})),
    ] {
        let refused = narrow.post(path, &body).await.expect(403);
        assert!(
            refused["type"].as_str().unwrap().ends_with("key-narrowed"),
            "{path}: {refused}"
        );
    }
    narrow.delete(&format!("/api/keys/{id}")).await.expect(403);
    narrow.delete("/api/policy/ceiling").await.expect(403);
    narrow.get("/api/audit").await.expect(403);
    let listed = narrow.get("/api/keys").await.expect(200);
    assert_eq!(listed[0]["within"], json!(["alcove/python"]), "{listed}");
    let shown = narrow.get(&format!("/api/keys/{id}")).await.expect(200);
    assert_eq!(shown["policies"][0]["policy"], python);
    assert_eq!(
        admin
            .get("/api/keys")
            .await
            .expect(200)
            .as_array()
            .unwrap()
            .len(),
        1
    );

    // It may ask what it may do.
    let ask =
        |plugin: &str| json!({"plugin": plugin, "method": "GET", "url": "https://a.example/"});
    let no = narrow
        .post("/api/policy/explain", &ask(WEB_FETCH))
        .await
        .expect(200);
    assert!(
        no["why"]
            .as_str()
            .unwrap()
            .contains(&format!("{id} has no policy for {WEB_FETCH}")),
        "{no}"
    );
    let yes = admin
        .post("/api/policy/explain", &ask(WEB_FETCH))
        .await
        .expect(200);
    assert_eq!(yes["allowed"], true, "{yes}");
    let mut under = ask(WEB_FETCH);
    under["key"] = json!(id);
    let no = admin.post("/api/policy/explain", &under).await.expect(200);
    assert_eq!(no["allowed"], false, "{no}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_policies_make_no_key() {
    let (_app, admin) = TestApp::signed_in().await;
    let policy = |plugin: &str, rest: &str| format!("version = 1\nplugin = \"{plugin}\"\n{rest}");
    let many: Vec<String> = (0..65)
        .map(|own| policy(&format!("a/p{own}"), ""))
        .collect();
    for (within, says) in [
        (vec![policy("a/b", "[[https]]\n")], "line 3"),
        (vec!["{}".to_owned()], "policy 1"),
        (
            vec![policy("a/b", ""), policy("a/b", "")],
            "two policies for a/b",
        ),
        (many, "at most 64 policies"),
    ] {
        let body = json!({"name": "x", "within": within});
        let refused = admin.post("/api/keys", &body).await.expect(422);
        let detail = refused["detail"].as_str().unwrap();
        assert!(detail.contains(says), "{says}: {refused}");
    }
    assert_eq!(admin.get("/api/keys").await.expect(200), json!([]));
    let body = json!({"name": "x", "within": [policy("acme/later", "")]});
    let made = admin.post("/api/keys", &body).await.expect(201);
    assert!(
        made["warnings"][0]
            .as_str()
            .unwrap()
            .contains("acme/later is not installed"),
        "{made}"
    );
}
