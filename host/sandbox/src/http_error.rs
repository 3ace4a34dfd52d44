//! What a guest is told where a request of its own has no answer.

use alcove_egress::EgressError;
use serde::{Deserialize, Serialize};
use wasmtime_wasi_http::Error;

/// The errors of `wasi:http` that this host gives, in a form that a record can hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum HttpError {
    DnsError,
    IpProhibited,
    ConnectionRefused,
    ConnectionTimeout,
    ConnectionLimit,
    TlsCertificate,
    RequestDenied,
    RequestMethod,
    RequestUri,
    RequestBodySize(Option<u64>),
    ResponseIncomplete,
    ResponseHeaderSize,
    ResponseBodySize(Option<u64>),
    ResponseTimeout,
    Protocol,
    Internal,
}

impl From<&Error> for HttpError {
    fn from(error: &Error) -> HttpError {
        match error {
            Error::DnsError { .. } => HttpError::DnsError,
            Error::DestinationIpProhibited => HttpError::IpProhibited,
            Error::ConnectionRefused => HttpError::ConnectionRefused,
            Error::ConnectionTimeout => HttpError::ConnectionTimeout,
            Error::ConnectionLimitReached => HttpError::ConnectionLimit,
            Error::TlsCertificateError => HttpError::TlsCertificate,
            Error::HttpRequestDenied => HttpError::RequestDenied,
            Error::HttpRequestMethodInvalid => HttpError::RequestMethod,
            Error::HttpRequestUriInvalid => HttpError::RequestUri,
            Error::HttpRequestBodySize(size) => HttpError::RequestBodySize(*size),
            Error::HttpResponseIncomplete => HttpError::ResponseIncomplete,
            Error::HttpResponseHeaderSectionSize(_) => HttpError::ResponseHeaderSize,
            Error::HttpResponseBodySize(size) => HttpError::ResponseBodySize(*size),
            Error::HttpResponseTimeout => HttpError::ResponseTimeout,
            Error::HttpProtocolError => HttpError::Protocol,
            _ => HttpError::Internal,
        }
    }
}

impl From<HttpError> for Error {
    fn from(error: HttpError) -> Error {
        match error {
            HttpError::DnsError => Error::DnsError {
                rcode: None,
                info_code: None,
            },
            HttpError::IpProhibited => Error::DestinationIpProhibited,
            HttpError::ConnectionRefused => Error::ConnectionRefused,
            HttpError::ConnectionTimeout => Error::ConnectionTimeout,
            HttpError::ConnectionLimit => Error::ConnectionLimitReached,
            HttpError::TlsCertificate => Error::TlsCertificateError,
            HttpError::RequestDenied => Error::HttpRequestDenied,
            HttpError::RequestMethod => Error::HttpRequestMethodInvalid,
            HttpError::RequestUri => Error::HttpRequestUriInvalid,
            HttpError::RequestBodySize(size) => Error::HttpRequestBodySize(size),
            HttpError::ResponseIncomplete => Error::HttpResponseIncomplete,
            HttpError::ResponseHeaderSize => Error::HttpResponseHeaderSectionSize(None),
            HttpError::ResponseBodySize(size) => Error::HttpResponseBodySize(size),
            HttpError::ResponseTimeout => Error::HttpResponseTimeout,
            HttpError::Protocol => Error::HttpProtocolError,
            HttpError::Internal => Error::InternalError(None),
        }
    }
}

/// Why the egress sent nothing or brought nothing, in the words of `wasi:http`.
pub(crate) fn guest_error(error: &EgressError) -> Error {
    match error {
        EgressError::Url(_) => Error::HttpRequestUriInvalid,
        EgressError::Method(_) => Error::HttpRequestMethodInvalid,
        EgressError::Address { .. } | EgressError::Peer { .. } => Error::DestinationIpProhibited,
        EgressError::Resolve { .. } => Error::DnsError {
            rcode: None,
            info_code: None,
        },
        EgressError::Connect { .. } => Error::ConnectionRefused,
        EgressError::Tls { .. } | EgressError::NoRoots | EgressError::Root(_) => {
            Error::TlsCertificateError
        }
        EgressError::Timeout { what, .. } if *what == "connecting" => Error::ConnectionTimeout,
        EgressError::Timeout { .. } => Error::HttpResponseTimeout,
        EgressError::HeadersTooLarge { .. } => Error::HttpResponseHeaderSectionSize(None),
        EgressError::ResponseTooLarge { limit } => Error::HttpResponseBodySize(Some(*limit)),
        EgressError::RequestTooLarge { limit } => Error::HttpRequestBodySize(Some(*limit)),
        EgressError::Incomplete => Error::HttpResponseIncomplete,
        _ => Error::HttpProtocolError,
    }
}
