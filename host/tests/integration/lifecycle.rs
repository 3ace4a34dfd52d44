//! Starting, stopping, and starting again.

use std::time::Duration;

use http::Method;
use serde_json::json;

use crate::app::TestApp;
use crate::client::text_of;

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_outlives_the_server() {
    let (mut app, admin) = TestApp::signed_in().await;
    app.ready().await;
    let body = json!({
        "input": "Remember the number 7.", "temperature": 0, "max_output_tokens": 8,
        "alcove:server_tools": false,
    });
    let response = admin.post("/v1/responses", &body).await.expect(200);
    let page = admin.get("/api/conversations").await.expect(200);
    let path = format!(
        "/api/conversations/{}",
        page["conversations"][0]["id"].as_str().unwrap()
    );
    let before = admin.get(&path).await.expect(200);

    app.restart().await;
    // The port is another one; cookie and account are the same.
    let cookie = admin.header("cookie").unwrap();
    let admin = app.visitor().with("cookie", cookie);
    assert_eq!(admin.get(&path).await.expect(200), before);
    let id = response["id"].as_str().unwrap();
    let kept = admin.get(&format!("/v1/responses/{id}")).await.expect(200);
    assert_eq!(kept["output"], response["output"]);
    assert_eq!(app.server().setup_link(), None, "claimed once and for all");

    // The events are gone with the old process; the whole response is one event.
    let path = format!("/v1/responses/{id}?stream=true&starting_after=3");
    let events = admin.stream(Method::GET, &path, None).await.rest().await;
    assert_eq!(events.len(), 2);
    assert_eq!(events[0].json()["sequence_number"], 4);
    assert_eq!(events[0].json()["response"]["output"], response["output"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_lets_answers_end() {
    let (mut app, admin) = TestApp::signed_in().await;
    app.ready().await;
    let body = json!({
        "input": "Write about rain.", "stream": true, "temperature": 0, "max_output_tokens": 40,
        "alcove:server_tools": false,
    });
    let mut stream = admin
        .stream(Method::POST, "/v1/responses", Some(&body))
        .await;
    let mut seen = vec![stream.next().await.expect("an event")];
    let visitor = app.visitor();
    let reading = tokio::spawn(async move {
        seen.extend(stream.rest().await);
        seen
    });
    let stopping = tokio::spawn(async move {
        app.stop().await;
        app
    });
    // While it drains it is not ready, and begins nothing new.
    let begun = std::time::Instant::now();
    while begun.elapsed() < Duration::from_secs(20) && !stopping.is_finished() {
        let Ok(reply) = tokio::time::timeout(Duration::from_secs(5), visitor.get("/readyz")).await
        else {
            break;
        };
        if reply.status == 503 {
            assert!(reply.text().contains("shutting down"), "{reply:?}");
            break;
        }
    }
    let events = reading.await.expect("read to the end");
    let end = events
        .iter()
        .rev()
        .find(|event| event.name.is_some())
        .expect("an end")
        .json();
    assert_ne!(
        end["type"], "alcove:response.cancelled",
        "it had time to end"
    );
    assert!(end["response"]["usage"].is_object(), "{end}");
    assert!(!text_of(&events).is_empty());

    let mut app = stopping.await.expect("stopped");
    assert!(!app.data().join("server.json").exists());
    app.start_again().await;
    let admin = app
        .visitor()
        .with("cookie", admin.header("cookie").unwrap());
    let id = end["response"]["id"].as_str().unwrap();
    let kept = admin.get(&format!("/v1/responses/{id}")).await.expect(200);
    assert_eq!(kept["output"], end["response"]["output"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_in_the_deadline_is_stopped_and_kept() {
    let mut app = TestApp::start_with(&[("limits.drain", "0 s")]).await;
    let admin = app.claim().await;
    app.ready().await;
    let body = json!({
        "input": "Write a very long story.", "stream": true, "max_output_tokens": 1500,
        "alcove:server_tools": false,
    });
    let mut stream = admin
        .stream(Method::POST, "/v1/responses", Some(&body))
        .await;
    let mut seen = Vec::new();
    while text_of(&seen).is_empty() {
        seen.push(stream.next().await.expect("text"));
    }
    let id = seen[0].json()["response"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let reading = tokio::spawn(async move { stream.rest().await });
    tokio::time::timeout(Duration::from_secs(30), app.stop())
        .await
        .expect("in time");
    seen.extend(reading.await.expect("read to the end"));

    app.start_again().await;
    let admin = app
        .visitor()
        .with("cookie", admin.header("cookie").unwrap());
    let kept = admin.get(&format!("/v1/responses/{id}")).await.expect(200);
    assert!(
        ["incomplete", "cancelled"].contains(&kept["status"].as_str().unwrap()),
        "{kept}"
    );
    assert_eq!(crate::client::text_of_response(&kept), text_of(&seen));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_loses_the_last_second_at_most() {
    let mut app = TestApp::unstarted(&[]);
    let mut process = app.boot_process().await;
    let client = app.client_of_process().await;
    crate::app::wait_until_ready(&client).await;
    let body = json!({
        "input": "Write a very long story.", "stream": true, "temperature": 0,
        "max_output_tokens": 1500, "alcove:server_tools": false,
    });
    let mut stream = client
        .stream(Method::POST, "/v1/responses", Some(&body))
        .await;
    let begun = std::time::Instant::now();
    let mut seen = Vec::new();
    let mut early = String::new();
    while begun.elapsed() < Duration::from_secs(3) {
        let Some(event) = stream.next().await else {
            break;
        };
        seen.push(event);
        if begun.elapsed() < Duration::from_secs(1) {
            early = text_of(&seen);
        }
    }
    process.kill().await.expect("killed");
    assert!(app.data().join("server.json").exists(), "nobody tidied up");

    app.start_again().await;
    let id = seen[0].json()["response"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let kept = app
        .local()
        .get(&format!("/v1/responses/{id}"))
        .await
        .expect(200);
    assert_eq!(kept["status"], "incomplete", "{kept}");
    assert_eq!(
        kept["incomplete_details"]["reason"], "interrupted",
        "{kept}"
    );
    let text = crate::client::text_of_response(&kept);
    assert!(text.starts_with(&early), "{early:?} is not in {text:?}");
    let path = format!(
        "/api/conversations/{}",
        kept["conversation"]["id"].as_str().unwrap()
    );
    let view = app.local().get(&path).await.expect(200);
    assert_eq!(
        view["items"][0]["content"][0]["text"],
        "Write a very long story."
    );
    assert!(view["running"].is_null());
    // And it goes on from there.
    let body = json!({
        "input": "Go on.", "conversation": kept["conversation"]["id"], "max_output_tokens": 4,
        "alcove:server_tools": false,
    });
    app.local().post("/v1/responses", &body).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_same_folder_is_refused() {
    let app = TestApp::start().await;
    let error = app.boot().await.err().expect("refused");
    let message = error.to_string();
    assert!(
        message.contains(&format!("process {}", std::process::id())),
        "{message}"
    );
    assert!(message.contains("`data_dir`"), "{message}");
    // The first is none the worse for it.
    assert_eq!(app.visitor().get("/livez").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_names_the_setting() {
    let first = TestApp::start().await;
    let address = first.server().address().to_string();
    let second = TestApp::unstarted(&[("listen", &address)]);
    let message = second.boot().await.err().expect("refused").to_string();
    assert!(
        message.contains(&format!("port {}", first.server().address().port())),
        "{message}"
    );
    assert!(
        message.contains("`listen`") && message.contains("--listen"),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_is_printed_until_the_server_is_claimed() {
    let mut app = TestApp::start().await;
    let first = app.setup_token();
    app.restart().await;
    let link = app.server().setup_link().expect("a link").to_owned();
    assert!(
        link.starts_with(&format!("http://{}/setup#token=", app.server().address())),
        "{link}"
    );
    // The old link need not work any more; the new one must.
    app.claim().await;
    let body = json!({"token": first, "username": "eve", "password": crate::app::PASSWORD});
    assert!(
        app.visitor()
            .post("/api/setup", &body)
            .await
            .status
            .is_client_error()
    );
    app.restart().await;
    assert_eq!(app.server().setup_link(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_finds_the_server() {
    let mut app = TestApp::start().await;
    let text = std::fs::read_to_string(app.data().join("server.json")).expect("written");
    let file: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(
        file["address"],
        format!("http://{}", app.server().address())
    );
    assert_eq!(file["pid"], std::process::id());
    app.stop().await;
    assert!(!app.data().join("server.json").exists());
}
