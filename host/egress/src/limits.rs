//! The limits of one request.

use std::time::Duration;

/// The limits of one request, each with an error of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// For resolving the name, connecting and TLS together.
    pub connect: Duration,
    /// From the request's first byte to the head of the response.
    pub first_byte: Duration,
    /// Between two pieces of the response's body.
    pub idle: Duration,
    /// For everything, to the last byte of the body.
    pub total: Duration,
    /// The head of the response; at least 8 KiB.
    pub header_bytes: usize,
    /// The number of headers in the response.
    pub headers: usize,
    /// The request's body.
    pub request_bytes: u64,
    /// The response's body, as it comes over the wire.
    pub response_bytes: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(30),
            idle: Duration::from_secs(30),
            total: Duration::from_secs(60),
            header_bytes: 64 << 10,
            headers: 128,
            request_bytes: 1 << 20,
            response_bytes: 16 << 20,
        }
    }
}
