//! JSON bodies: bounded in size and time, and refused by name.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::ApiError;
use crate::app::App;

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// A JSON body, in or out. The only way in which a handler reads a body.
pub(super) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, ApiError> {
        // HTML forms can't send this type, so no other site can make a browser post it unasked.
        if !is_json(request.headers()) {
            return Err(ApiError::NotJson);
        }
        let bytes = read(request, app.config.limits.max_body_bytes).await?;
        parse(&bytes).map(Json)
    }
}

pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE);
    let text = value.and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = text.split(';').next().unwrap_or("").trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// Reads a whole body within the limits of size and time.
pub(super) async fn read(request: Request, limit_bytes: usize) -> Result<Bytes, ApiError> {
    let collected = Limited::new(request.into_body(), limit_bytes).collect();
    let whole = tokio::time::timeout(BODY_TIMEOUT, collected).await;
    match whole {
        Err(_) => Err(ApiError::BodyTooSlow(BODY_TIMEOUT)),
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(ApiError::BodyTooLarge { limit_bytes })
        }
        Ok(Err(_)) => Err(ApiError::Invalid {
            param: None,
            code: None,
            message: "the body broke off".to_owned(),
        }),
    }
}

/// Parses a body; what serde says of it is about the client's own text, so the client may see it.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(bytes).map_err(|error| ApiError::Invalid {
        param: None,
        code: None,
        message: format!("the body does not fit: {error}"),
    })
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(bytes) => {
                let kind = HeaderValue::from_static("application/json");
                ([(header::CONTENT_TYPE, kind)], bytes).into_response()
            }
            Err(error) => ApiError::internal(error).into_response(),
        }
    }
}
