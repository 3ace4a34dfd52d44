//! What a guest is told where a request of its own has no answer.

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
