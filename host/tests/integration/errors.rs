//! What errors look like on both sides of the API, and that each says what to do.

use http::Method;
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::client::Reply;

/// The body with the request's own id replaced, once it is known to be the header's.
fn snapshot(reply: &Reply) -> String {
    let mut body = reply.json();
    if let Some(instance) = body.get_mut("instance") {
        assert_eq!(
            instance.as_str(),
            reply.headers["x-request-id"].to_str().ok()
        );
        *instance = Value::from("[id]");
    }
    let kind = reply.headers["content-type"].to_str().unwrap();
    format!(
        "{} {kind}\n{}",
        reply.status.as_u16(),
        serde_json::to_string_pretty(&body).unwrap()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn problems_of_the_api() {
    let (app, admin) = TestApp::signed_in().await;
    insta::assert_snapshot!(snapshot(&app.visitor().get("/api/me").await), @"");
    insta::assert_snapshot!(snapshot(&admin.get("/api/conversations/conv_0").await), @"");
    insta::assert_snapshot!(snapshot(&admin.get("/api/nothing").await), @"");
    insta::assert_snapshot!(snapshot(&admin.delete("/api/me").await), @"");
    let unknown = json!({"name": "x", "expires": 3});
    insta::assert_snapshot!(snapshot(&admin.post("/api/keys", &unknown).await), @"");
    let text = admin.send_text(
        Method::POST,
        "/api/keys",
        Some("text/plain"),
        "{}".to_owned(),
    );
    insta::assert_snapshot!(snapshot(&text.await), @"");
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_v1() {
    let (app, admin) = TestApp::signed_in().await;
    insta::assert_snapshot!(snapshot(&app.visitor().get("/v1/models").await), @"");
    insta::assert_snapshot!(snapshot(&admin.get("/v1/responses/resp_0").await), @"");
    insta::assert_snapshot!(snapshot(&admin.get("/v1/nothing").await), @"");
    insta::assert_snapshot!(snapshot(&admin.delete("/v1/models").await), @"");
    let unknown = json!({"input": "hi", "inptu": 1});
    insta::assert_snapshot!(snapshot(&admin.post("/v1/responses", &unknown).await), @"");
    let asks = json!({"input": "hi", "truncation": "middle"});
    insta::assert_snapshot!(snapshot(&admin.post("/v1/responses", &asks).await), @"");
    insta::assert_snapshot!(snapshot(&admin.get("/v1/responses").await), @"");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large() {
    let app = TestApp::start_with(&[("limits.body", "64 KiB")]).await;
    let admin = app.claim().await;
    let large = json!({"input": "x".repeat(64 << 10)});
    let reply = admin.post("/v1/responses", &large).await;
    insta::assert_snapshot!(snapshot(&reply), @"");
    let large = json!({"name": "x".repeat(64 << 10)});
    let reply = admin.post("/api/keys", &large).await;
    assert_eq!(reply.status, 413);
    assert_eq!(reply.json()["type"], "/problems/body-too-large");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_keeps_the_id_that_a_proxy_gave_it() {
    let app = TestApp::start().await;
    let reply = app
        .visitor()
        .with("x-request-id", "proxy-7.a_b")
        .get("/livez")
        .await;
    assert_eq!(reply.headers["x-request-id"], "proxy-7.a_b");
    let reply = app
        .visitor()
        .with("x-request-id", "no spaces")
        .get("/livez")
        .await;
    assert_ne!(reply.headers["x-request-id"], "no spaces");
}
