//! A used up quota, as each kind of client is told.

use serde_json::json;

use crate::app::TestApp;
use crate::mcp;

#[tokio::test(flavor = "multi_thread")]
async fn a_question_above_the_quota_is_refused_with_when_to_come_back() {
    let app = TestApp::start_with(&[("quota.tokens_per_user", "50")]).await;
    app.ready().await;
    let client = app.local();
    for (path, body) in [
        ("/v1/responses", json!({"input": "hello"})),
        (
            "/v1/chat/completions",
            json!({"messages": [{"role": "user", "content": "hello"}]}),
        ),
    ] {
        let reply = client.post(path, &body).await;
        let error = &reply.expect(429)["error"];
        assert_eq!(error["code"], "insufficient_quota", "{path}");
        assert_eq!(error["type"], "insufficient_quota");
        let message = error["message"].as_str().unwrap();
        assert!(
            message.contains("50 tokens a day (quota.tokens_per_user)")
                && message.contains("starts anew at"),
            "{message}"
        );
        let seconds = reply.headers["retry-after"].to_str().unwrap();
        assert!((0..=86_400).contains(&seconds.parse::<u32>().unwrap()));
    }
    let conversations = client.get("/api/conversations").await.expect(200);
    assert_eq!(conversations["conversations"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_above_the_quota_ends_as_a_limit_over_mcp() {
    let settings = [
        ("model", "/nowhere/none.gguf"),
        ("quota.tool_bytes_per_user", "3 B"),
    ];
    let app = mcp::server_with(&settings).await;
    let call = |text: &str| {
        let arguments = json!({"do": "echo", "text": text});
        mcp::modern(
            "tools/call",
            json!({"name": "probe", "arguments": arguments}),
        )
    };
    let client = app.local();
    let said = mcp::post(&client, &call("abc")).await.expect(200);
    assert_eq!(said["result"]["isError"], false, "{said}");
    let refused = mcp::post(&client, &call("d")).await.expect(200);
    let outcome = &refused["result"]["_meta"]["ai.alcove/outcome"];
    assert_eq!(outcome["limit"], "quota.tool_bytes_per_user", "{refused}");
}
