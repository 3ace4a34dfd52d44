//! Secrets over the API.

use serde_json::json;

use crate::app::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_goes_in_and_never_comes_out() {
    let (app, admin) = TestApp::signed_in().await;
    let bob = app.another_user("bob").await;
    let body = json!({"name": "search-key", "value": "not-to-be-read", "scope": "organisation"});
    let set = admin.post("/api/secrets", &body).await.expect(200);
    assert_eq!(set["name"], "search-key");
    assert_eq!(set.get("value"), None);

    // Its name is everybody's to know, its value nobody's; only an admin changes it.
    let listed = bob.get("/api/secrets").await.expect(200);
    assert_eq!(listed[0]["name"], "search-key");
    assert_eq!(listed[0]["scope"], "organisation");
    assert!(!listed.to_string().contains("not-to-be-read"));
    bob.post("/api/secrets", &body).await.expect(403);
    let path = "/api/secrets/organisation/search-key";
    bob.delete(path).await.expect(403);
    app.visitor().get("/api/secrets").await.expect(401);

    // One's own is seen by nobody else.
    let own = json!({"name": "mail", "value": "bob's-password", "scope": "user"});
    bob.post("/api/secrets", &own).await.expect(200);
    let listed = admin.get("/api/secrets").await.expect(200);
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");

    admin.delete(path).await.expect(204);
    admin.delete(path).await.expect(404);
    admin
        .delete("/api/secrets/nobody/search-key")
        .await
        .expect(404);
    for (field, value) in [("name", "Not A Name"), ("value", "short"), ("scope", "all")] {
        let mut body = body.clone();
        body[field] = json!(value);
        let refused = admin.post("/api/secrets", &body).await;
        assert!(matches!(refused.status.as_u16(), 400 | 422), "{field}");
    }
}
