//! One error for all handlers. What it looks like depends on where it happened: see
//! [`super::render`].

use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::runs::INSUFFICIENT_QUOTA;

/// Why a request was not answered. What a variant holds is fit for clients, except the cause of
/// [`ApiError::Internal`], which goes to the log alone.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error("{message}")]
    Invalid {
        /// The field at fault.
        param: Option<String>,
        /// A finer code, for programs.
        code: Option<&'static str>,
        message: String,
    },
    #[error("{message}")]
    Unprocessable {
        param: Option<String>,
        message: String,
    },
    #[error("sign in first, or send an API key as `Authorization: Bearer alc_…`")]
    SignedOut,
    #[error("{0}")]
    WrongCredential(&'static str),
    #[error("only an administrator may do this")]
    NotAdmin,
    #[error(
        "this API key has policies, so it uses tools and reads, and changes nothing here: use a key without, or sign in"
    )]
    KeyNarrowed,
    #[error("this request came from another site: {0}")]
    CrossSite(&'static str),
    #[error(
        "this server does not answer to the host name {0:?}: add it to `allowed_hosts` in alcove.toml, or set `public_url`"
    )]
    UnknownHost(String),
    #[error("{0}")]
    NotFound(String),
    #[error("this address answers other methods only")]
    MethodNotAllowed,
    #[error("{0}")]
    Conflict(String),
    #[error(
        "the body is larger than {limit_bytes} bytes, the most this server takes (`limits.body`)"
    )]
    BodyTooLarge { limit_bytes: usize },
    #[error("the body took longer than {} s to arrive", .0.as_secs())]
    BodyTooSlow(Duration),
    #[error("send JSON, with the header `content-type: application/json`")]
    NotJson,
    #[error("{message}")]
    TooMany {
        message: String,
        retry_after: Duration,
    },
    #[error("{message}")]
    OverQuota {
        message: String,
        /// Until it starts anew.
        retry_after: Duration,
    },
    #[error("{message}")]
    Unavailable {
        message: String,
        retry_after: Option<Duration>,
    },
    #[error("{message}")]
    ResponseFailed {
        /// What the run says of it, as in a response's `error`.
        message: String,
    },
    #[error("something went wrong inside the server; its log says more under this request's id")]
    Internal(#[source] Cause),
}

/// What went wrong inside, with its own chain of causes.
pub(crate) type Cause = Arc<dyn std::error::Error + Send + Sync>;

impl ApiError {
    pub(crate) fn invalid(param: &str, message: impl Into<String>) -> ApiError {
        ApiError::Invalid {
            param: Some(param.to_owned()),
            code: None,
            message: message.into(),
        }
    }

