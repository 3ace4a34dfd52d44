//! Components with typed exports: shown, accepted, granted, called.

use serde_json::json;

use super::{audited, fixture, grant, modern, post, server};

#[tokio::test(flavor = "multi_thread")]
async fn a_typed_component_is_a_tool_once_it_is_accepted_and_granted() {
    let app = server().await;
    let path = fixture("typed").canonicalize().unwrap();
    let mut install = json!({"path": path.display().to_string()});
    let shown = app.local().post("/api/plugins", &install).await.expect(422);
    let detail = shown["detail"].as_str().unwrap();
    assert!(detail.contains("The area of a shape."), "{detail}");
    assert!(detail.contains("--accept-generated"), "{detail}");
    install["accept_generated"] = json!(true);
    let plugin = app.local().post("/api/plugins", &install).await.expect(201);
    assert_eq!(
        (&plugin["id"], &plugin["is_generated"]),
        (&json!("local/typed"), &json!(true))
    );
    assert!(
        plugin["badges"]
            .to_string()
            .contains("cannot ask for the network"),
        "{plugin}"
    );
    grant(
        &app,
        "local/typed",
        "version = 1\nplugin = \"local/typed\"\n",
    )
    .await;

    let client = app.local();
    let page = post(&client, &modern("tools/list", json!({})))
        .await
        .expect(200);
    let tools = page["result"]["tools"].as_array().unwrap();
    let area = tools
        .iter()
        .find(|tool| tool["name"] == "shapes_area")
        .unwrap();
    assert_eq!(area["outputSchema"]["required"], json!(["result"]));
    for (arguments, outcome) in [
        (json!({"shape": {"square": 2.0}, "unit": "meter"}), "ok"),
        (json!({"shape": {"nothing": {}}, "unit": "meter"}), "failed"),
        (json!({"shape": {"cube": 2.0}, "unit": "meter"}), "failed"),
        (
            json!({"shape": {"square": 2.0, "nothing": {}}, "unit": "meter"}),
            "failed",
        ),
    ] {
        let call = modern(
            "tools/call",
            json!({"name": "shapes_area", "arguments": arguments}),
        );
        let result = post(&client, &call).await.expect(200)["result"].clone();
        assert_eq!(
            result["_meta"]["ai.alcove/outcome"]["kind"], outcome,
            "{result}"
        );
        if outcome == "ok" {
            assert_eq!(result["structuredContent"], json!({"result": 4.0}));
        }
    }
    assert_eq!(audited(&app, "local/typed").await.len(), 4);
}
