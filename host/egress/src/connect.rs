//! From a target to a connection to an address that was checked.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::address::{self, Scope};
use crate::error::EgressError;
use crate::resolve::MAX_ANSWERS;
use crate::target::{Place, Target};
use crate::{Inner, Roots};

/// A connection, secure or not.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// TLS with the given roots, HTTP/1.1 only; nothing where this machine has no roots.
pub(crate) fn tls_connector(roots: Roots) -> Result<Option<TlsConnector>, EgressError> {
    let mut store = RootCertStore::empty();
    match roots {
        Roots::System => {
            let found = rustls_native_certs::load_native_certs();
            for error in &found.errors {
                tracing::warn!(%error, "some certificate authorities of this machine cannot be read");
            }
            store.add_parsable_certificates(found.certs);
            if store.is_empty() {
                return Ok(None);
            }
        }
        Roots::Only(certificates) => {
            for certificate in certificates {
                store.add(certificate).map_err(EgressError::Root)?;
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(EgressError::Root)?
        .with_root_certificates(store)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Some(TlsConnector::from(Arc::new(config))))
}

impl Inner {
    /// Every address of the target, all of them checked.
    async fn addresses(&self, target: &Target, scope: &Scope) -> Result<Vec<IpAddr>, EgressError> {
        let addresses = match &target.place {
            Place::Address(address) => vec![*address],
            Place::Name(name) => {
                self.resolver
                    .resolve(name)
                    .await
                    .map_err(|source| EgressError::Resolve {
                        host: target.name.clone(),
                        source,
                    })?
            }
        };
        if addresses.is_empty() || addresses.len() > MAX_ANSWERS {
            return Err(EgressError::Resolve {
                host: target.name.clone(),
                source: io::Error::other(format!("{} answers", addresses.len())),
            });
        }
        for address in &addresses {
            address::check(*address, scope).map_err(|refusal| EgressError::Address {
                host: target.name.clone(),
                address: *address,
                refusal,
            })?;
        }
        Ok(addresses)
    }

    /// A connection to one of the target's addresses, with TLS where the URL says so.
    pub(crate) async fn connect(
        &self,
        target: &Target,
        scope: &Scope,
    ) -> Result<Box<dyn Stream>, EgressError> {
        let addresses = self.addresses(target, scope).await?;
        let stream = self.tcp(target, scope, &addresses).await?;
        if !target.tls {
            return Ok(Box::new(stream));
        }
        let tls = self.tls.as_ref().ok_or(EgressError::NoRoots)?;
        let server = match &target.place {
            Place::Address(address) => ServerName::IpAddress((*address).into()),
            Place::Name(name) => ServerName::try_from(name.clone())
                .map_err(|_| EgressError::Url("its host is not a name that TLS knows"))?,
        };
        let stream: Pin<Box<dyn Future<Output = io::Result<_>> + Send>> =
            Box::pin(tls.connect(server, stream));
        let stream = stream.await.map_err(|source| EgressError::Tls {
            host: target.name.clone(),
            source,
        })?;
        Ok(Box::new(stream))
    }

    async fn tcp(
        &self,
        target: &Target,
        scope: &Scope,
        addresses: &[IpAddr],
    ) -> Result<TcpStream, EgressError> {
        let mut last = io::Error::from(io::ErrorKind::NotConnected);
        for address in addresses {
            let address = SocketAddr::new(*address, target.port);
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    // What the kernel connected is checked again: a transparent proxy or a socket
                    // option must not move the connection elsewhere.
                    let peer = stream.peer_addr().map_err(|source| EgressError::Connect {
                        host: target.name.clone(),
                        source,
                    })?;
                    if peer != address || address::check(peer.ip(), scope).is_err() {
                        return Err(EgressError::Peer {
                            host: target.name.clone(),
                        });
                    }
                    // Small requests should not wait for an acknowledgement.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "TCP_NODELAY was not set");
                    }
                    return Ok(stream);
                }
                Err(error) => last = error,
            }
        }
        Err(EgressError::Connect {
            host: target.name.clone(),
            source: last,
        })
    }
}
