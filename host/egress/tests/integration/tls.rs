//! TLS: the name in the URL is the name that is checked, wherever the connection went.

use std::sync::Arc;

use alcove_egress::{CertificateDer, Egress, EgressConfig, EgressError, Roots};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::servers::{Scripted, limits, loopback, request};

/// A certificate authority, and a certificate of its for `name.example`, both valid until 2050.
/// Made for this test with OpenSSL; the key protects nothing.
const AUTHORITY: &str = include_str!("data/authority.pem");
const CERTIFICATE: &str = include_str!("data/name.example.pem");
const KEY: &str = include_str!("data/name.example.key");

async fn server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_no_client_auth()
    .with_single_cert(
        vec![CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap()],
        PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap(),
    )
    .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut buffer = [0; 4096];
            let _ = stream.read(&mut buffer).await;
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecure")
                .await;
            let _ = stream.shutdown().await;
        }
    });
    port
}

fn egress(roots: Roots) -> Egress {
    Egress::new(EgressConfig {
        resolver: Scripted::new(&[&["127.0.0.1"]]),
        roots,
    })
    .unwrap()
}

fn authority() -> Roots {
    Roots::Only(vec![
        CertificateDer::from_pem_slice(AUTHORITY.as_bytes()).unwrap(),
    ])
}

#[tokio::test]
async fn the_name_in_the_url_is_the_name_that_is_checked() {
    let port = server().await;
    let egress = egress(authority());
    let good = format!("https://name.example:{port}/");
    let response = egress
        .send(request(&good), &loopback(), &limits())
        .await
        .unwrap();
    assert_eq!(response.into_body().read_all().await.unwrap(), b"secure");
    // A trailing dot means the same name.
    let dotted = format!("https://name.example.:{port}/");
    assert!(
        egress
            .send(request(&dotted), &loopback(), &limits())
            .await
            .is_ok()
    );
    for other in ["other.example", "127.0.0.1", "sub.name.example"] {
        let url = format!("https://{other}:{port}/");
        let result = egress.send(request(&url), &loopback(), &limits()).await;
        assert!(
            matches!(result, Err(EgressError::Tls { .. })),
            "{other}: {:?}",
            result.map(|_| ())
        );
    }
}

#[tokio::test]
async fn an_unknown_authority_is_not_trusted() {
    let port = server().await;
    let url = format!("https://name.example:{port}/");
    let result = egress(Roots::System)
        .send(request(&url), &loopback(), &limits())
        .await;
    assert!(matches!(
        result,
        Err(EgressError::Tls { .. } | EgressError::NoRoots)
    ));
    // Plain HTTP to a server that speaks TLS is no answer either.
    let url = format!("http://name.example:{port}/");
    let result = egress(authority())
        .send(request(&url), &loopback(), &limits())
        .await;
    assert!(result.is_err());
}
