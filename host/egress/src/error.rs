//! What can go wrong on the way out. No text here comes from the other side.

use std::net::IpAddr;
use std::time::Duration;

use crate::address::Refusal;

/// Why a request got no answer, or an answer no end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EgressError {
    /// The URL is not one that can be asked.
    #[error("the URL cannot be requested: {0}")]
    Url(&'static str),
    /// The method is not one that can be sent.
    #[error("the method {0} cannot be sent")]
    Method(String),
    /// An address that the name stands for may not be reached. Nothing was connected.
    #[error("{host} stands for {address}, which is refused: {refusal}")]
    Address {
        /// The host as the URL names it.
        host: String,
        /// The address that was refused.
        address: IpAddr,
        /// Why.
        refusal: Refusal,
    },
    /// The name does not resolve.
    #[error("the name {host} does not resolve")]
    Resolve {
        /// The host as the URL names it.
        host: String,
        /// What the resolver said.
        source: std::io::Error,
    },
    /// No address could be connected to.
    #[error("could not connect to {host}")]
    Connect {
        /// The host as the URL names it.
        host: String,
        /// What the last attempt said.
        source: std::io::Error,
    },
    /// The connection ended at an address that was not the one that was checked.
    #[error("the connection to {host} reached another address than the one that was checked")]
    Peer {
        /// The host as the URL names it.
        host: String,
    },
    /// TLS did not come about.
    #[error("no secure connection to {host}")]
    Tls {
        /// The host as the URL names it.
        host: String,
        /// What TLS said.
        source: std::io::Error,
    },
    /// This machine has no certificate authorities.
    #[error("this machine has no certificate authorities; install the package ca-certificates")]
    NoRoots,
    /// A certificate authority that was given cannot be read.
    #[error("a certificate authority cannot be read")]
    Root(#[source] rustls::Error),
    /// A time limit was reached.
    #[error("{what} took longer than {} s", limit.as_secs_f32())]
    Timeout {
        /// Which: `connecting`, `the first byte`, `a piece of the body` or `the request`.
        what: &'static str,
        /// What was allowed.
        limit: Duration,
    },
    /// The head of the response is larger than allowed.
    #[error("the response's headers are larger than {limit} bytes")]
    HeadersTooLarge {
        /// What was allowed, in bytes.
        limit: usize,
    },
    /// The response's body is larger than allowed.
    #[error("the response is larger than {limit} bytes")]
    ResponseTooLarge {
        /// What was allowed.
        limit: u64,
    },
    /// The request's body is larger than allowed.
    #[error("the request is larger than {limit} bytes")]
    RequestTooLarge {
        /// What was allowed.
        limit: u64,
    },
    /// The connection was closed before the response was complete.
    #[error("the connection was closed before the response was complete")]
    Incomplete,
    /// The other side does not speak HTTP as it should.
    #[error("the other side does not speak HTTP/1.1 as it should")]
    Protocol(#[source] hyper::Error),
    /// The request's body could not be produced.
    #[error("the request's body failed")]
    RequestBody(#[source] crate::body::BodyError),
    /// Too many redirects, or one that cannot be followed.
    #[error("the redirect cannot be followed: {0}")]
    Redirect(&'static str),
}
