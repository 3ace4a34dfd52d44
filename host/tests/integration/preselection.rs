//! Of many granted tools only the nearest are offered, and the response says which and why.

use serde_json::{Value, json};

use crate::app::{TestApp, models_dir};
use crate::mcp;

/// All that `mcp::server_with` grants.
const GRANTED: [&str; 13] = [
    "ask_year",
    "asset",
    "call",
    "echo",
    "exchange",
    "generate",
    "javascript",
    "keep",
    "probe",
    "python",
    "relay",
    "run_tests",
    "web_fetch",
];

fn names(response: &Value, which: &str) -> Vec<String> {
    let names = response["alcove:tools_offered"][which].as_array();
    let names = names.unwrap_or_else(|| panic!("no {which} in {response}"));
    let name = |name: &Value| name.as_str().unwrap().to_owned();
    names.iter().map(name).collect()
}

async fn ask(app: &TestApp, question: &str, more: Value) -> Value {
    let mut body = json!({"input": question, "max_output_tokens": 8});
    for (key, value) in more.as_object().into_iter().flatten() {
        body[key] = value.clone();
    }
    app.local().post("/v1/responses", &body).await.expect(200)
}

fn reason(response: &Value) -> &str {
    response["alcove:tools_offered"]["reason"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nearest_of_many_tools_are_offered_and_the_response_says_why() {
    let mut app = mcp::server_with(&[]).await;
    app.ready().await;
    let page = ask(
        &app,
        "What does the page at that web address say?",
        json!({}),
    )
    .await;
    let offered = names(&page, "offered");
    assert!(offered.contains(&"web_fetch".to_owned()), "{offered:?}");
    assert_eq!(offered.len(), 8);
    let mut all = [offered, names(&page, "left_out")].concat();
    all.sort_unstable();
    assert_eq!(all, GRANTED, "what is offered is granted");
    let said = "of 13 granted tools, these 8 nearest in meaning to the message";
    assert_eq!(reason(&page), said);

    // The same question finds the same tools; another one others, and the order is always one.
    let again = ask(
        &app,
        "What does the page at that web address say?",
        json!({}),
    )
    .await;
    assert_eq!(again["alcove:tools_offered"], page["alcove:tools_offered"]);
    let computing = ask(&app, "Compute the 200th prime number.", json!({})).await;
    let offered = names(&computing, "offered");
    assert!(offered.contains(&"python".to_owned()), "{offered:?}");

    // What was asked for by name is never left out, however far it is.
    let left_out = names(&page, "left_out");
    for name in left_out {
        let forced = json!({"tool_choice": {"type": "function", "name": name}});
        let forced = ask(&app, "What does the page at that web address say?", forced).await;
        assert!(names(&forced, "offered").contains(&name), "{name}");
        assert!(reason(&forced).ends_with("besides what was asked for or called last"));
    }

    // It is kept with the response.
    app.restart().await;
    let path = format!("/v1/responses/{}", page["id"].as_str().unwrap());
    let kept = app.local().get(&path).await.expect(200);
    assert_eq!(kept["alcove:tools_offered"], page["alcove:tools_offered"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_sentence_encoder_words_decide() {
    let folder = tempfile::tempdir().unwrap();
    let file = "SmolLM2-135M-Instruct-Q4_1.gguf";
    std::os::unix::fs::symlink(models_dir().join(file), folder.path().join(file)).unwrap();
    let models = folder.path().display().to_string();
    let app = mcp::server_with(&[("models_dir", &models)]).await;
    app.ready().await;
    let response = ask(&app, "Keeps something, please", json!({})).await;
    assert!(reason(&response).ends_with("have most words in common with the message"));
    let offered = names(&response, "offered");
    assert!(offered.contains(&"keep".to_owned()), "{offered:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn few_tools_are_all_offered() {
    let app = TestApp::start().await;
    app.ready().await;
    let response = ask(&app, "Hello", json!({})).await;
    assert!(response.get("alcove:tools_offered").is_none(), "{response}");
}
