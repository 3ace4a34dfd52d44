//! URLs and names that mean no good.

use alcove_egress::{EgressError, Refusal, Scope};

use crate::servers::{Scripted, Server, body, egress, get, limits, loopback, request, resolving};

/// What has to come of a URL in [`Scope::Public`].
enum Expect {
    /// Refused as a URL.
    Url,
    /// Refused for its address.
    Address(Refusal),
}

use Expect::{Address, Url};
use Refusal::{Metadata, NotPublic};

const HOSTILE: &[(&str, Expect)] = &[
    // Names that are addresses, in every spelling that a parser somewhere accepts.
    ("http://127.0.0.1/", Address(NotPublic)),
    ("http://127.1/", Address(NotPublic)),
    ("http://127.0.1/", Address(NotPublic)),
    ("http://2130706433/", Address(NotPublic)),
    ("http://0x7f000001/", Address(NotPublic)),
    ("http://0X7F.0.0.1/", Address(NotPublic)),
    ("http://0177.0.0.1/", Address(NotPublic)),
    ("http://017700000001/", Address(NotPublic)),
    ("http://127.0.0.1./", Address(NotPublic)),
    ("http://%31%32%37.0.0.1/", Address(NotPublic)),
    ("http://0/", Address(NotPublic)),
    ("http://0.0.0.0/", Address(NotPublic)),
    ("http://10.0.0.1/", Address(NotPublic)),
    ("http://100.64.1.1/", Address(NotPublic)),
    ("http://172.16.0.1/", Address(NotPublic)),
    ("http://192.168.0.1/", Address(NotPublic)),
    ("http://198.18.0.1/", Address(NotPublic)),
    ("http://224.0.0.1/", Address(NotPublic)),
    ("http://255.255.255.255/", Address(NotPublic)),
    ("http://[::1]/", Address(NotPublic)),
    ("http://[::]/", Address(NotPublic)),
    ("http://[::ffff:127.0.0.1]/", Address(NotPublic)),
    ("http://[::ffff:7f00:1]/", Address(NotPublic)),
    ("http://[0:0:0:0:0:ffff:127.0.0.1]/", Address(NotPublic)),
    ("http://[::127.0.0.1]/", Address(NotPublic)),
    ("http://[64:ff9b::7f00:1]/", Address(NotPublic)),
    ("http://[2002:7f00:1::]/", Address(NotPublic)),
    ("http://[fc00::1]/", Address(NotPublic)),
    ("http://[ff02::1]/", Address(NotPublic)),
    // Metadata services.
    (
        "http://169.254.169.254/latest/meta-data/",
        Address(Metadata),
    ),
    ("http://2852039166/", Address(Metadata)),
    ("http://0xa9fea9fe/", Address(Metadata)),
    ("http://0251.0376.0251.0376/", Address(Metadata)),
    ("http://169.254.170.2/", Address(Metadata)),
    ("http://[::ffff:169.254.169.254]/", Address(Metadata)),
    ("http://[fd00:ec2::254]/", Address(Metadata)),
    ("http://[fe80::1]/", Address(Metadata)),
    ("http://100.100.100.200/", Address(Metadata)),
    // Letters that normalise to digits, dots and slashes.
    ("http://①②⑦.⓪.⓪.①/", Address(NotPublic)),
    ("http://１６９.254.169.254/", Address(Metadata)),
    ("http://169。254。169。254/", Address(Metadata)),
    // Backslashes and control characters, as browsers read them.
    ("http:\\\\127.0.0.1\\", Address(NotPublic)),
    ("http://127.0.0.1\\@example.org/", Address(NotPublic)),
    ("http://127.0.0.1#@example.org/", Address(NotPublic)),
    ("http://127.0.0.1?@example.org/", Address(NotPublic)),
    ("ht\ttp://127.0.0.1/", Address(NotPublic)),
    // User names hide where a URL goes.
    ("http://example.org@127.0.0.1/", Url),
    ("http://user:pass@example.org/", Url),
    ("http://:@127.0.0.1/", Address(NotPublic)),
    ("https://example.org%40127.0.0.1/", Url),
    // Other schemes, and no URL at all.
    ("ftp://example.org/", Url),
    ("file:///etc/passwd", Url),
    ("gopher://127.0.0.1:70/", Url),
    ("javascript:alert(1)", Url),
    ("data:text/plain,x", Url),
    ("//example.org/", Url),
    ("http://", Url),
    ("http://[::1", Url),
    ("http://256.256.256.256/", Url),
    ("http://1.2.3.4.5/", Url),
    ("http://example.org:0/", Url),
    ("http://example.org:99999/", Url),
    ("http://exa\0mple.org/", Url),
    ("http://xn--/", Url),
];

#[tokio::test]
async fn a_hostile_url_is_refused_before_anything_is_connected() {
    let egress = egress();
    for (url, expected) in HOSTILE {
        // `http::Uri` refuses many of these itself; what it lets through is refused here.
        let result = egress
            .get_following(
                &match url::Url::parse(url) {
                    Ok(url) => url,
                    Err(_) if matches!(expected, Url) => continue,
                    Err(error) => panic!("{url}: {error}"),
                },
                &http::HeaderMap::new(),
                &Scope::Public,
                &limits(),
            )
            .await
            .map(|_| ());
        match (expected, result) {
            (Url, Err(EgressError::Url(_))) => {}
            (Address(expected), Err(EgressError::Address { refusal, .. })) => {
                assert_eq!(&refusal, expected, "{url}");
            }
            (_, result) => panic!("{url}: {result:?}"),
        }
        if let Ok(uri) = url.parse::<http::Uri>() {
            let mut request = request("http://example.org/");
            *request.uri_mut() = uri;
            let result = egress.send(request, &Scope::Public, &limits()).await;
            assert!(
                matches!(
                    result,
                    Err(EgressError::Url(_) | EgressError::Address { .. })
                ),
                "{url}"
            );
        }
    }
}

