//! Checkpoints through the API, with a real model and real files.

use alcove_core::ids::ItemId;
use http::Method;
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::client::{Client, text_of_response};

/// A conversation of one person.
struct Talk {
    client: Client,
    id: String,
}

impl Talk {
    async fn begin(client: Client) -> Talk {
        let title = json!({"title": "Colours"});
        let made = client.post("/api/conversations", &title).await.expect(201);
        let id = made["id"].as_str().unwrap().to_owned();
        Talk { client, id }
    }

    fn path(&self, rest: &str) -> String {
        format!("/api/conversations/{}{rest}", self.id)
    }

    async fn say(&self, text: &str) -> String {
        let body = json!({
            "input": text, "conversation": self.id, "temperature": 0, "max_output_tokens": 8,
            "alcove:server_tools": false,
        });
        let response = self.client.post("/v1/responses", &body).await.expect(200);
        text_of_response(&response)
    }

    async fn put(&self, file: &str, text: &str) {
        let path = self.path(&format!("/files/{file}"));
        let put = self
            .client
            .send_text(Method::PUT, &path, None, text.to_owned());
        assert_eq!(put.await.status, 204);
    }

    async fn file(&self, file: &str) -> Option<String> {
        let got = self.client.get(&self.path(&format!("/files/{file}"))).await;
        (got.status == 200).then(|| got.text().to_owned())
    }

    async fn save(&self, name: &str) -> Value {
        let body = json!({"name": name, "note": "as it was"});
        let saved = self.client.post(&self.path("/checkpoints"), &body).await;
        saved.expect(201)
    }

    async fn messages(&self) -> Vec<String> {
        let view = self.client.get(&self.path("")).await.expect(200);
        let items = view["items"].as_array().unwrap().iter();
        items
            .filter(|item| item["role"] == "user")
            .map(|item| item["content"][0]["text"].as_str().unwrap().to_owned())
            .collect()
    }

    async fn of(&self, checkpoint: &Value, rest: &str) -> Value {
        let path = format!("/api/checkpoints/{}{rest}", id(checkpoint));
        self.client.get(&path).await.expect(200)
    }

    async fn restore(&self, checkpoint: &Value) -> Value {
        let path = format!("/api/checkpoints/{}/restore", id(checkpoint));
        self.client.post(&path, &json!({})).await.expect(200)
    }
}

