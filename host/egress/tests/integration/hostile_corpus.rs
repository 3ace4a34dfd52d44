//! The corpus against the egress itself: everything that needs no guest.

use std::net::IpAddr;
use std::sync::Arc;

use alcove_egress::{EgressError, Refusal, Scope};
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt;

use crate::corpus::{self, Case, Server};
use crate::servers::{Scripted, egress, limits, loopback, request, resolving};

/// The outcome in the words of the corpus.
fn word(error: &EgressError) -> &'static str {
    match error {
        EgressError::Url(_) => "url",
        EgressError::Address {
            refusal: Refusal::Metadata,
            ..
        } => "address-metadata",
        EgressError::Address {
            refusal: Refusal::NotPublic,
            ..
        } => "address-not-public",
        EgressError::Address {
            refusal: Refusal::NotListed,
            ..
        } => "address-not-listed",
        EgressError::Resolve { .. } => "resolve",
        EgressError::Timeout { what, .. } => match *what {
            "the first byte" => "timeout-first-byte",
            "a piece of the body" => "timeout-idle",
            _ => "timeout-total",
        },
        EgressError::HeadersTooLarge { .. } => "headers-too-large",
        EgressError::ResponseTooLarge { .. } => "response-too-large",
        EgressError::Incomplete => "incomplete",
        EgressError::Protocol(_) => "protocol",
        EgressError::Redirect(_) => "redirect",
        _ => "another error",
    }
}

/// An answer that came whole.
struct Answer {
    status: u16,
    body: Vec<u8>,
    headers: HeaderMap,
    trailers: HeaderMap,
}

async fn whole<B>(response: Response<B>) -> Result<Answer, EgressError>
where
    B: http_body::Body<Data = bytes::Bytes, Error = EgressError>,
{
    let (head, body) = response.into_parts();
    let body = body.collect().await?;
    Ok(Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        trailers: body.trailers().cloned().unwrap_or_default(),
        body: body.to_bytes().to_vec(),
    })
}

fn resolver(case: &Case) -> Option<Arc<Scripted>> {
    let names = case.names.as_ref()?;
    let answers: Vec<Vec<&str>> = names
        .iter()
        .map(|answer| answer.iter().map(String::as_str).collect())
        .collect();
    let answers: Vec<&[&str]> = answers.iter().map(Vec::as_slice).collect();
    for address in answers.iter().copied().flatten() {
        address.parse::<IpAddr>().unwrap();
    }
    Some(Scripted::new(&answers))
}

async fn check(case: Case, expected: String) {
    let name = &case.name;
    let server = Server::of(&case).await;
    let egress = resolver(&case).map_or_else(egress, resolving);
    let scope = match case.scope {
        corpus::Scope::Public => Scope::Public,
        corpus::Scope::Loopback => loopback(),
    };
    let text = server.url(&case);
    // What is no URL for a browser's parser is refused before there is a request.
    let Ok(url) = url::Url::parse(&text) else {
        assert_eq!(expected, "url", "{name}");
        return;
    };
    let send = async || -> Result<Answer, EgressError> {
        if text
            .parse::<http::Uri>()
            .is_ok_and(|uri| uri.host().is_some())
        {
            let request: Request<_> = request(&text);
            return whole(egress.send(request, &scope, &limits()).await?).await;
        }
        let headers = HeaderMap::new();
        let (_, response) = egress
            .get_following(&url, &headers, &scope, &limits())
            .await?;
        whole(response).await
    };
    let result = send().await;
    let outcome = result
        .as_ref()
        .map_or_else(|error| word(error), |_| "answer");
    assert_eq!(outcome, expected, "{name}: {:?}", result.err());
    let expect = &case.expect;
    assert_eq!(server.connections(), expect.connections, "{name}");
    if let Ok(answer) = result {
        if let Some(status) = expect.status {
            assert_eq!(answer.status, status, "{name}");
        }
        if let Some(body) = &expect.body {
            assert_eq!(String::from_utf8_lossy(&answer.body), *body, "{name}");
        }
        if let Some(bytes) = expect.body_bytes {
            assert_eq!(answer.body.len(), bytes, "{name}");
        }
        for (headers, header) in [
            (&answer.headers, &expect.header),
            (&answer.trailers, &expect.trailer),
        ] {
            if let Some((own, value)) = header.as_ref().and_then(|text| text.split_once(": ")) {
                assert_eq!(headers.get(own).unwrap(), value, "{name}");
            }
        }
    }
    let sent = server.requests();
    if let Some(part) = &expect.request_has {
        assert!(sent.contains(part), "{name}: {sent}");
    }
    if let Some(part) = &expect.request_lacks {
        assert!(!sent.contains(part), "{name}: {sent}");
    }
    if let Some(again) = &expect.again {
        let result = send().await;
        let outcome = result
            .as_ref()
            .map_or_else(|error| word(error), |_| "answer");
        assert_eq!(outcome, again, "{name}, again");
    }
    if let Some(follow) = &expect.follow {
        let headers = HeaderMap::new();
        let result = egress
            .get_following(&url, &headers, &scope, &limits())
            .await;
        let outcome = result
            .as_ref()
            .map_or_else(|error| word(error), |_| "answer");
        assert_eq!(outcome, follow, "{name}, followed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_corpus_ends_as_it_says() {
    let mut running = Vec::new();
    for case in corpus::cases() {
        if let Some(expected) = case.expect.egress.clone() {
            let name = case.name.clone();
            running.push((name, tokio::spawn(check(case, expected))));
        }
    }
    assert!(running.len() >= 60);
    let mut wrong = Vec::new();
    for (name, case) in running {
        if let Err(error) = case.await {
            wrong.push(format!("{name}: {error}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
