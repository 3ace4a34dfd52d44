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
    insta::assert_snapshot!(snapshot(&app.visitor().get("/api/me").await), @r#"
    401 application/problem+json
    {
      "type": "/problems/signed-out",
      "title": "Not signed in",
      "status": 401,
      "detail": "sign in first, or send an API key as `Authorization: Bearer alc_…`",
      "instance": "[id]"
    }
    "#);
    insta::assert_snapshot!(snapshot(&admin.get("/api/conversations/conv_0").await), @r#"
    404 application/problem+json
    {
      "type": "/problems/not-found",
      "title": "Not found",
      "status": 404,
      "detail": "there is no conversation conv_0",
      "instance": "[id]"
    }
    "#);
    insta::assert_snapshot!(snapshot(&admin.get("/api/nothing").await), @r#"
    404 application/problem+json
    {
      "type": "/problems/not-found",
      "title": "Not found",
      "status": 404,
      "detail": "there is nothing at /api/nothing",
      "instance": "[id]"
    }
    "#);
    insta::assert_snapshot!(snapshot(&admin.delete("/api/me").await), @r#"
    405 application/problem+json
    {
      "type": "/problems/method-not-allowed",
      "title": "Method not allowed",
      "status": 405,
      "detail": "this address answers other methods only",
      "instance": "[id]"
    }
    "#);
    let unknown = json!({"name": "x", "expires": 3});
    insta::assert_snapshot!(snapshot(&admin.post("/api/keys", &unknown).await), @r#"
    400 application/problem+json
    {
      "type": "/problems/invalid-request",
      "title": "The request is not valid",
      "status": 400,
      "detail": "the body does not fit: unknown field `expires`, expected one of `name`, `expires_in_days`, `within` at line 1 column 21",
      "instance": "[id]"
    }
    "#);
    let text = admin.send_text(
        Method::POST,
        "/api/keys",
        Some("text/plain"),
        "{}".to_owned(),
    );
    insta::assert_snapshot!(snapshot(&text.await), @r#"
    415 application/problem+json
    {
      "type": "/problems/not-json",
      "title": "The body is not JSON",
      "status": 415,
      "detail": "send JSON, with the header `content-type: application/json`",
      "instance": "[id]"
    }
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_v1() {
    let (app, admin) = TestApp::signed_in().await;
    insta::assert_snapshot!(snapshot(&app.visitor().get("/v1/models").await), @r#"
    401 application/json
    {
      "error": {
        "message": "sign in first, or send an API key as `Authorization: Bearer alc_…`",
        "type": "authentication_error",
        "param": null,
        "code": "signed_out"
      }
    }
    "#);
    insta::assert_snapshot!(snapshot(&admin.get("/v1/responses/resp_0").await), @r#"
    404 application/json
    {
      "error": {
        "message": "there is no response resp_0",
        "type": "not_found",
        "param": null,
        "code": "not_found"
      }
    }
    "#);
    insta::assert_snapshot!(snapshot(&admin.get("/v1/nothing").await), @r#"
    404 application/json
    {
      "error": {
        "message": "there is nothing at /v1/nothing",
        "type": "not_found",
        "param": null,
        "code": "not_found"
      }
    }
    "#);
    insta::assert_snapshot!(snapshot(&admin.delete("/v1/models").await), @r#"
    405 application/json
    {
      "error": {
        "message": "this address answers other methods only",
        "type": "invalid_request",
        "param": null,
        "code": "method_not_allowed"
      }
    }
    "#);
    let unknown = json!({"input": "hi", "inptu": 1});
    insta::assert_snapshot!(snapshot(&admin.post("/v1/responses", &unknown).await), @r#"
    400 application/json
    {
      "error": {
        "message": "unknown parameter `inptu`",
        "type": "invalid_request",
        "param": "inptu",
        "code": "unknown_parameter"
      }
    }
    "#);
    let asks = json!({"input": "hi", "truncation": "middle"});
    insta::assert_snapshot!(snapshot(&admin.post("/v1/responses", &asks).await), @r#"
    400 application/json
    {
      "error": {
        "message": "`truncation` with this value is not supported by this server",
        "type": "invalid_request",
        "param": "truncation",
        "code": "unsupported_parameter"
      }
    }
    "#);
    insta::assert_snapshot!(snapshot(&admin.get("/v1/responses").await), @r#"
    400 application/json
    {
      "error": {
        "message": "POST a request here, or connect with a WebSocket",
        "type": "invalid_request",
        "param": null,
        "code": "invalid_request"
      }
    }
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large() {
    let app = TestApp::start_with(&[("limits.body", "64 KiB")]).await;
    let admin = app.claim().await;
    let large = json!({"input": "x".repeat(64 << 10)});
    let reply = admin.post("/v1/responses", &large).await;
    insta::assert_snapshot!(snapshot(&reply), @r#"
    413 application/json
    {
      "error": {
        "message": "the body is larger than 65536 bytes, the most this server takes (`limits.body`)",
        "type": "invalid_request",
        "param": null,
        "code": "body_too_large"
      }
    }
    "#);
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
