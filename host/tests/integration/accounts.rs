//! Claiming the server, signing in and out.

use serde_json::json;

use crate::app::{PASSWORD, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn the_link_claims_the_server_once() {
    let app = TestApp::start().await;
    let visitor = app.visitor();
    visitor.get("/api/me").await.expect(401);

    let token = app.setup_token();
    let wrong = json!({"token": "0".repeat(token.len()), "username": "eve", "password": PASSWORD});
    let refused = visitor.post("/api/setup", &wrong).await;
    assert!(refused.status.is_client_error(), "{refused:?}");

    let short = json!({"token": token, "username": "ada", "password": "short"});
    let refused = visitor.post("/api/setup", &short).await;
    assert!(refused.text().contains("password"), "{refused:?}");

    let right = json!({"token": token, "username": "ada", "password": PASSWORD});
    let reply = visitor.post("/api/setup", &right).await;
    let me = reply.expect(200);
    assert_eq!(me["username"], "ada");
    assert_eq!(me["admin"], true);
    assert_eq!(me["default_model"], "smollm2-135m");
    assert_eq!(
        visitor
            .signed_in_by(&reply)
            .get("/api/me")
            .await
            .expect(200),
        me
    );

    let again = json!({"token": token, "username": "eve", "password": PASSWORD});
    let refused = visitor.post("/api/setup", &again).await;
    assert!(refused.status.is_client_error(), "{refused:?}");
    visitor.get("/api/me").await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_is_for_this_site_alone() {
    let app = TestApp::start().await;
    let body = json!({"token": app.setup_token(), "username": "ada", "password": PASSWORD});
    let reply = app.visitor().post("/api/setup", &body).await;
    let cookie = reply.headers["set-cookie"].to_str().unwrap();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age="] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(cookie.starts_with("alcove_session="), "{cookie}");
    assert!(
        !cookie.contains("Secure"),
        "over plain HTTP browsers would drop it: {cookie}"
    );

    let app = TestApp::start_with(&[("public_url", "https://chat.example.org")]).await;
    let body = json!({"token": app.setup_token(), "username": "ada", "password": PASSWORD});
    let reply = app.visitor().post("/api/setup", &body).await;
    let cookie = reply.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__Host-alcove_session="), "{cookie}");
    assert!(cookie.contains("; Secure"), "{cookie}");
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_and_out() {
    let (app, first) = TestApp::signed_in().await;
    let visitor = app.visitor();
    let body = json!({"username": "ada", "password": PASSWORD});
    let reply = visitor.post("/api/session", &body).await;
    assert_eq!(reply.expect(200)["username"], "ada");
    let second = visitor.signed_in_by(&reply);
    second.get("/api/me").await.expect(200);

    let out = second.delete("/api/session").await;
    out.expect(204);
    assert!(
        out.headers["set-cookie"]
            .to_str()
            .unwrap()
            .contains("Max-Age=0")
    );
    second.get("/api/me").await.expect(401);
    first.get("/api/me").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_slow_down() {
    let (app, _) = TestApp::signed_in().await;
    let visitor = app.visitor();
    let wrong = json!({"username": "ada", "password": "wrong password"});
    let mut refused = None;
    for attempt in 0..50 {
        let reply = visitor.post("/api/session", &wrong).await;
        if reply.status == 429 {
            refused = Some((attempt, reply));
            break;
        }
        reply.expect(401);
    }
    let (attempt, reply) = refused.expect("429 within 50 attempts");
    assert!(
        attempt >= 2,
        "a slip of the finger must not lock anybody out"
    );
    let seconds: u64 = reply.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(seconds >= 1);

    // Not even the right password gets in before the time is up, nor is it checked.
    let right = json!({"username": "ada", "password": PASSWORD});
    visitor.post("/api/session", &right).await.expect(429);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_has_its_own_key() {
    let app = TestApp::start().await;
    let me = app.local().get("/api/me").await.expect(200);
    assert_eq!(me["username"], "local");
    assert_eq!(me["admin"], true);

    // Claiming gives the same user a name: what the command line did stays theirs.
    app.claim().await;
    let claimed = app.local().get("/api/me").await.expect(200);
    assert_eq!(claimed["username"], "ada");
    assert_eq!(claimed["id"], me["id"]);
}
