//! Two real models on one server.

use serde_json::json;

use crate::app::{TestApp, models_dir};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_about_programs_is_answered_by_its_own_model() {
    let folder = tempfile::tempdir().unwrap();
    let coder = folder.path().join("coder.gguf");
    let file = models_dir().join("SmolLM2-135M-Instruct-Q4_1.gguf");
    std::os::unix::fs::symlink(file, &coder).unwrap();
    let coder = coder.display().to_string();
    let app = TestApp::start_with(&[("code_model", &coder)]).await;
    let admin = app.claim().await;

    let models = admin.get("/v1/models").await.expect(200);
    let ids: Vec<&str> = models["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|model| model["id"].as_str())
        .collect();
    assert_eq!(ids, ["smollm2-135m", "coder"]);

    let ask = |text: &str| json!({"input": text, "max_output_tokens": 4, "tool_choice": "none"});
    let general = admin.post("/v1/responses", &ask("Hi")).await.expect(200);
    assert_eq!(general["model"], "smollm2-135m");
    assert_eq!(general["alcove:route"]["specialist"], "general");
    let program = ask("Write a Python function.");
    let code = admin.post("/v1/responses", &program).await.expect(200);
    assert_eq!(code["model"], "coder");
    assert_eq!(code["alcove:route"]["specialist"], "code");
    assert_eq!(
        code["alcove:route"]["reason"],
        "the message speaks of `function` and `python`"
    );
    assert!(code["usage"]["output_tokens"].as_u64() > Some(0), "{code}");

    let mut overridden = program.clone();
    overridden["alcove:specialist"] = json!("general");
    let general = admin.post("/v1/responses", &overridden).await.expect(200);
    assert_eq!(general["model"], "smollm2-135m");
    overridden["alcove:specialist"] = json!("poet");
    admin.post("/v1/responses", &overridden).await.expect(400);
}