    pub(crate) fn internal(cause: impl std::error::Error + Send + Sync + 'static) -> ApiError {
        ApiError::Internal(Arc::new(cause))
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            ApiError::Invalid { .. } => StatusCode::BAD_REQUEST,
            ApiError::Unprocessable { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            ApiError::SignedOut | ApiError::WrongCredential(_) => StatusCode::UNAUTHORIZED,
            ApiError::NotAdmin | ApiError::KeyNarrowed | ApiError::CrossSite(_) => {
                StatusCode::FORBIDDEN
            }
            ApiError::UnknownHost(_) => StatusCode::MISDIRECTED_REQUEST,
            ApiError::NotFound(_) => StatusCode::NOT_FOUND,
            ApiError::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            ApiError::Conflict(_) => StatusCode::CONFLICT,
            ApiError::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            ApiError::BodyTooSlow(_) => StatusCode::REQUEST_TIMEOUT,
            ApiError::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ApiError::TooMany { .. } | ApiError::OverQuota { .. } => StatusCode::TOO_MANY_REQUESTS,
            ApiError::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            ApiError::ResponseFailed { .. } | ApiError::Internal(_) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }

    /// A stable name: the end of a problem's `type`, and OpenAI's `code`.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            ApiError::Invalid {
                code: Some(code), ..
            } => code,
            ApiError::Invalid { .. } => "invalid-request",
            ApiError::Unprocessable { .. } => "unprocessable",
            ApiError::SignedOut => "signed-out",
            ApiError::WrongCredential(_) => "wrong-credential",
            ApiError::NotAdmin => "not-admin",
            ApiError::KeyNarrowed => "key-narrowed",
            ApiError::CrossSite(_) => "cross-site",
            ApiError::UnknownHost(_) => "unknown-host",
            ApiError::NotFound(_) => "not-found",
            ApiError::MethodNotAllowed => "method-not-allowed",
            ApiError::Conflict(_) => "conflict",
            ApiError::BodyTooLarge { .. } => "body-too-large",
            ApiError::BodyTooSlow(_) => "body-too-slow",
            ApiError::NotJson => "not-json",
            ApiError::TooMany { .. } => "too-many-requests",
            // OpenAI's word for it.
            ApiError::OverQuota { .. } => "insufficient-quota",
            ApiError::Unavailable { .. } => "unavailable",
            ApiError::ResponseFailed { .. } => "response-failed",
            ApiError::Internal(_) => "internal",
        }
    }

    /// The same for every problem of this name.
    pub(crate) fn title(&self) -> &'static str {
        match self {
            ApiError::Invalid { .. } => "The request is not valid",
            ApiError::Unprocessable { .. } => "The request can't be carried out as it stands",
            ApiError::SignedOut => "Not signed in",
            ApiError::WrongCredential(_) => "The credential is not valid",
            ApiError::NotAdmin => "For administrators only",
            ApiError::KeyNarrowed => "The key may not do this",
            ApiError::CrossSite(_) => "The request came from another site",
            ApiError::UnknownHost(_) => "Unknown host name",
            ApiError::NotFound(_) => "Not found",
            ApiError::MethodNotAllowed => "Method not allowed",
            ApiError::Conflict(_) => "In conflict with what is there",
            ApiError::BodyTooLarge { .. } => "The body is too large",
            ApiError::BodyTooSlow(_) => "The body came too slowly",
            ApiError::NotJson => "The body is not JSON",
            ApiError::TooMany { .. } => "Too many requests",
            ApiError::OverQuota { .. } => "The day's quota is used up",
            ApiError::Unavailable { .. } => "Not available now",
            ApiError::ResponseFailed { .. } => "The response failed",
            ApiError::Internal(_) => "Internal error",
        }
    }

    /// OpenAI's `type`.
    pub(crate) fn openai_type(&self) -> &'static str {
        match self {
            ApiError::SignedOut | ApiError::WrongCredential(_) => "authentication_error",
            ApiError::NotAdmin | ApiError::KeyNarrowed | ApiError::CrossSite(_) => {
                "permission_error"
            }
            ApiError::NotFound(_) => "not_found",
            ApiError::TooMany { .. } => "too_many_requests",
            ApiError::OverQuota { .. } => INSUFFICIENT_QUOTA,
            ApiError::ResponseFailed { .. } => "model_error",
            ApiError::Unavailable { .. } | ApiError::Internal(_) => "server_error",
            _ => "invalid_request",
        }
    }

    pub(crate) fn param(&self) -> Option<&str> {
        match self {
            ApiError::Invalid { param, .. } | ApiError::Unprocessable { param, .. } => {
                param.as_deref()
            }
            _ => None,
        }
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            ApiError::TooMany { retry_after, .. } | ApiError::OverQuota { retry_after, .. } => {
                Some(*retry_after)
            }
            ApiError::Unavailable { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// The error on its way out: the layer of the route's family gives it its body.
#[derive(Clone)]
pub(crate) struct Unrendered(pub(crate) Arc<ApiError>);

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut response = status.into_response();
        response.extensions_mut().insert(Unrendered(Arc::new(self)));
        response
    }
}
