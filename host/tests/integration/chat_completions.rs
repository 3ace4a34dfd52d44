//! `/v1/chat/completions` and `/v1/models`: what other programs' clients expect.

use http::Method;
use serde_json::{Value, json};

use crate::app::TestApp;

fn request() -> Value {
    json!({
        "model": "smollm2-135m",
        "messages": [
            {"role": "system", "content": "You are brief."},
            {"role": "user", "content": [{"type": "text", "text": "Name three colours."}]},
        ],
        "temperature": 0,
        "max_tokens": 24,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_completion_whole_and_in_pieces() {
    let (app, admin) = TestApp::signed_in().await;
    app.ready().await;
    let whole = admin
        .post("/v1/chat/completions", &request())
        .await
        .expect(200);
    assert_eq!(whole["object"], "chat.completion");
    assert!(whole["id"].as_str().unwrap().starts_with("chatcmpl-"));
    let choice = &whole["choices"][0];
    let text = choice["message"]["content"].as_str().unwrap();
    assert!(!text.trim().is_empty());
    assert!(["stop", "length"].contains(&choice["finish_reason"].as_str().unwrap()));
    let usage = &whole["usage"];
    let count = |name: &str| usage[name].as_u64().unwrap();
    assert!(count("prompt_tokens") > 0 && count("completion_tokens") > 0);
    assert_eq!(
        count("total_tokens"),
        count("prompt_tokens") + count("completion_tokens")
    );

    let mut body = request();
    body["stream"] = true.into();
    body["stream_options"] = json!({"include_usage": true});
    let mut stream = admin
        .stream(Method::POST, "/v1/chat/completions", Some(&body))
        .await;
    let events = stream.rest().await;
    let (done, chunks) = events.split_last().unwrap();
    assert_eq!(done.data, "[DONE]");
    let chunks: Vec<Value> = chunks.iter().map(|event| event.json()).collect();
    assert!(
        chunks
            .iter()
            .all(|chunk| chunk["object"] == "chat.completion.chunk")
    );
    assert!(chunks.iter().all(|chunk| chunk["id"] == chunks[0]["id"]));
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    let streamed: String = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(streamed, text, "the same words either way");
    let (last, before) = chunks.split_last().unwrap();
    assert_eq!(last["choices"], json!([]));
    assert_eq!(
        last["usage"]["completion_tokens"],
        usage["completion_tokens"]
    );
    let end = &before.last().unwrap()["choices"][0];
    assert_eq!(end["finish_reason"], choice["finish_reason"]);

    let page = admin.get("/api/conversations").await.expect(200);
    assert_eq!(page["conversations"], json!([]), "nothing is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_comes_only_when_asked_for() {
    let (app, admin) = TestApp::signed_in().await;
    app.ready().await;
    let mut body = request();
    body["stream"] = true.into();
    let mut stream = admin
        .stream(Method::POST, "/v1/chat/completions", Some(&body))
        .await;
    let events = stream.rest().await;
    assert!(
        !events
            .iter()
            .any(|event| event.data.contains("prompt_tokens"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_supported_is_refused_by_name() {
    let (_app, admin) = TestApp::signed_in().await;
    for (field, value) in [
        ("n", json!(2)),
        ("stop", json!(["\n"])),
        ("response_format", json!({"type": "json_object"})),
        ("logprobs", json!(true)),
        (
            "tools",
            json!([{"type": "function", "function": {"name": "f"}}]),
        ),
    ] {
        let mut body = request();
        body[field] = value;
        let error = admin.post("/v1/chat/completions", &body).await.expect(400);
        assert_eq!(error["error"]["param"], field, "{error}");
    }
    let mut body = request();
    body["messages"] = json!([]);
    let error = admin.post("/v1/chat/completions", &body).await.expect(400);
    assert_eq!(error["error"]["param"], "messages", "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn models_are_listed() {
    let (_app, admin) = TestApp::signed_in().await;
    let models = admin.get("/v1/models").await.expect(200);
    assert_eq!(models["object"], "list");
    assert_eq!(models["data"][0]["id"], "smollm2-135m");
    assert_eq!(models["data"][0]["object"], "model");
    assert!(models["data"][0]["created"].as_i64().unwrap() > 1_700_000_000);
}
