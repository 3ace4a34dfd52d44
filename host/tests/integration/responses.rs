//! `/v1/responses`: events in order, resuming, stopping, the same request twice.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::app::{PATIENCE, TestApp};
use crate::client::{Client, Event, Events, text_of, text_of_response};

/// A request that the small model answers at some length, the same each time.
fn long(text: &str) -> Value {
    json!({"input": text, "temperature": 0, "max_output_tokens": 48, "alcove:server_tools": false})
}

async fn started() -> (TestApp, Client) {
    let (app, admin) = TestApp::signed_in().await;
    app.ready().await;
    (app, admin)
}

fn names(events: &[Event]) -> Vec<&str> {
    events
        .iter()
        .filter_map(|event| event.name.as_deref())
        .collect()
}

fn last_response(events: &[Event]) -> Value {
    let last = events.iter().rev().find(|event| event.name.is_some());
    last.expect("events").json()["response"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_in_the_order_of_the_specification() {
    let (_app, admin) = started().await;
    let mut body = long("Write a story about a lighthouse.");
    body["stream"] = true.into();
    let mut stream = admin
        .stream(Method::POST, "/v1/responses", Some(&body))
        .await;
    let events = stream.rest().await;

    let mut names = names(&events);
    names.dedup();
    assert_eq!(
        names,
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            names.last().copied().unwrap(),
        ]
    );
    let (done, named) = events.split_last().unwrap();
    assert_eq!((done.name.as_deref(), done.data.as_str()), (None, "[DONE]"));
    for (number, event) in named.iter().enumerate() {
        let body = event.json();
        assert_eq!(body["sequence_number"], number);
        assert_eq!(body["type"].as_str(), event.name.as_deref());
        assert_eq!(
            event.id, None,
            "the specification says that there should be none"
        );
    }
    let response = last_response(&events);
    assert!(["completed", "incomplete"].contains(&response["status"].as_str().unwrap()));
    let text = text_of(&events);
    assert!(!text.trim().is_empty());
    assert_eq!(text, text_of_response(&response));
    let usage = &response["usage"];
    let of = |name: &str| usage[name].as_u64().unwrap();
    assert!(of("input_tokens") > 0 && of("output_tokens") > 0);
    assert_eq!(of("total_tokens"), of("input_tokens") + of("output_tokens"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_broke_off_is_resumed_where_it_was() {
    let (_app, admin) = started().await;
    let mut body = long("Count from one to fifty in words.");
    body["stream"] = true.into();
    let mut stream = admin
        .stream(Method::POST, "/v1/responses", Some(&body))
        .await;
    let mut seen: Vec<Event> = Vec::new();
    while names(&seen)
        .iter()
        .filter(|name| name.ends_with("text.delta"))
        .count()
        < 3
    {
        seen.push(stream.next().await.expect("more than three pieces"));
    }
    // The client goes away; the server goes on.
    drop(stream);
    let id = seen[0].json()["response"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let after = seen.last().unwrap().json()["sequence_number"]
        .as_u64()
        .unwrap();

    let path = format!("/v1/responses/{id}?stream=true&starting_after={after}");
    let mut resumed = admin.stream(Method::GET, &path, None).await;
    let rest = resumed.rest().await;
    assert_eq!(rest[0].json()["sequence_number"], after + 1);
    assert_eq!(rest[0].id, Some((after + 1).to_string()));
    let response = last_response(&rest);
    assert_eq!(
        text_of(&seen) + &text_of(&rest),
        text_of_response(&response)
    );

    // Once more from the start, now that it is over; and as a browser resumes by itself.
    let path = format!("/v1/responses/{id}?stream=true");
    let all = admin.stream(Method::GET, &path, None).await.rest().await;
    assert_eq!(text_of(&all), text_of_response(&response));
    let browser = admin.with("last-event-id", &after.to_string());
    let again = browser.stream(Method::GET, &path, None).await.rest().await;
    assert_eq!(again, rest);

    let kept = admin.get(&format!("/v1/responses/{id}")).await.expect(200);
    assert_eq!(kept["output"], response["output"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn background_answers_at_once_and_goes_on() {
    let (_app, admin) = started().await;
    let mut body = long("Write a poem about the sea.");
    body["background"] = true.into();
    let begun = admin.post("/v1/responses", &body).await.expect(200);
    assert!(
        ["queued", "in_progress"].contains(&begun["status"].as_str().unwrap()),
        "{begun}"
    );
    let conversation = begun["conversation"]["id"]
        .as_str()
        .or(begun["conversation"].as_str());
    let conversation = conversation.expect("a conversation").to_owned();

    let id = begun["id"].as_str().unwrap();
    let view = admin
        .get(&format!("/api/conversations/{conversation}"))
        .await
        .expect(200);
    if !view["running"].is_null() {
        assert_eq!(view["running"]["id"], id);
    }
    let path = format!("/v1/responses/{id}?stream=true");
    let events = admin.stream(Method::GET, &path, None).await.rest().await;
    let view = admin
        .get(&format!("/api/conversations/{conversation}"))
        .await
        .expect(200);
    assert!(view["running"].is_null(), "{view}");
    assert_eq!(view["last_response_id"], id);
    let items = view["items"].as_array().unwrap();
    assert_eq!(items.len(), 2, "{view}");
    assert_eq!(
        items[1]["content"][0]["text"].as_str().unwrap(),
        text_of(&events)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_stops_and_keeps_what_there_is() {
    let (_app, admin) = started().await;
    let body = json!({
        "input": "Write a very long story about a lighthouse.",
        "stream": true, "max_output_tokens": 1500, "temperature": 0, "alcove:server_tools": false,
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
    let path = format!("/v1/responses/{id}/cancel");
    let body = json!({});
    let stopped = tokio::time::timeout(Duration::from_secs(5), admin.post(&path, &body));
    let stopped = stopped.await.expect("within seconds").expect(200);
    assert_eq!(stopped["status"], "cancelled");
    seen.extend(stream.rest().await);
    assert!(
        names(&seen).contains(&"alcove:response.cancelled"),
        "{:?}",
        names(&seen)
    );
    assert_eq!(text_of(&seen), text_of_response(&stopped));
    assert_eq!(stopped["output"][0]["status"], "incomplete");

    let kept = admin.get(&format!("/v1/responses/{id}")).await.expect(200);
    assert_eq!(kept["status"], "cancelled");
    assert_eq!(text_of_response(&kept), text_of(&seen));
    // Stopping what is over changes nothing.
    let again = admin.post(&path, &json!({})).await.expect(200);
    assert_eq!(again["output"], stopped["output"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_gives_the_same_run() {
    let (_app, admin) = started().await;
    let keyed = admin.with("idempotency-key", "7f1c");
    let first = keyed
        .post("/v1/responses", &long("Say something."))
        .await
        .expect(200);
    let second = keyed
        .post("/v1/responses", &long("Say something."))
        .await
        .expect(200);
    assert_eq!(first["id"], second["id"]);
    assert_eq!(first["output"], second["output"]);
    let other = keyed
        .post("/v1/responses", &long("Say something else."))
        .await
        .expect(422);
    assert!(
        other["error"]["message"]
            .as_str()
            .unwrap()
            .contains("Idempotency-Key"),
        "{other}"
    );
    let page = admin.get("/api/conversations").await.expect(200);
    assert_eq!(page["conversations"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_kept_with_store_false() {
    let (_app, admin) = started().await;
    let mut body = long("Say something.");
    body["store"] = false.into();
    let response = admin.post("/v1/responses", &body).await.expect(200);
    assert!(response["conversation"].is_null(), "{response}");
    let page = admin.get("/api/conversations").await.expect(200);
    assert_eq!(page["conversations"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_unknown_is_said_to_be() {
    let (_app, admin) = started().await;
    let unknown = "conv_0199e0f0f0f07000800000000000abcd";
    let body = json!({"input": "hi", "conversation": unknown});
    let error = admin.post("/v1/responses", &body).await.expect(404);
    assert_eq!(error["error"]["type"], "not_found", "{error}");
    let body = json!({"input": "hi", "previous_response_id": "resp_0"});
    let reply = admin.post("/v1/responses", &body).await;
    assert!(reply.status.is_client_error(), "{reply:?}");
    let body = json!({"input": "hi", "model": "gpt-9"});
    let error = admin.post("/v1/responses", &body).await.expect(404);
    assert!(
        error["error"]["message"]
            .as_str()
            .unwrap()
            .contains("smollm2-135m"),
        "{error}"
    );
    let error = admin
        .post("/v1/responses", &json!({"input": ""}))
        .await
        .expect(400);
    assert_eq!(error["error"]["param"], "input", "{error}");
    admin
        .get("/v1/responses/resp_0199e0f0f0f07000800000000000abcd")
        .await
        .expect(404);
    let query = admin.get("/v1/responses/resp_0?stream=maybe").await;
    assert!(query.status.is_client_error());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_before_the_model_is_there() {
    let app = TestApp::start_with(&[("model", "/nowhere/missing.gguf")]).await;
    let admin = app.claim().await;
    let gone = async {
        loop {
            let state = admin.get("/readyz").await.expect(503);
            if state["model"] != "loading" {
                return state;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let state = tokio::time::timeout(PATIENCE, gone).await.expect("an end");
    assert_eq!(state["ready"], false);
    assert!(
        state["detail"].as_str().unwrap().contains("missing.gguf"),
        "{state}"
    );
    let error = admin
        .post("/v1/responses", &json!({"input": "hi"}))
        .await
        .expect(503);
    assert!(
        error["error"]["message"]
            .as_str()
            .unwrap()
            .contains("missing.gguf"),
        "{error}"
    );
    let page = admin.get("/api/conversations").await.expect(200);
    assert_eq!(page["conversations"], json!([]));
}

/// The events that are left, where a test needs only their end.
#[tokio::test(flavor = "multi_thread")]
async fn two_readers_see_the_same() {
    let (_app, admin) = started().await;
    let mut body = long("Write a letter to a friend.");
    body["background"] = true.into();
    let begun = admin.post("/v1/responses", &body).await.expect(200);
    let path = format!(
        "/v1/responses/{}?stream=true",
        begun["id"].as_str().unwrap()
    );
    let mut first: Events = admin.stream(Method::GET, &path, None).await;
    let mut second: Events = admin.stream(Method::GET, &path, None).await;
    let (first, second) = tokio::join!(first.rest(), second.rest());
    assert_eq!(first, second);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_question_finds_the_beginning_of_its_prompt_read() {
    let app = TestApp::start().await;
    app.ready().await;
    app.app().warm_up().await;
    let body = json!({"input": "Hi", "max_output_tokens": 4});
    let response = app.local().post("/v1/responses", &body).await.expect(200);
    let cached = response["usage"]["alcove:cached_tokens"].as_u64();
    assert!(cached.is_some_and(|tokens| tokens > 100), "{response}");
}
