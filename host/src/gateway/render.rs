//! Errors as clients see them: OpenAI's `{error}` on `/v1`, JSON-RPC's on `/mcp`, RFC 9457
//! everywhere else.

use alcove_api_types::{OpenAiError, OpenAiErrorBody, Problem};
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderValue, header};

use super::error::{ApiError, Unrendered};
use super::request_id::RequestId;
use crate::mcp::{Fault, code};

/// Gives errors of `/v1` their body.
pub(super) async fn openai_errors(request: Request, next: Next) -> Response {
    render_with(request, next, |error, _| {
        (json_bytes(&openai_body(error)), "application/json")
    })
    .await
}

/// Gives errors of `/mcp` their body: a JSON-RPC error that answers no request, since none was read.
pub(super) async fn json_rpc_errors(request: Request, next: Next) -> Response {
    render_with(request, next, |error, _| {
        let code = match error {
            ApiError::Internal(_) => code::INTERNAL,
            _ => code::INVALID_REQUEST,
        };
        let body = Fault::new(code, error.to_string()).message(None);
        (json_bytes(&body), "application/json")
    })
    .await
}

/// Gives all other errors their body.
pub(super) async fn problem_errors(request: Request, next: Next) -> Response {
    render_with(request, next, |error, id| {
        (
            json_bytes(&problem_body(error, id)),
            "application/problem+json",
        )
    })
    .await
}

async fn render_with(
    request: Request,
    next: Next,
    body: fn(&ApiError, &RequestId) -> (Vec<u8>, &'static str),
) -> Response {
    let id = RequestId::of(&request);
    let mut response = next.run(request).await;
    let Some(Unrendered(error)) = response.extensions_mut().remove::<Unrendered>() else {
        return response;
    };
    log(&error, &id);
    let (bytes, content_type) = body(&error, &id);
    *response.body_mut() = Body::from(bytes);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // The body that the length was for is gone.
    headers.remove(header::CONTENT_LENGTH);
    if let Some(after) = error.retry_after() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(whole_seconds(after)));
    }
    if error.status() == http::StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static("Bearer realm=\"alcove\"");
        headers.insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

/// The one place where an error is logged, with what the client is not told.
pub(super) fn log(error: &ApiError, id: &RequestId) {
    match error {
        ApiError::Internal(cause) => {
            let causes = chain(cause.as_ref());
            tracing::error!(request_id = %id, error = %causes, "a request failed inside");
        }
        other => {
            tracing::debug!(request_id = %id, kind = other.name(), error = %other, "a request was refused");
        }
    }
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

/// The body of an error on `/v1`; WebSockets send the same.
pub(super) fn openai_body(error: &ApiError) -> OpenAiError {
    OpenAiError {
        error: OpenAiErrorBody {
            message: error.to_string(),
            kind: error.openai_type().to_owned(),
            param: error.param().map(str::to_owned),
            code: Some(error.name().replace('-', "_")),
        },
    }
}

fn problem_body(error: &ApiError, id: &RequestId) -> Problem {
    Problem {
        kind: format!("/problems/{}", error.name()),
        title: error.title().to_owned(),
        status: error.status().as_u16(),
        detail: error.to_string(),
        instance: Some(id.to_string()),
    }
}

fn whole_seconds(duration: std::time::Duration) -> u64 {
    // Rounded up: a client that waits as told must not come too early.
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

fn json_bytes(value: &impl serde::Serialize) -> Vec<u8> {
    // Structs of strings and numbers can't fail to serialise.
    serde_json::to_vec(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use super::*;

    fn inside() -> ApiError {
        ApiError::internal(io::Error::other("/var/lib/alcove: no space left"))
    }

    #[test]
    fn what_failed_inside_stays_inside() {
        let id = RequestId::fixed("r1");
        let v1 = String::from_utf8(json_bytes(&openai_body(&inside()))).unwrap();
        let api = String::from_utf8(json_bytes(&problem_body(&inside(), &id))).unwrap();
        for body in [v1, api] {
            assert!(
                !body.contains("/var/lib") && !body.contains("space"),
                "{body}"
            );
        }
        let causes = chain(&inside());
        assert!(
            causes.ends_with("/var/lib/alcove: no space left"),
            "{causes}"
        );
    }

    #[test]
    fn waits_are_rounded_up() {
        assert_eq!(whole_seconds(Duration::from_millis(1)), 1);
        assert_eq!(whole_seconds(Duration::from_secs(2)), 2);
    }
}
