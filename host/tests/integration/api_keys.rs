//! API keys.

use serde_json::json;

use crate::app::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn a_key_works_until_it_is_revoked() {
    let (app, admin) = TestApp::signed_in().await;
    let made = admin
        .post("/api/keys", &json!({"name": "script"}))
        .await
        .expect(201);
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("alc_"), "{made}");

    // A program sends no Origin: it needs none.
    let program = app.visitor().with_key(secret);
    let me = program.get("/api/me").await.expect(200);
    assert_eq!(me["username"], "ada");
    program.get("/v1/models").await.expect(200);

    let listed = admin.get("/api/keys").await.expect(200);
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(listed[0]["name"], "script");
    assert_eq!(listed[0].get("secret"), None);
    assert!(
        !listed.to_string().contains(secret),
        "the secret is shown once"
    );

    let id = made["id"].as_str().unwrap();
    admin.delete(&format!("/api/keys/{id}")).await.expect(204);
    program.get("/api/me").await.expect(401);
    let refused = program.get("/v1/models").await.expect(401);
    assert_eq!(refused["error"]["type"], "authentication_error");
    admin.delete(&format!("/api/keys/{id}")).await.expect(404);
    admin.delete("/api/keys/nonsense").await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_key_is_refused() {
    let (app, _) = TestApp::signed_in().await;
    for value in ["Bearer alc_0000", "Bearer ", "Basic YWRhOng=", "alc_x"] {
        let reply = app
            .visitor()
            .with("authorization", value)
            .get("/v1/models")
            .await;
        assert_eq!(reply.status, 401, "{value}");
        assert!(reply.headers.contains_key("www-authenticate"));
    }
}
