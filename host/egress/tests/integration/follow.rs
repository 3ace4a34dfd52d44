//! Redirects, followed for the host.

use alcove_egress::{EgressError, Scope};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use url::Url;

use crate::servers::{Server, egress, limits, loopback};

async fn follow(url: &str, headers: &HeaderMap) -> Result<(Url, Vec<u8>), EgressError> {
    let url = Url::parse(url).unwrap();
    let (url, response) = egress()
        .get_following(&url, headers, &loopback(), &limits())
        .await?;
    Ok((url, response.into_body().read_all().await?))
}

fn redirect(to: &str) -> String {
    format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n")
}

#[tokio::test]
async fn a_chain_leads_to_its_end_without_the_credentials_of_its_start() {
    let end = Server::answer("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nend").await;
    let middle = Server::answer(&redirect(&end.url("/file?x=1"))).await;
    let start = Server::answer(&redirect(&middle.url("/"))).await;
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, "Bearer secret".parse().unwrap());
    headers.insert("range", "bytes=5-".parse().unwrap());
    let (url, body) = follow(&start.url("/"), &headers).await.unwrap();
    assert_eq!(url.as_str(), end.url("/file?x=1"));
    assert_eq!(body, b"end");
    assert!(start.requests()[0].contains("secret"));
    for other in [&middle, &end] {
        assert!(!other.requests()[0].contains("secret"));
        assert!(other.requests()[0].contains("range: bytes=5-"));
    }
}

#[tokio::test]
async fn a_relative_redirect_stays_where_it_is() {
    let server = Server::answer(&redirect("/next")).await;
    let result = follow(&server.url("/first"), &HeaderMap::new()).await;
    assert!(
        matches!(result, Err(EgressError::Redirect(_))),
        "{result:?}"
    );
    assert!(server.requests()[1].starts_with("GET /next "));
}

#[tokio::test]
async fn a_loop_ends() {
    let server = Server::answer(&redirect("/")).await;
    let result = follow(&server.url("/"), &HeaderMap::new()).await;
    assert!(
        matches!(
            result,
            Err(EgressError::Redirect("there are too many in a row"))
        ),
        "{result:?}"
    );
    assert_eq!(server.connections(), 9);
}

#[tokio::test]
async fn every_hop_is_checked() {
    for (to, scope) in [
        ("http://169.254.169.254/", Scope::Configured),
        ("http://10.0.0.1/", loopback()),
        ("http://user@127.0.0.1/", loopback()),
        ("file:///etc/passwd", loopback()),
        ("http://[::1", loopback()),
    ] {
        let server = Server::answer(&redirect(to)).await;
        let url = Url::parse(&server.url("/")).unwrap();
        let result = egress()
            .get_following(&url, &HeaderMap::new(), &scope, &limits())
            .await;
        assert!(
            matches!(
                result,
                Err(EgressError::Address { .. } | EgressError::Url(_) | EgressError::Redirect(_))
            ),
            "{to}: {:?}",
            result.map(|_| ())
        );
    }
}
