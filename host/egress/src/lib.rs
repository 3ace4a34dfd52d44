//! The only way to a URL that a guest, a model or a user named.
//!
//! A URL is parsed once, the way browsers do it, and the request is built again from what was parsed.
//! The name is resolved here; unless every answer passes the address rules nothing is connected,
//! and the connection goes to an address that was checked. Redirects are answers, not orders:
//! [`Egress::send`] hands them back, and [`Egress::get_following`] checks every hop anew.
//!
//! Connections are not reused: a connection belongs to one request and ends with its body.

mod address;
mod body;
mod connect;
mod error;
mod follow;
mod limits;
mod resolve;
mod scan;
mod send;
mod target;

use std::sync::Arc;

pub use address::{Refusal, Scope};
pub use body::{Body, BodyError, ResponseBody, empty_body, full_body};
pub use connect::Stream;
pub use error::EgressError;
pub use limits::Limits;
pub use resolve::{Resolver, Resolving, SystemResolver};
pub use rustls::pki_types::CertificateDer;
pub use scan::{
    MAX_NEEDLES, MAX_SECRET_BYTES, MIN_SECRET_BYTES, NeedleError, Needles, Scanner, check_secret,
};

/// How to build an [`Egress`].
pub struct EgressConfig {
    /// Turns names into addresses.
    pub resolver: Arc<dyn Resolver>,
    /// Whom to trust with TLS.
    pub roots: Roots,
}

impl Default for EgressConfig {
    fn default() -> EgressConfig {
        EgressConfig {
            resolver: Arc::new(SystemResolver),
            roots: Roots::System,
        }
    }
}

/// Whom to trust with TLS.
pub enum Roots {
    /// The certificate authorities of this machine.
    System,
    /// These, and no others.
    Only(Vec<CertificateDer<'static>>),
}

/// The way out. Cheap to clone.
#[derive(Clone)]
pub struct Egress {
    inner: Arc<Inner>,
}

struct Inner {
    resolver: Arc<dyn Resolver>,
    /// `None` where this machine has no certificate authorities: `https` then fails with a clear
    /// error, and everything else works.
    tls: Option<tokio_rustls::TlsConnector>,
}

impl Egress {
    /// Reads the certificate authorities and is ready to send.
    ///
    /// # Errors
    ///
    /// A certificate of [`Roots::Only`] that cannot be read.
    pub fn new(config: EgressConfig) -> Result<Egress, EgressError> {
        let tls = connect::tls_connector(config.roots)?;
        Ok(Egress {
            inner: Arc::new(Inner {
                resolver: config.resolver,
                tls,
            }),
        })
    }
}

impl std::fmt::Debug for Egress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Egress")
            .field("tls", &self.inner.tls.is_some())
            .finish_non_exhaustive()
    }
}
