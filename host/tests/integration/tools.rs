//! Tools through the API: forced, granted, revoked, with a receipt of what ran.

use serde_json::{Value, json};

use crate::app::TestApp;
use crate::client::Client;

fn forced() -> Value {
    json!({
        "input": "What is 2 + 2? Use Python.",
        "tool_choice": {"type": "function", "name": "python"},
        "temperature": 0,
        "max_output_tokens": 160,
    })
}

async fn binding_of(client: &Client, plugin: &str) -> Value {
    let bindings = client.get("/api/bindings").await.expect(200);
    let bindings = bindings.as_array().unwrap();
    let found = bindings.iter().find(|binding| binding["plugin"] == plugin);
    found
        .unwrap_or_else(|| panic!("no binding of {plugin}: {bindings:?}"))
        .clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forced_tool_runs_and_leaves_a_receipt() {
    let (app, admin) = TestApp::signed_in().await;
    app.ready().await;
    let response = admin.post("/v1/responses", &forced()).await.expect(200);
    let items = response["output"].as_array().unwrap();
    let call = items.iter().find(|item| item["type"] == "alcove:tool_call");
    let call = call.unwrap_or_else(|| panic!("no call: {response}"));
    assert_eq!(call["plugin"], "alcove/python");
    assert_eq!(call["tool"], "python");
    assert_eq!(call["status"], "completed");
    assert_eq!(call["digest"].as_str().unwrap().len(), 64);
    let arguments: Value = serde_json::from_str(call["arguments"].as_str().unwrap()).unwrap();
    assert!(arguments["code"].is_string(), "{call}");
    let kind = call["outcome"]["kind"].as_str().unwrap();
    assert!(
        ["ok", "failed", "denied", "limit", "trapped"].contains(&kind),
        "{call}"
    );
    assert!(call["usage"]["wall_us"].as_u64().unwrap() > 0, "{call}");
    assert!(
        call["usage"]["peak_memory_bytes"].as_u64().unwrap() > 0,
        "{call}"
    );

    // It has a receipt of its own, gives the same again, and is in the audit log.
    let id = call["id"].as_str().unwrap();
    let receipt = admin.get(&format!("/api/calls/{id}")).await.expect(200);
    assert_eq!(receipt["call"]["arguments"], call["arguments"]);
    let replay = format!("/api/calls/{id}/replay");
    let again = admin.post(&replay, &json!({})).await.expect(200);
    assert_eq!(again["same"], true, "{again}");
    app.visitor()
        .get(&format!("/api/calls/{id}"))
        .await
        .expect(401);
    admin.get("/api/calls/item_0").await.expect(404);
    let query = format!("/api/audit?plugin=alcove%2Fpython&action=tool_call&item={id}");
    let page = admin.get(&query).await.expect(200);
    let entries = page["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 1, "{page}");
    assert_eq!(entries[0]["outcome"], kind, "{page}");
    assert_eq!(entries[0]["detail"]["digest"], call["digest"], "{page}");
    let none = admin.get("/api/audit?user=nobody").await.expect(200);
    assert_eq!(none["entries"].as_array().unwrap().len(), 0);
    admin.get("/api/audit?colour=red").await.expect(400);
    let chains = admin.get("/api/audit/verify").await.expect(200);
    assert!(chains[0]["entries"].as_u64().unwrap() > 0, "{chains}");
    assert!(chains[0]["broken_at"].is_null(), "{chains}");
    app.visitor().get("/api/audit").await.expect(401);

    // The same receipt is in the conversation.
    let page = admin.get("/api/conversations").await.expect(200);
    let path = format!(
        "/api/conversations/{}",
        page["conversations"][0]["id"].as_str().unwrap()
    );
    let view = admin.get(&path).await.expect(200);
    assert!(view["items"].as_array().unwrap().contains(call), "{view}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_is_offered_only_while_it_is_granted() {
    let (app, admin) = TestApp::signed_in().await;
    app.ready().await;
    let binding = binding_of(&admin, "alcove/python").await;
    assert_eq!(binding["principal"], "everyone");
    let path = format!("/api/bindings/{}", binding["id"].as_str().unwrap());
    let revoked = admin.delete(&path).await.expect(200);
    assert_eq!(revoked["stopped_calls"], 0);
    let error = admin.post("/v1/responses", &forced()).await;
    assert!(error.status.is_client_error(), "{error:?}");
    assert!(error.text().contains("python"), "{error:?}");
    admin.delete(&path).await.expect(404);

    let grant = json!({"plugin": "alcove/python", "principal": "user:ada", "reason": "a test"});
    let granted = admin.post("/api/bindings", &grant).await.expect(201);
    assert_eq!(granted["author"], "ada");
    assert_eq!(granted["reason"], "a test");
    let mut body = forced();
    body["max_output_tokens"] = 40.into();
    let response = admin.post("/v1/responses", &body).await.expect(200);
    let items = response["output"].as_array().unwrap();
    assert!(
        items.iter().any(|item| item["type"] == "alcove:tool_call"),
        "{response}"
    );

    // What is granted to one person is not offered to another.
    let other = app.another_user("eve").await;
    assert!(
        other
            .post("/v1/responses", &body)
            .await
            .status
            .is_client_error()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_grants_are_refused_with_what_to_do() {
    let (_app, admin) = TestApp::signed_in().await;
    let unknown_key = json!({
        "plugin": "alcove/python", "principal": "everyone",
        "policy": "version = 1\nplugin = \"alcove/python\"\n[limits]\nmemroy = \"64 MiB\"\n",
    });
    let error = admin.post("/api/bindings", &unknown_key).await.expect(422);
    let detail = error["detail"].as_str().unwrap();
    assert!(
        detail.contains("memroy") && detail.contains('4'),
        "{detail}"
    );
    let unknown = json!({"plugin": "alcove/nothing", "principal": "everyone"});
    admin.post("/api/bindings", &unknown).await.expect(404);
    let nobody = json!({"plugin": "alcove/python", "principal": "user:nobody"});
    let reply = admin.post("/api/bindings", &nobody).await;
    assert!(reply.status.is_client_error(), "{reply:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_administrators_grant_and_install() {
    let (app, admin) = TestApp::signed_in().await;
    let other = app.another_user("eve").await;
    let grant = json!({"plugin": "alcove/python", "principal": "everyone"});
    other.post("/api/bindings", &grant).await.expect(403);
    other.get("/api/bindings").await.expect(403);
    let id = binding_of(&admin, "alcove/python").await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    other
        .delete(&format!("/api/bindings/{id}"))
        .await
        .expect(403);
    other
        .post("/api/plugins", &json!({"path": "/tmp/x.wasm"}))
        .await
        .expect(403);
    other
        .delete("/api/plugins/alcove%2Fpython")
        .await
        .expect(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn plugins_are_listed_with_what_they_can_ask_for() {
    let (_app, admin) = TestApp::signed_in().await;
    let plugins = admin.get("/api/plugins").await.expect(200);
    let python = plugins
        .as_array()
        .unwrap()
        .iter()
        .find(|plugin| plugin["id"] == "alcove/python");
    let python = python.expect("cargo xtask build makes plugins/dist/python.wasm");
    assert_eq!(python["tools"][0]["name"], "python");
    assert!(!python["badges"].as_array().unwrap().is_empty());
    let one = admin.get("/api/plugins/alcove%2Fpython").await.expect(200);
    assert_eq!(&one, python);
    admin.get("/api/plugins/alcove%2Fnothing").await.expect(404);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.wasm");
    std::fs::write(&file, "not a component").unwrap();
    let body = json!({"path": file.display().to_string()});
    let error = admin.post("/api/plugins", &body).await.expect(422);
    assert!(
        error["detail"].as_str().unwrap().contains("component"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_is_said_in_words_beside_what_is_asked_for() {
    let (app, admin) = TestApp::signed_in().await;
    let path = "/api/plugins/alcove%2Fweb-fetch/policy";
    let asked = admin.post(path, &json!({})).await.expect(200);
    let words = &asked["words"];
    assert!(words["grants"].to_string().contains("public"), "{asked}");
    assert_eq!(words["withheld"], json!([]), "{asked}");
    assert_eq!(words["beyond"], json!([]), "{asked}");

    let policy = "version = 1\nplugin = \"alcove/web-fetch\"\n\
        [[http]]\norigin = \"https://a.example\"\n[state]\n[[http]]\nnetwork = \"public\"\n";
    let narrowed = policy.replace("[state]\n[[http]]\nnetwork = \"public\"\n", "");
    let read = admin.post(path, &json!({"policy": narrowed})).await;
    let words = &read.expect(200)["words"];
    assert!(words["grants"].to_string().contains("a.example"), "{words}");
    assert!(words["withheld"].to_string().contains("public"), "{words}");
    assert!(words["warning"].is_null(), "{words}");
    let read = admin.post(path, &json!({"policy": policy})).await;
    let words = &read.expect(200)["words"];
    assert!(words["beyond"].to_string().contains("state"), "{words}");
    let warning = words["warning"].as_str().unwrap();
    assert!(warning.contains("any public address"), "{warning}");

    let wrong = json!({"policy": policy.replace("origin", "orign")});
    let problem = admin.post(path, &wrong).await.expect(422);
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("line 4"), "{detail}");

    // The same words stand on each grant.
    let binding = binding_of(&admin, "alcove/web-fetch").await;
    assert!(
        binding["words"]["grants"].to_string().contains("public"),
        "{binding}"
    );
    let other = app.another_user("eve").await;
    let plugin = other.get("/api/plugins/alcove%2Fweb-fetch").await;
    let allowed = &plugin.expect(200)["allowed"];
    assert!(allowed.to_string().contains("public"), "{allowed}");
    let gone = admin.delete("/api/bindings/alcove%2Fweb-fetch").await;
    gone.expect(200);
    let plugin = other.get("/api/plugins/alcove%2Fweb-fetch").await;
    assert!(plugin.expect(200)["allowed"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asked_reads_why_it_was_declined() {
    let (app, admin) = TestApp::signed_in().await;
    let eve = app.another_user("eve").await;
    let people = admin.get("/api/principals").await.expect(200);
    assert_eq!(people["users"], json!(["ada", "eve"]), "{people}");
    assert_eq!(people["groups"], json!(["admins", "everyone"]), "{people}");
    eve.get("/api/principals").await.expect(403);

    let ask = "/api/plugins/alcove%2Fpython/requests";
    eve.post(ask, &json!({"reason": "sums"})).await.expect(200);
    let open = admin.get("/api/requests").await.expect(200);
    assert_eq!(open[0]["user"], "eve", "{open}");
    let decline = format!("{ask}/decline");
    let body = json!({"user": "eve", "reason": "use the calculator"});
    eve.post(&decline, &body).await.expect(403);
    admin.post(&decline, &body).await.expect(200);
    admin.post(&decline, &body).await.expect(404);
    assert_eq!(admin.get("/api/requests").await.expect(200), json!([]));
    let own = eve.get("/api/requests").await.expect(200);
    assert_eq!(own[0]["declined"], "use the calculator", "{own}");
    let entry = admin.get("/api/audit?action=decline").await.expect(200);
    assert_eq!(entry["entries"][0]["outcome"], "ok", "{entry}");

    // Asking again opens it.
    eve.post(ask, &json!({"reason": "long sums"}))
        .await
        .expect(200);
    let open = admin.get("/api/requests").await.expect(200);
    assert_eq!(open[0]["reason"], "long sums", "{open}");
}
