//! Other sites, other host names, and the headers that keep pages apart.

use http::Method;
use serde_json::json;

use crate::app::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn other_sites_can_change_nothing() {
    let (_app, admin) = TestApp::signed_in().await;
    let body = json!({"name": "stolen"});

    let by_origin = admin.with("origin", "https://evil.example");
    by_origin.post("/api/keys", &body).await.expect(403);
    let by_null = admin.with("origin", "null");
    by_null.post("/api/keys", &body).await.expect(403);
    let by_fetch = admin.with("sec-fetch-site", "cross-site");
    by_fetch.post("/api/keys", &body).await.expect(403);
    let same_machine = admin.with("sec-fetch-site", "same-site");
    same_machine.post("/api/keys", &body).await.expect(403);
    let another_port = admin.with("origin", "http://127.0.0.1:1");
    another_port.post("/api/keys", &body).await.expect(403);
    let without = admin.without("origin");
    without.post("/api/keys", &body).await.expect(403);
    without.delete("/api/session").await.expect(403);
    let refused = by_origin
        .post("/v1/responses", &json!({"input": "hi"}))
        .await
        .expect(403);
    assert_eq!(refused["error"]["code"], "cross_site");

    // What a form can send.
    let form = admin.send_text(
        Method::POST,
        "/api/keys",
        Some("text/plain"),
        body.to_string(),
    );
    form.await.expect(415);

    let browser = admin
        .without("origin")
        .with("sec-fetch-site", "same-origin");
    browser
        .post("/api/keys", &json!({"name": "mine"}))
        .await
        .expect(201);
    let keys = admin.get("/api/keys").await.expect(200);
    assert_eq!(keys.as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_signed_in_by_another_site() {
    let (app, _) = TestApp::signed_in().await;
    let body = json!({"username": "ada", "password": crate::app::PASSWORD});
    let evil = app.visitor().with("origin", "https://evil.example");
    evil.post("/api/session", &body).await.expect(403);
    app.visitor().post("/api/session", &body).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_known_host_names_are_answered() {
    let app = TestApp::start_with(&[
        ("public_url", "https://chat.example.org"),
        ("allowed_hosts", "alcove.lan"),
    ])
    .await;
    let visitor = app.visitor();
    for host in [
        "localhost:8484",
        "127.0.0.1",
        "[::1]:8484",
        "chat.example.org",
        "Alcove.LAN:80",
    ] {
        let reply = visitor.with("host", host).get("/api/me").await;
        assert_eq!(reply.status, 401, "{host}");
    }
    for host in [
        "evil.example",
        "127.0.0.1.evil.example",
        "chat.example.org.evil.example",
        "",
    ] {
        let reply = visitor.with("host", host).get("/").await;
        assert_eq!(reply.status, 421, "{host}");
        visitor
            .with("host", host)
            .get("/v1/models")
            .await
            .expect(421);
    }
    let told = visitor
        .with("host", "evil.example")
        .get("/api/me")
        .await
        .expect(421);
    assert!(
        told["detail"].as_str().unwrap().contains("`allowed_hosts`"),
        "{told}"
    );
    // Whoever watches the process comes by address.
    assert_eq!(
        visitor
            .with("host", "10.0.0.7:8484")
            .get("/livez")
            .await
            .status,
        200
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_carry_the_security_headers() {
    let app = TestApp::start().await;
    for path in ["/", "/api/me", "/v1/models", "/livez", "/c/conv_x"] {
        let reply = app.visitor().get(path).await;
        let policy = reply.headers["content-security-policy"].to_str().unwrap();
        for part in [
            "default-src 'none'",
            "script-src 'self' 'wasm-unsafe-eval'",
            "connect-src 'self'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe-inline"), "{policy}");
        assert_eq!(reply.headers["x-content-type-options"], "nosniff");
        assert_eq!(reply.headers["referrer-policy"], "no-referrer");
        assert!(reply.headers.contains_key("x-request-id"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_the_client_are_one_page() {
    let app = TestApp::start().await;
    let home = app.visitor().get("/").await;
    assert_eq!(home.status, 200);
    assert!(
        home.headers["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
    let deep = app.visitor().get("/c/conv_x").await;
    assert_eq!(deep.body, home.body);
    app.visitor().get("/missing.js").await.expect(404);
    app.visitor().get("/api/missing").await.expect(404);
    assert_eq!(app.visitor().post("/", &json!({})).await.status, 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_is_too_large() {
    let app = TestApp::start_with(&[("limits.headers", "8 KiB")]).await;
    let reply = app
        .visitor()
        .with("x-long", &"x".repeat(16 << 10))
        .get("/livez")
        .await;
    assert_eq!(reply.status, 431);
}