#[tokio::test]
async fn metadata_stays_closed_when_everything_is_listed() {
    let everything = Scope::Listed(vec!["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()]);
    for scope in [everything, Scope::Configured] {
        for url in ["http://169.254.169.254/", "http://[fd00:ec2::254]/"] {
            let result = egress().send(request(url), &scope, &limits()).await;
            assert!(
                matches!(
                    result,
                    Err(EgressError::Address {
                        refusal: Metadata,
                        ..
                    })
                ),
                "{url} {scope:?}"
            );
        }
    }
}

#[tokio::test]
async fn one_bad_answer_among_good_ones_is_a_refusal() {
    let server = Server::answer("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let egress = resolving(Scripted::new(&[&["127.0.0.1", "10.0.0.1"]]));
    let url = format!("http://name.example:{}/", server.port);
    let result = egress.send(request(&url), &loopback(), &limits()).await;
    let Err(EgressError::Address { address, host, .. }) = result else {
        panic!("not refused");
    };
    assert_eq!(address.to_string(), "10.0.0.1");
    assert_eq!(host, "name.example");
    assert_eq!(server.connections(), 0);

    let egress = resolving(Scripted::new(&[&["8.8.8.8", "169.254.169.254"]]));
    let result = egress
        .send(request("http://name.example/"), &Scope::Public, &limits())
        .await;
    assert!(matches!(
        result,
        Err(EgressError::Address {
            refusal: Metadata,
            ..
        })
    ));
}

#[tokio::test]
async fn a_name_is_resolved_once_and_what_was_checked_is_connected() {
    let server = Server::answer("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    // The second answer would be another address; there must be no second question.
    let resolver = Scripted::new(&[&["127.0.0.1"], &["10.0.0.1"]]);
    let egress = resolving(resolver.clone());
    let url = format!("http://name.example:{}/", server.port);
    let response = egress
        .send(request(&url), &loopback(), &limits())
        .await
        .unwrap();
    assert_eq!(response.into_body().read_all().await.unwrap(), b"ok");
    assert_eq!(resolver.asked(), 1);
    assert!(server.requests()[0].contains(&format!("host: name.example:{}\r\n", server.port)));
    // The next request asks again, and is refused.
    let result = egress.send(request(&url), &loopback(), &limits()).await;
    assert!(matches!(result, Err(EgressError::Address { .. })));
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn names_that_do_not_resolve_or_resolve_to_too_much_are_errors() {
    let many: Vec<String> = (0..100).map(|n| format!("127.0.0.{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for answers in [&[][..], &many[..]] {
        let egress = resolving(Scripted::new(&[answers]));
        let result = egress
            .send(request("http://name.example/"), &loopback(), &limits())
            .await;
        assert!(matches!(result, Err(EgressError::Resolve { .. })));
    }
    let result = get("http://127.0.0.1:1/").await;
    assert!(matches!(result, Err(EgressError::Connect { .. })));
}

#[tokio::test]
async fn a_second_address_is_tried_when_the_first_is_not_there() {
    let server = Server::answer("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let egress = resolving(Scripted::new(&[&["127.0.0.77", "127.0.0.1"]]));
    let url = format!("http://name.example:{}/", server.port);
    let response = egress.send(request(&url), &loopback(), &limits()).await;
    assert_eq!(response.unwrap().status(), 200);
}

#[tokio::test]
async fn headers_about_the_connection_are_ours() {
    let server = Server::answer("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let mut request = request(&server.url("/x"));
    for (name, value) in [
        ("host", "evil.example"),
        ("connection", "keep-alive, x-named"),
        ("x-named", "1"),
        ("proxy-authorization", "secret"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("te", "trailers"),
        ("x-kept", "yes"),
    ] {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    egress()
        .send(request, &loopback(), &limits())
        .await
        .unwrap();
    let sent = server.requests()[0].to_ascii_lowercase();
    assert!(sent.starts_with("get /x http/1.1\r\n"), "{sent}");
    assert!(
        sent.contains(&format!("host: 127.0.0.1:{}\r\n", server.port)),
        "{sent}"
    );
    assert!(sent.contains("connection: close\r\n"), "{sent}");
    assert!(sent.contains("x-kept: yes\r\n"), "{sent}");
    for gone in [
        "evil", "x-named", "secret", "chunked", "upgrade", "trailers",
    ] {
        assert!(!sent.contains(gone), "{gone}: {sent}");
    }
}

#[tokio::test]
async fn methods_that_are_not_requests_are_refused() {
    for method in ["CONNECT", "TRACE"] {
        let mut request = request("http://127.0.0.1:1/");
        *request.method_mut() = method.parse().unwrap();
        let result = egress().send(request, &loopback(), &limits()).await;
        assert!(matches!(result, Err(EgressError::Method(_))), "{method}");
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let server = Server::answer(
        "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n",
    )
    .await;
    let response = get(&server.url("/")).await.unwrap();
    assert_eq!(response.status(), 302);
    assert_eq!(body(&server.url("/")).await.unwrap(), "");
}
