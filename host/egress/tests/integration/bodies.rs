//! Responses that are too large, too slow, or not all there.

use std::time::{Duration, Instant};

use alcove_egress::{EgressError, full_body};
use http::Request;

use crate::servers::{Act, Server, body, egress, get, limits, loopback};

#[tokio::test]
async fn a_response_comes_through_whole_in_every_framing() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\nhello",
        "HTTP/1.0 200 OK\r\n\r\nhello",
    ] {
        let server = Server::answer(answer).await;
        assert_eq!(body(&server.url("/")).await.unwrap(), "hello", "{answer}");
    }
}

#[tokio::test]
async fn a_header_bomb_is_refused() {
    let large = format!(
        "HTTP/1.1 200 OK\r\nx-bomb: {}\r\ncontent-length: 0\r\n\r\n",
        "a".repeat(1 << 20)
    );
    let many = format!(
        "HTTP/1.1 200 OK\r\n{}content-length: 0\r\n\r\n",
        "x: y\r\n".repeat(1000)
    );
    for answer in [large, many] {
        let server = Server::answer(&answer).await;
        let result = get(&server.url("/")).await;
        assert!(
            matches!(result, Err(EgressError::HeadersTooLarge { limit: 16_384 })),
            "{:?}",
            result.err()
        );
    }
}

#[tokio::test]
async fn a_body_above_its_limit_is_refused_however_it_comes() {
    let announced = "HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\nabc";
    let server = Server::answer(announced).await;
    let result = get(&server.url("/")).await;
    assert!(matches!(
        result,
        Err(EgressError::ResponseTooLarge { limit: 10_000 })
    ));

    let closed = format!("HTTP/1.1 200 OK\r\n\r\n{}", "a".repeat(20_000));
    let chunk = format!("3e8\r\n{}\r\n", "a".repeat(1000));
    let chunked = format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{}0\r\n\r\n",
        chunk.repeat(20)
    );
    for answer in [closed, chunked] {
        let server = Server::answer(&answer).await;
        let result = body(&server.url("/")).await;
        assert!(
            matches!(result, Err(EgressError::ResponseTooLarge { limit: 10_000 })),
            "{result:?}"
        );
    }
    // At the limit it is fine.
    let exact = format!("HTTP/1.1 200 OK\r\n\r\n{}", "a".repeat(10_000));
    let server = Server::answer(&exact).await;
    assert_eq!(body(&server.url("/")).await.unwrap().len(), 10_000);
}

#[tokio::test]
async fn a_connection_that_closes_midway_is_incomplete() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\nhello",
        "HTTP/1.1 200 OK\r\ncontent-le",
        "",
    ] {
        let server = Server::answer(answer).await;
        let result = body(&server.url("/")).await;
        assert!(
            matches!(result, Err(EgressError::Incomplete)),
            "{answer}: {result:?}"
        );
    }
}

#[tokio::test]
async fn what_is_not_http_is_a_protocol_error() {
    for answer in [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nZZZ\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
    ] {
        let server = Server::answer(answer).await;
        let result = body(&server.url("/")).await;
        assert!(
            matches!(result, Err(EgressError::Protocol(_))),
            "{answer}: {result:?}"
        );
    }
}

#[tokio::test]
async fn silence_ends_after_the_first_byte_limit() {
    let server = Server::new(Act::Silence).await;
    let started = Instant::now();
    let result = get(&server.url("/")).await;
    assert!(
        matches!(
            result,
            Err(EgressError::Timeout {
                what: "the first byte",
                ..
            })
        ),
        "{:?}",
        result.err()
    );
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_body_that_stops_ends_after_the_idle_limit() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhello".to_vec();
    let server = Server::new(Act::Slowly(vec![head], Duration::from_secs(30))).await;
    let result = body(&server.url("/")).await;
    assert!(
        matches!(
            result,
            Err(EgressError::Timeout {
                what: "a piece of the body",
                ..
            })
        ),
        "{result:?}"
    );
}

#[tokio::test]
async fn a_body_that_trickles_ends_after_the_total_limit() {
    let mut pieces = vec![b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n".to_vec()];
    pieces.extend(std::iter::repeat_n(b"x".to_vec(), 400));
    let server = Server::new(Act::Slowly(pieces, Duration::from_millis(50))).await;
    let started = Instant::now();
    let result = body(&server.url("/")).await;
    assert!(
        matches!(
            result,
            Err(EgressError::Timeout {
                what: "the request",
                ..
            })
        ),
        "{result:?}"
    );
    let took = started.elapsed();
    assert!(
        (Duration::from_secs(4)..Duration::from_secs(15)).contains(&took),
        "{took:?}"
    );
}

#[tokio::test]
async fn a_request_above_its_limit_is_refused() {
    let server = Server::new(Act::Silence).await;
    let request = |bytes: usize| {
        Request::post(server.url("/"))
            .body(full_body(vec![b'a'; bytes]))
            .unwrap()
    };
    let result = egress().send(request(1001), &loopback(), &limits()).await;
    assert!(
        matches!(result, Err(EgressError::RequestTooLarge { limit: 1000 })),
        "{:?}",
        result.err()
    );
    let result = egress().send(request(1000), &loopback(), &limits()).await;
    assert!(
        matches!(result, Err(EgressError::Timeout { .. })),
        "{:?}",
        result.err()
    );
}

#[tokio::test]
async fn a_body_that_is_dropped_closes_its_connection() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\nx".to_vec();
    let pieces = std::iter::once(head)
        .chain(std::iter::repeat_n(b"x".to_vec(), 1000))
        .collect();
    let server = Server::new(Act::Slowly(pieces, Duration::from_millis(10))).await;
    let mut body = get(&server.url("/")).await.unwrap().into_body();
    assert_eq!(body.next().await.unwrap().unwrap(), "x");
    drop(body);
    assert_eq!(server.connections(), 1);
}
