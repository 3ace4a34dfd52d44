//! Approvals through the API: a real component under a policy that asks.

use std::time::Duration;

use alcove_core::ids::ApprovalId;
use serde_json::{Value, json};

use crate::app::{PATIENCE, TestApp};
use crate::client::Client;

const PAUSE: Duration = Duration::from_millis(30);

async fn grant(client: &Client, when: &str) {
    let policy = format!(
        "version = 1\nplugin = \"alcove/python\"\n[limits]\nmemory = \"256 MiB\"\n[approval]\ndefault = \"{when}\"\n"
    );
    let body = json!({"plugin": "alcove/python", "principal": "everyone", "policy": policy});
    client.post("/api/bindings", &body).await.expect(201);
}

fn forced() -> Value {
    json!({
        "input": "What is 2 + 2? Use Python.",
        "tool_choice": {"type": "function", "name": "python"},
        "temperature": 0,
        "max_output_tokens": 512,
        "background": true,
    })
}

/// The call of this response that waits.
async fn waiting(client: &Client, begun: &Value) -> Value {
    let found = async {
        loop {
            if let Some(first) = waits(client).await {
                return first;
            }
            let response = client.get(&response_path(begun)).await.expect(200);
            assert!(!is_ended(&response), "nothing was asked: {response}");
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::time::timeout(PATIENCE, found)
        .await
        .expect("a call that waits")
}

async fn waits(client: &Client) -> Option<Value> {
    let list = client.get("/api/approvals").await.expect(200);
    list.as_array().unwrap().first().cloned()
}

fn response_path(begun: &Value) -> String {
    format!("/v1/responses/{}", begun["id"].as_str().unwrap())
}

fn is_ended(response: &Value) -> bool {
    !["queued", "in_progress"].contains(&response["status"].as_str().unwrap())
}

fn path_of(waiting: &Value) -> String {
    let id = waiting["call"]["awaiting"]["id"].as_str().unwrap();
    format!("/api/approvals/{id}")
}

/// The response once it has ended. Code that failed is written anew, and that asks anew: it is
/// denied here.
async fn ended(client: &Client, begun: &Value) -> Value {
    let end = async {
        loop {
            let response = client.get(&response_path(begun)).await.expect(200);
            if is_ended(&response) {
                return response;
            }
            if let Some(another) = waits(client).await {
                let no = json!({"answer": "deny"});
                client.post(&path_of(&another), &no).await.expect(200);
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::time::timeout(PATIENCE, end).await.expect("an end")
}

fn call_of(response: &Value) -> &Value {
    let items = response["output"].as_array().unwrap();
    let call = items.iter().find(|item| item["type"] == "alcove:tool_call");
    call.unwrap_or_else(|| panic!("no call: {response}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_shown_waits_and_runs_when_its_owner_says_so() {
    let (app, admin) = TestApp::signed_in().await;
    app.ready().await;
    grant(&admin, "always").await;
    let begun = admin.post("/v1/responses", &forced()).await.expect(200);
    let shown = waiting(&admin, &begun).await;
    assert_eq!(shown["response_id"], begun["id"]);
    let call = &shown["call"];
    let arguments: Value = serde_json::from_str(call["arguments"].as_str().unwrap()).unwrap();
    assert!(arguments["code"].is_string(), "{call}");
    let awaiting = &call["awaiting"];
    assert_eq!(awaiting["kind"], "approval");
    assert_eq!(awaiting["choices"], json!(["once"]));
    assert!(
        awaiting["reason"].as_str().unwrap().contains("line 6"),
        "{awaiting}"
    );
    assert!(call.get("outcome").is_none());

    // Nobody else sees it or answers it, and no other site does.
    let path = path_of(&shown);
    let eve = app.another_user("eve").await;
    assert_eq!(eve.get("/api/approvals").await.expect(200), json!([]));
    let once = json!({"answer": "once"});
    eve.post(&path, &once).await.expect(404);
    let elsewhere = admin.with("origin", "https://evil.example");
    elsewhere.post(&path, &once).await.expect(403);
    app.visitor().post(&path, &once).await.expect(401);
    admin
        .post(&path, &json!({"answer": "conversation"}))
        .await
        .expect(422);
    admin
        .post(&path, &json!({"answer": "sure"}))
        .await
        .expect(400);
    let unknown = format!("/api/approvals/{}", ApprovalId::generate());
    admin.post(&unknown, &once).await.expect(404);

    let answered = admin.post(&path, &once).await.expect(200);
    assert_eq!(answered["answer"], "once");
    assert_eq!(admin.post(&path, &once).await.expect(200), answered);
    admin
        .post(&path, &json!({"answer": "deny"}))
        .await
        .expect(409);
    let response = ended(&admin, &begun).await;
    let call = call_of(&response);
    assert_eq!(call["answered"], answered);
    assert!(
        ["ok", "failed"].contains(&call["outcome"]["kind"].as_str().unwrap()),
        "{call}"
    );
    assert_eq!(call["label"], "public");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_for_the_conversation_holds_there_and_nowhere_else() {
    let (app, admin) = TestApp::signed_in().await;
    app.ready().await;
    grant(&admin, "first-use").await;
    let begun = admin.post("/v1/responses", &forced()).await.expect(200);
    let shown = waiting(&admin, &begun).await;
    let all = json!({"answer": "conversation"});
    admin.post(&path_of(&shown), &all).await.expect(200);
    let response = ended(&admin, &begun).await;
    for item in response["output"].as_array().unwrap() {
        assert_ne!(item["outcome"]["kind"], "denied", "{response}");
    }
    let mut again = forced();
    again["conversation"] = shown["conversation_id"].clone();
    again["background"] = false.into();
    let response = admin.post("/v1/responses", &again).await.expect(200);
    assert!(call_of(&response).get("answered").is_none(), "{response}");
    assert_ne!(call_of(&response)["outcome"]["kind"], "denied");

    let begun = admin.post("/v1/responses", &forced()).await.expect(200);
    let shown = waiting(&admin, &begun).await;
    let no = json!({"answer": "deny", "reason": "use your head"});
    admin.post(&path_of(&shown), &no).await.expect(200);
    let response = ended(&admin, &begun).await;
    let outcome = &call_of(&response)["outcome"];
    assert_eq!(outcome["kind"], "denied");
    assert_eq!(outcome["capability"], "approval");
    assert!(
        outcome["message"]
            .as_str()
            .unwrap()
            .contains("use your head")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_has_nobody_to_ask_unless_it_says_so() {
    let (app, admin) = TestApp::signed_in().await;
    app.ready().await;
    grant(&admin, "always").await;
    let key = app.local();
    let mut body = forced();
    body["background"] = false.into();
    let response = key.post("/v1/responses", &body).await.expect(200);
    let outcome = &call_of(&response)["outcome"];
    assert_eq!(outcome["capability"], "approval", "{outcome}");
    assert!(
        outcome["message"]
            .as_str()
            .unwrap()
            .contains("nobody can be asked")
    );

    let mut body = forced();
    body["alcove:ask"] = true.into();
    let begun = key.post("/v1/responses", &body).await.expect(200);
    let shown = waiting(&key, &begun).await;
    key.post(&path_of(&shown), &json!({"answer": "once"}))
        .await
        .expect(200);
    let response = ended(&key, &begun).await;
    assert_eq!(call_of(&response)["answered"]["answer"], "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_ends_the_waiting_as_interrupted() {
    let mut app = TestApp::start().await;
    let admin = app.claim().await;
    app.ready().await;
    grant(&admin, "always").await;
    let begun = admin.post("/v1/responses", &forced()).await.expect(200);
    let shown = waiting(&admin, &begun).await;
    app.restart().await;
    let mut admin = admin;
    admin.address = app.server().address();
    let admin = admin.with("origin", &format!("http://{}", admin.address));
    let late = admin
        .post(&path_of(&shown), &json!({"answer": "once"}))
        .await;
    let detail = late.expect(409)["detail"].to_string();
    assert!(detail.contains("interrupted"), "{detail}");
    let path = format!(
        "/api/conversations/{}",
        shown["conversation_id"].as_str().unwrap()
    );
    let view = admin.get(&path).await.expect(200);
    let call = view["items"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(call["status"], "incomplete", "{call}");
    assert!(call.get("outcome").is_none() && call.get("awaiting").is_none());
    assert_eq!(view["ended"]["status"], "incomplete");
    assert_eq!(view["ended"]["incomplete_details"]["reason"], "interrupted");
}
