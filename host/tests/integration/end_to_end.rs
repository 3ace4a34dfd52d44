//! The main job: a model that chooses the tool by itself, and the right number in the answer.

use http::Method;
use serde_json::json;

use crate::app::TestApp;
use crate::client::text_of_response;

const RIGHT: &str = "1606938044258990275541962092341162602522202993782792835301383";

#[tokio::test(flavor = "multi_thread")]
async fn the_model_takes_python_and_gives_the_right_number() {
    let app =
        TestApp::start_with(&[("model", "qwen2.5-coder-0.5b"), ("context_tokens", "4096")]).await;
    let admin = app.claim().await;
    app.ready().await;
    let body = json!({
        "input": "What is 2**200 + 7? Use Python.", "temperature": 0, "stream": true,
    });
    let mut stream = admin
        .stream(Method::POST, "/v1/responses", Some(&body))
        .await;
    let events = stream.rest().await;
    let last = events.iter().rev().find(|event| event.name.is_some());
    let response = last.expect("events").json()["response"].clone();
    assert_eq!(response["status"], "completed", "{response}");
    let items = response["output"].as_array().unwrap();
    let call = items.iter().find(|item| item["type"] == "alcove:tool_call");
    let call = call.unwrap_or_else(|| panic!("no call: {response}"));
    assert_eq!(call["outcome"]["kind"], "ok", "{call}");
    assert!(call["output"].to_string().contains(RIGHT), "{call}");
    let answer = text_of_response(&response).replace([',', ' '], "");
    assert!(answer.contains(RIGHT), "{answer}");
}