fn id(of: &Value) -> &str {
    of["id"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_comes_back_and_going_back_can_be_undone() {
    let (app, admin) = TestApp::signed_in().await;
    app.ready().await;
    let talk = Talk::begin(admin).await;
    talk.put("data/a.txt", "one").await;
    talk.put("same.txt", "one").await;
    talk.say("Red").await;
    let first = talk.save("start").await;
    assert_eq!(
        (
            &first["name"],
            &first["version"],
            &first["items"],
            &first["files"],
            &first["note"]
        ),
        (
            &json!("start"),
            &json!(1),
            &json!(2),
            &json!(2),
            &json!("as it was")
        ),
    );
    let answer = talk.say("Green").await;

    talk.put("data/a.txt", "two").await;
    let gone = talk.client.delete(&talk.path("/files/same.txt")).await;
    assert_eq!(gone.status, 204);
    talk.put("new.txt", "").await;
    let second = talk.save("start").await;
    assert_eq!(second["version"], 2);
    talk.say("Blue").await;

    let listed = talk
        .client
        .get(&talk.path("/checkpoints"))
        .await
        .expect(200);
    assert_eq!(listed, json!([second, first]));
    let difference = talk.of(&first, "/difference").await;
    assert_eq!(difference["common_items"], 2);
    assert_eq!(difference["only_here"], json!([]));
    let there = difference["only_there"].as_array().unwrap();
    assert_eq!(there.len(), 4);
    assert_eq!(there[0], json!({"speaker": "user", "text": "Green"}));
    assert_eq!(difference["files_added"], json!(["new.txt"]));
    assert_eq!(difference["files_removed"], json!(["same.txt"]));
    assert_eq!(difference["files_changed"], json!(["data/a.txt"]));
    assert_eq!(difference["grants"], json!([]));

    let shown = talk.of(&first, "").await;
    assert_eq!(shown["fidelity"], "exact", "{}", shown["drift"]);
    assert_eq!(shown["manifest"]["state"]["model"]["id"], "smollm2-135m");
    let digest = shown["manifest"]["state"]["model"]["digest"].as_str();
    assert!(digest.unwrap().starts_with("sha256:"), "{digest:?}");

    let restored = talk.restore(&first).await;
    assert_eq!(restored["fidelity"], "exact", "{}", restored["drift"]);
    assert_eq!(talk.messages().await, ["Red"]);
    assert_eq!(talk.file("data/a.txt").await.as_deref(), Some("one"));
    assert_eq!(talk.file("same.txt").await.as_deref(), Some("one"));
    assert_eq!(talk.file("new.txt").await, None);
    // What is there now is what was saved, to the last bit, and goes on as it did.
    let again = talk.save("again").await;
    assert_eq!(again["hash"], first["hash"]);
    assert_ne!(second["hash"], first["hash"]);
    assert_eq!(talk.say("Green").await, answer);
    talk.put("data/a.txt", "three").await;

    let back = json!({"branch_id": restored["previous_branch_id"]});
    let path = talk.path("/branch");
    let undone = talk.client.send(Method::PUT, &path, Some(&back)).await;
    assert_eq!(undone.expect(200)["name"], "main");
    assert_eq!(talk.messages().await, ["Red", "Green", "Blue"]);
    assert_eq!(talk.file("data/a.txt").await.as_deref(), Some("two"));
    let branches = talk.client.get(&talk.path("/branches")).await.expect(200);
    let current: Vec<bool> = branches
        .as_array()
        .unwrap()
        .iter()
        .map(|branch| branch["is_current"].as_bool().unwrap())
        .collect();
    assert_eq!(current, [true, false]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_saves_and_goes_on_from_a_checkpoint() {
    let (app, admin) = TestApp::signed_in().await;
    app.ready().await;
    let talk = Talk::begin(admin).await;
    talk.put("a.txt", "one").await;
    let ask = |text: &str, checkpoint: Value| {
        json!({
            "input": text, "conversation": talk.id, "temperature": 0, "max_output_tokens": 8,
            "alcove:server_tools": false, "alcove:checkpoint": checkpoint,
        })
    };
    let post = async |body: &Value| talk.client.post("/v1/responses", body).await;
    let first = post(&ask("Red", json!({"save": "start"})))
        .await
        .expect(200);
    let saved = &first["alcove:checkpoint"]["saved"];
    assert_eq!(
        (&saved["name"], &saved["version"]),
        (&json!("start"), &json!(1))
    );
    assert_eq!(saved["items"], 2);
    talk.say("Green").await;
    talk.put("a.txt", "two").await;

    // What does not start leaves the conversation where it was.
    let long = "word ".repeat(5_000);
    post(&ask(&long, json!({"load": "start"})))
        .await
        .expect(400);
    assert_eq!(talk.messages().await, ["Red", "Green"]);
    assert_eq!(talk.file("a.txt").await.as_deref(), Some("two"));

    let request = ask("Blue", json!({"load": "start@1", "save": "start"}));
    let blue = post(&request).await.expect(200);
    let used = &blue["alcove:checkpoint"];
    assert_eq!(used["loaded"]["checkpoint"]["id"], saved["id"]);
    assert_eq!(used["loaded"]["fidelity"], "exact", "{used}");
    assert_eq!(
        (&used["saved"]["version"], &used["saved"]["items"]),
        (&json!(2), &json!(4))
    );
    assert_eq!(talk.messages().await, ["Red", "Blue"]);
    assert_eq!(talk.file("a.txt").await.as_deref(), Some("one"));
    let branches = talk.client.get(&talk.path("/branches")).await.expect(200);
    assert_eq!(branches.as_array().unwrap().len(), 3, "{branches}");

    // An id says which conversation.
    let mut by_id = ask("Grey", json!({"load": saved["id"]}));
    by_id.as_object_mut().unwrap().remove("conversation");
    let grey = post(&by_id).await.expect(200);
    assert_eq!(grey["conversation"]["id"], talk.id.as_str());
    assert_eq!(talk.messages().await, ["Red", "Grey"]);

    for (checkpoint, status) in [
        (json!({"load": "unknown"}), 404),
        (json!({"load": "start@9"}), 404),
        (json!({"load": "a@b"}), 400),
        (json!({"save": ""}), 400),
        (json!({"laod": "start"}), 400),
    ] {
        let refused = post(&ask("x", checkpoint)).await.expect(status);
        assert!(refused["error"]["message"].is_string(), "{refused}");
    }
    let mut unstored = ask("x", json!({"save": "start"}));
    unstored["store"] = json!(false);
    unstored.as_object_mut().unwrap().remove("conversation");
    post(&unstored).await.expect(400);
    let mut named = ask("x", json!({"load": "start"}));
    named.as_object_mut().unwrap().remove("conversation");
    let refused = post(&named).await.expect(400);
    let why = refused["error"]["message"].as_str().unwrap();
    assert!(why.contains("give `conversation`"), "{why}");
    assert_eq!(talk.messages().await, ["Red", "Grey"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_as_it_was_is_named_and_stays_so() {
    let (app, admin) = TestApp::signed_in().await;
    app.ready().await;
    let talk = Talk::begin(admin).await;
    talk.say("Red").await;
    let saved = talk.save("start").await;

    let bindings = talk.client.get("/api/bindings").await.expect(200);
    let bindings = bindings.as_array().unwrap();
    let python = bindings
        .iter()
        .find(|binding| binding["plugin"] == "alcove/python");
    let path = format!("/api/bindings/{}", id(python.expect("a grant")));
    talk.client.delete(&path).await.expect(200);
    let view = talk.client.get(&talk.path("")).await.expect(200);
    let item: ItemId = id(&view["items"][0]).parse().unwrap();
    let principal = app.app().accounts.local_principal().await.unwrap();
    app.app().log.forget(&principal, item).await.unwrap();

    let restored = talk.restore(&saved).await;
    assert_eq!(restored["fidelity"], "degraded");
    let drift = restored["drift"].as_array().unwrap();
    let named: Vec<(&str, &str)> = drift
        .iter()
        .map(|drift| {
            (
                drift["kind"].as_str().unwrap(),
                drift["subject"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(named, [("item", "items"), ("grant", "alcove/python")]);
    assert_eq!(talk.messages().await, [] as [&str; 0], "it stays forgotten");
    let plugins = talk.client.get("/api/bindings").await.expect(200);
    let plugins = plugins.as_array().unwrap();
    assert!(
        plugins
            .iter()
            .all(|binding| binding["plugin"] != "alcove/python")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_saved_shown_or_restored_says_why() {
    let (app, admin) = TestApp::signed_in().await;
    app.ready().await;
    let talk = Talk::begin(admin.clone()).await;
    talk.put("a.txt", "a").await;
    let saved = talk.save("empty").await;
    assert_eq!((&saved["items"], &saved["files"]), (&json!(0), &json!(1)));
    for (name, status) in [("", 422), ("a@b", 422), (&"n".repeat(101), 422)] {
        let body = json!({"name": name});
        talk.client
            .post(&talk.path("/checkpoints"), &body)
            .await
            .expect(status);
    }
    let unknown = json!({"name": "a", "nmae": "b"});
    talk.client
        .post(&talk.path("/checkpoints"), &unknown)
        .await
        .expect(400);

    let other = app.another_user("eve").await;
    let path = format!("/api/checkpoints/{}", id(&saved));
    for (method, rest) in [
        (Method::GET, ""),
        (Method::GET, "/difference"),
        (Method::POST, "/restore"),
        (Method::DELETE, ""),
    ] {
        let body = (method == Method::POST).then(|| json!({}));
        let reply = other
            .send(method, &format!("{path}{rest}"), body.as_ref())
            .await;
        assert_eq!(reply.status, 404);
    }
    other.get(&talk.path("/checkpoints")).await.expect(404);
    other.get(&talk.path("/branches")).await.expect(404);
    let nowhere = json!({"branch_id": "branch_x"});
    let reply = admin
        .send(Method::PUT, &talk.path("/branch"), Some(&nowhere))
        .await;
    assert_eq!(reply.status, 404);

    let elsewhere = Talk::begin(admin).await;
    let theirs = elsewhere.save("other").await;
    let to = format!("{path}/difference?to={}", id(&theirs));
    talk.client.get(&to).await.expect(400);

    // An empty one is restored, whatever was said since.
    talk.say("Red").await;
    talk.put("a.txt", "b").await;
    let restored = talk.restore(&saved).await;
    assert_eq!(restored["fidelity"], "exact", "{restored}");
    assert_eq!(talk.messages().await, [] as [&str; 0]);
    assert_eq!(talk.file("a.txt").await.as_deref(), Some("a"));

    // A pack that is not what was written restores nothing.
    let assets = app.data().join("assets");
    for entry in std::fs::read_dir(&assets).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[30] ^= 1;
        std::fs::write(&path, bytes).unwrap();
    }
    let before = talk.client.get(&talk.path("/branches")).await.expect(200);
    let reply = talk
        .client
        .post(&format!("{path}/restore"), &json!({}))
        .await;
    assert_eq!(reply.status, 500);
    let after = talk.client.get(&talk.path("/branches")).await.expect(200);
    assert_eq!(before, after);

    talk.client.delete(&path).await.expect(204);
    talk.client.get(&path).await.expect(404);
    assert_eq!(std::fs::read_dir(&assets).unwrap().count(), 0);
}
