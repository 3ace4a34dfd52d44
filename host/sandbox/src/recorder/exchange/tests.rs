use http::HeaderValue;
use http_body_util::Full;

use super::digest::digest;
use super::*;

fn request(path: &str, body: &'static str) -> Request<WasiBody> {
    let body = Full::new(Bytes::from_static(body.as_bytes()))
        .map_err(|never| match never {})
        .boxed_unsync();
    Request::post(format!("https://a.example{path}"))
        .header("x-odd", HeaderValue::from_bytes(b"caf\xe9").unwrap())
        .body(body)
        .unwrap()
}

/// An answer from the network, which comes when the whole request was sent.
async fn network(request: Request<WasiBody>) -> Answer {
    let sent = digest(request.into_body()).await;
    let body = Full::new(Bytes::from_static(b"\xff\0done"))
        .map_err(|never| match never {})
        .boxed_unsync();
    let response = Response::builder()
        .header("x-sent", sent.bytes)
        .body(body)
        .unwrap();
    Ok((response, Box::new(async { Ok(()) })))
}

async fn record() -> crate::HostRecord {
    let recorder = Recorder::new();
    recorder.begin(None, "en", None);
    let Turn::Live { request, exchange } = recorder.request(request("/", "one")) else {
        panic!("not live");
    };
    exchange.allowed_by(7);
    let answer = exchange.through(Box::new(network(*request))).await;
    let (response, _) = answer.unwrap();
    response.into_body().collect().await.unwrap();
    recorder.take().0
}

#[tokio::test]
async fn an_exchange_is_served_byte_for_byte() {
    let record = record().await;
    let exchange = &record.http[0];
    assert_eq!(exchange.line, Some(7));
    assert_eq!(exchange.headers, [("x-odd".into(), "caf\u{e9}".into())]);
    assert_eq!(exchange.sent.as_ref().unwrap().bytes, 3);
    let text = serde_json::to_string(&record).unwrap();

    let again = Recorder::new();
    again.begin(Some(serde_json::from_str(&text).unwrap()), "en", None);
    let Turn::Served(answering) = again.request(request("/", "one")) else {
        panic!("live");
    };
    let (response, _) = Pin::from(answering).await.unwrap();
    assert_eq!(response.headers()["x-sent"], "3");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(&body[..], b"\xff\0done");
    assert_eq!(again.take().1, None);
}

#[tokio::test]
async fn another_body_or_address_is_not_what_was_sent() {
    for (path, body, told) in [("/", "uno", "BLAKE3"), ("/else", "one", "/else")] {
        let again = Recorder::new();
        again.begin(Some(record().await), "en", None);
        let Turn::Served(answering) = again.request(request(path, body)) else {
            panic!("live");
        };
        assert!(Pin::from(answering).await.is_err());
        let divergence = again.take().1.unwrap();
        assert!(divergence.now.contains(told), "{divergence:?}");
        assert_ne!(divergence.now, divergence.recorded);
    }
}
