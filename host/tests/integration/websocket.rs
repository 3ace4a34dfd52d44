//! `/v1/responses` over a WebSocket.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::app::{PATIENCE, TestApp};
use crate::client::Client;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn connect(client: &Client) -> Result<Socket, Error> {
    let url = format!("ws://{}/v1/responses", client.address);
    let mut request = url.into_client_request()?;
    for name in ["cookie", "origin", "authorization", "sec-fetch-site"] {
        if let Some(value) = client.header(name) {
            request
                .headers_mut()
                .insert(name, HeaderValue::from_str(value)?);
        }
    }
    let (socket, _) = tokio_tungstenite::connect_async(request).await?;
    Ok(socket)
}

async fn send(socket: &mut Socket, body: &Value) {
    socket
        .send(Message::text(body.to_string()))
        .await
        .expect("sent");
}

/// The next JSON message.
async fn receive(socket: &mut Socket) -> Value {
    let message = async {
        loop {
            match socket.next().await.expect("open").expect("a message") {
                Message::Text(text) => return serde_json::from_str(&text).expect("JSON"),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, message)
        .await
        .expect("a message in time")
}

/// The code with which the server closes.
async fn closed(socket: &mut Socket) -> u16 {
    let close = async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Close(Some(frame)))) => return frame.code.into(),
                Some(Ok(_)) => {}
                other => panic!("no close frame: {other:?}"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, close)
        .await
        .expect("closed in time")
}

fn turn(text: &str) -> Value {
    json!({
        "type": "response.create", "input": text, "temperature": 0,
        "max_output_tokens": 24, "alcove:server_tools": false,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn turns_follow_one_another() {
    let (app, admin) = TestApp::signed_in().await;
    app.ready().await;
    let mut socket = connect(&admin).await.expect("connected");
    let mut previous: Option<String> = None;
    for text in ["Name a colour.", "Name another."] {
        let mut body = turn(text);
        if let Some(id) = &previous {
            body["previous_response_id"] = id.as_str().into();
        }
        send(&mut socket, &body).await;
        let mut number = 0;
        let response = loop {
            let event = receive(&mut socket).await;
            assert_eq!(event["sequence_number"], number, "{event}");
            number += 1;
            if ["response.completed", "response.incomplete"]
                .iter()
                .any(|end| event["type"] == *end)
            {
                break event["response"].clone();
            }
        };
        assert!(
            response["output"][0]["content"][0]["text"].is_string(),
            "{response}"
        );
        assert_eq!(
            response["previous_response_id"].as_str(),
            previous.as_deref()
        );
        previous = response["id"].as_str().map(str::to_owned);
    }
    let page = admin.get("/api/conversations").await.expect(200);
    assert_eq!(page["conversations"].as_array().unwrap().len(), 1, "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_turn_at_a_time_and_errors_keep_the_connection() {
    let (app, admin) = TestApp::signed_in().await;
    app.ready().await;
    let mut socket = connect(&admin).await.expect("connected");
    send(&mut socket, &json!({"type": "hello"})).await;
    let error = receive(&mut socket).await;
    assert_eq!(
        (&error["type"], &error["status"]),
        (&json!("error"), &json!(400))
    );
    assert_eq!(error["error"]["param"], "type");

    let mut body = turn("Write a long story.");
    body["max_output_tokens"] = 400.into();
    send(&mut socket, &body).await;
    send(&mut socket, &turn("And another.")).await;
    let (mut id, mut refused) = (None, None);
    while id.is_none() || refused.is_none() {
        let event = receive(&mut socket).await;
        match event["type"].as_str().unwrap() {
            "response.created" => id = event["response"]["id"].as_str().map(str::to_owned),
            "error" => refused = Some(event),
            _ => {}
        }
    }
    let refused = refused.unwrap();
    assert_eq!(refused["status"], 409, "{refused}");
    // Stop comes by HTTP, and its event by the connection.
    admin
        .post(&format!("/v1/responses/{}/cancel", id.unwrap()), &json!({}))
        .await
        .expect(200);
    while receive(&mut socket).await["type"] != "alcove:response.cancelled" {}
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_other_sites_do_not_connect() {
    let (app, admin) = TestApp::signed_in().await;
    let status = |result: Result<Socket, Error>| match result {
        Err(Error::Http(response)) => response.status().as_u16(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        status(connect(&admin.with("origin", "https://evil.example")).await),
        403
    );
    assert_eq!(status(connect(&admin.without("origin")).await), 403);
    let stranger = app
        .visitor()
        .with("origin", &format!("http://{}", admin.address));
    assert_eq!(status(connect(&stranger).await), 401);
    // A program with a key has no origin.
    connect(&app.local()).await.expect("connected");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_says_why_it_closes() {
    let (app, admin) = TestApp::signed_in().await;
    let mut too_large = connect(&admin).await.expect("connected");
    let text = "x".repeat(app.app().config.limits.max_body_bytes + 1);
    // The server may close while this is still being sent.
    let _ = too_large.send(Message::text(text)).await;
    assert_eq!(closed(&mut too_large).await, 1009);

    let mut binary = connect(&admin).await.expect("connected");
    binary.send(Message::binary(vec![1u8])).await.expect("sent");
    assert_eq!(closed(&mut binary).await, 1003);

    let mut signed_out = connect(&admin).await.expect("connected");
    admin.delete("/api/session").await.expect(204);
    send(&mut signed_out, &turn("Hi.")).await;
    assert_eq!(closed(&mut signed_out).await, 1008);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_closes_connections() {
    let (mut app, admin) = TestApp::signed_in().await;
    let mut socket = connect(&admin).await.expect("connected");
    let waiting = tokio::spawn(async move { closed(&mut socket).await });
    tokio::time::timeout(Duration::from_secs(30), app.stop())
        .await
        .expect("in time");
    assert_eq!(waiting.await.expect("closed"), 1001);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_counted() {
    let app = TestApp::start_with(&[("limits.websockets", "1")]).await;
    let admin = app.claim().await;
    let _first = connect(&admin).await.expect("connected");
    match connect(&admin).await {
        Err(Error::Http(response)) => assert_eq!(response.status(), 503),
        other => panic!("{other:?}"),
    }
}
