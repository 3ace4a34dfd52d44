//! `/api/conversations`.

use serde_json::{Value, json};

use crate::app::TestApp;
use crate::client::Client;

async fn converse(client: &Client, text: &str) -> String {
    let body = json!({
        "input": text, "temperature": 0, "max_output_tokens": 8, "alcove:server_tools": false,
    });
    let response = client.post("/v1/responses", &body).await.expect(200);
    let conversation = &response["conversation"];
    let id = conversation.as_str().or(conversation["id"].as_str());
    id.expect("a conversation").to_owned()
}

fn titles(page: &Value) -> Vec<&str> {
    let rows = page["conversations"].as_array().unwrap();
    rows.iter()
        .map(|row| row["title"].as_str().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn listed_renamed_deleted() {
    let (app, admin) = TestApp::signed_in().await;
    app.ready().await;
    let first = converse(&admin, "First question").await;
    let second = converse(&admin, "Second question").await;

    let page = admin.get("/api/conversations").await.expect(200);
    assert_eq!(titles(&page), ["Second question", "First question"]);
    let page = admin.get("/api/conversations?limit=1").await.expect(200);
    assert_eq!(titles(&page), ["Second question"]);
    let cursor = page["next_cursor"].as_str().expect("one more page");
    let path = format!("/api/conversations?limit=1&cursor={cursor}");
    let page = admin.get(&path).await.expect(200);
    assert_eq!(titles(&page), ["First question"]);
    assert_eq!(page["next_cursor"], Value::Null);
    admin.get("/api/conversations?limit=0").await.expect(400);
    admin.get("/api/conversations?limti=1").await.expect(400);

    let path = format!("/api/conversations/{first}");
    let renamed = admin
        .patch(&path, &json!({"title": "  Colours  "}))
        .await
        .expect(200);
    assert_eq!(renamed["title"], "Colours");
    admin.patch(&path, &json!({"title": " "})).await.expect(400);
    admin
        .patch(&path, &json!({"title": "x".repeat(201)}))
        .await
        .expect(400);
    let view = admin.get(&path).await.expect(200);
    assert_eq!(view["title"], "Colours");
    assert_eq!(view["items"][0]["content"][0]["text"], "First question");

    admin.delete(&path).await.expect(204);
    admin.get(&path).await.expect(404);
    admin.delete(&path).await.expect(404);
    let page = admin.get("/api/conversations").await.expect(200);
    assert_eq!(page["conversations"].as_array().unwrap().len(), 1);
    assert_eq!(page["conversations"][0]["id"], second.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_to_somebody_else_looks_unknown() {
    let (app, admin) = TestApp::signed_in().await;
    app.ready().await;
    let own = converse(&admin, "A secret").await;
    let response = admin
        .get(&format!("/api/conversations/{own}"))
        .await
        .expect(200);
    let response = response["last_response_id"].as_str().unwrap().to_owned();

    let other = app.another_user("eve").await;
    let path = format!("/api/conversations/{own}");
    let theirs = other.get(&path).await.expect(404);
    let absent = "conv_0199e0f0f0f07000800000000000abcd";
    let nothing = other
        .get(&format!("/api/conversations/{absent}"))
        .await
        .expect(404);
    let same = theirs["detail"].as_str().unwrap().replace(&own, absent);
    assert_eq!(
        same,
        nothing["detail"].as_str().unwrap(),
        "the two must not differ"
    );

    other
        .patch(&path, &json!({"title": "Mine now"}))
        .await
        .expect(404);
    other.delete(&path).await.expect(404);
    other
        .get(&format!("/v1/responses/{response}"))
        .await
        .expect(404);
    let cancel = format!("/v1/responses/{response}/cancel");
    other.post(&cancel, &json!({})).await.expect(404);
    let body = json!({"input": "hi", "conversation": own});
    other.post("/v1/responses", &body).await.expect(404);
    let body = json!({"input": "hi", "previous_response_id": response});
    other.post("/v1/responses", &body).await.expect(404);
    let page = other.get("/api/conversations").await.expect(200);
    assert_eq!(page["conversations"], json!([]));
    admin.get(&path).await.expect(200);
}
