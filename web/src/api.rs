//! Requests to the server.

use alcove_api_types::{
    Answer, Answered, ApiKey, Binding, Conversation, ConversationPage, CreateApiKey,
    CreateResponse, CreatedApiKey, Me, OpenAiError, Plugin, Problem, Readiness, RenameConversation,
    Response, Revoked, SetUp, SignIn,
};
use leptos::prelude::window;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Headers, RequestInit};

/// Rows of the conversation list in one request.
const PAGE_ROWS: u32 = 50;

/// Why a request did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ApiError {
    /// No answer came.
    Unreachable,
    /// The session is over.
    SignedOut,
    /// The server refused, in its own words.
    Refused { status: u16, message: String },
}

impl ApiError {
    /// What happened and what to do.
    pub(crate) fn message(&self) -> String {
        match self {
            ApiError::Unreachable => {
                "The server does not answer. Check that it runs and try again.".to_owned()
            }
            ApiError::SignedOut => "Your session is over. Sign in again.".to_owned(),
            ApiError::Refused { message, .. } => message.clone(),
        }
    }

    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, ApiError::Refused { status: 404, .. })
    }
}

pub(crate) type Result<T> = std::result::Result<T, ApiError>;

/// `GET /api/me`.
pub(crate) async fn me() -> Result<Me> {
    json("GET", "/api/me", None, None).await
}

/// `POST /api/session`: a wrong password is a refusal here, not the end of a session.
pub(crate) async fn sign_in(body: &SignIn) -> Result<()> {
    let (status, text) = send("POST", "/api/session", encode(body), None).await?;
    accept(status, &text)
}

/// `DELETE /api/session`.
pub(crate) async fn sign_out() -> Result<()> {
    empty("DELETE", "/api/session", None).await
}

/// `POST /api/setup`.
pub(crate) async fn set_up(body: &SetUp) -> Result<()> {
    let (status, text) = send("POST", "/api/setup", encode(body), None).await?;
    accept(status, &text)
}

/// `GET /readyz`, which answers with a body whatever its status.
pub(crate) async fn readiness() -> Result<Readiness> {
    let (status, text) = send("GET", "/readyz", None, None).await?;
    serde_json::from_str(&text).map_err(|_| ApiError::Refused {
        status,
        message: "The server does not say whether it is ready.".to_owned(),
    })
}

/// `GET /api/conversations`.
pub(crate) async fn conversations(cursor: Option<&str>) -> Result<ConversationPage> {
    let mut path = format!("/api/conversations?limit={PAGE_ROWS}");
    if let Some(cursor) = cursor {
        path.push_str("&cursor=");
        path.push_str(&String::from(js_sys::encode_uri_component(cursor)));
    }
    json("GET", &path, None, None).await
}

/// `GET /api/conversations/{id}`.
pub(crate) async fn conversation(id: &str) -> Result<Conversation> {
    json("GET", &format!("/api/conversations/{id}"), None, None).await
}

/// `PATCH /api/conversations/{id}`.
pub(crate) async fn rename(id: &str, title: &str) -> Result<()> {
    let body = RenameConversation {
        title: title.to_owned(),
    };
    empty("PATCH", &format!("/api/conversations/{id}"), encode(&body)).await
}

/// `DELETE /api/conversations/{id}`.
pub(crate) async fn delete_conversation(id: &str) -> Result<()> {
    empty("DELETE", &format!("/api/conversations/{id}"), None).await
}

/// `POST /v1/responses`. The key makes a repeated request the same run.
pub(crate) async fn create_response(body: &CreateResponse, key: &str) -> Result<Response> {
    json("POST", "/v1/responses", encode(body), Some(key)).await
}

/// `GET /v1/responses/{id}`.
pub(crate) async fn response(id: &str) -> Result<Response> {
    json("GET", &format!("/v1/responses/{id}"), None, None).await
}

/// `POST /v1/responses/{id}/cancel`.
pub(crate) async fn cancel(id: &str) -> Result<()> {
    empty("POST", &format!("/v1/responses/{id}/cancel"), None).await
}

/// `POST /api/approvals/{id}`: what the person says to a call that waits.
pub(crate) async fn answer(id: &str, answer: &Answer) -> Result<Answered> {
    json(
        "POST",
        &format!("/api/approvals/{id}"),
        encode(answer),
        None,
    )
    .await
}

/// `GET /api/keys`.
pub(crate) async fn keys() -> Result<Vec<ApiKey>> {
    json("GET", "/api/keys", None, None).await
}

/// `POST /api/keys`.
pub(crate) async fn create_key(name: &str) -> Result<CreatedApiKey> {
    let body = CreateApiKey {
        name: name.to_owned(),
        expires_in_days: None,
    };
    json("POST", "/api/keys", encode(&body), None).await
}

/// `DELETE /api/keys/{id}`.
pub(crate) async fn revoke_key(id: &str) -> Result<()> {
    empty("DELETE", &format!("/api/keys/{id}"), None).await
}

/// `GET /api/plugins`.
pub(crate) async fn plugins() -> Result<Vec<Plugin>> {
    json("GET", "/api/plugins", None, None).await
}

/// `GET /api/bindings`.
pub(crate) async fn bindings() -> Result<Vec<Binding>> {
    json("GET", "/api/bindings", None, None).await
}

/// `DELETE /api/bindings/{id}`.
pub(crate) async fn revoke_binding(id: &str) -> Result<Revoked> {
    json("DELETE", &format!("/api/bindings/{id}"), None, None).await
}

fn encode(body: &impl Serialize) -> Option<String> {
    // Wire types have string keys and no fallible serialisers.
    serde_json::to_string(body).ok()
}

async fn json<T: DeserializeOwned>(
    method: &str,
    path: &str,
    body: Option<String>,
    key: Option<&str>,
) -> Result<T> {
    let (status, text) = send(method, path, body, key).await?;
    if status == 401 {
        return Err(ApiError::SignedOut);
    }
    accept(status, &text)?;
    serde_json::from_str(&text).map_err(|_| ApiError::Refused {
        status,
        message: "The server answered in a form that this page does not know. Reload the page."
            .to_owned(),
    })
}

async fn empty(method: &str, path: &str, body: Option<String>) -> Result<()> {
    let (status, text) = send(method, path, body, None).await?;
    if status == 401 {
        return Err(ApiError::SignedOut);
    }
    accept(status, &text)
}

fn accept(status: u16, text: &str) -> Result<()> {
    if (200..300).contains(&status) {
        return Ok(());
    }
    let message = serde_json::from_str::<Problem>(text)
        .map(|problem| problem.detail)
        .or_else(|_| serde_json::from_str::<OpenAiError>(text).map(|error| error.error.message))
        .unwrap_or_else(|_| match status {
            413 => "This is too long for the server. Shorten it and send it again.".to_owned(),
            429 => "Too many requests. Wait a little and try again.".to_owned(),
            _ => format!("The server answered with status {status}. Try again."),
        });
    Err(ApiError::Refused { status, message })
}

async fn send(
    method: &str,
    path: &str,
    body: Option<String>,
    key: Option<&str>,
) -> Result<(u16, String)> {
    fetch(method, path, body, key)
        .await
        .map_err(|_| ApiError::Unreachable)
}

async fn fetch(
    method: &str,
    path: &str,
    body: Option<String>,
    key: Option<&str>,
) -> std::result::Result<(u16, String), JsValue> {
    let headers = Headers::new()?;
    headers.set("accept", "application/json")?;
    let init = RequestInit::new();
    init.set_method(method);
    if let Some(body) = body {
        headers.set("content-type", "application/json")?;
        init.set_body(&JsValue::from_str(&body));
    }
    if let Some(key) = key {
        headers.set("idempotency-key", key)?;
    }
    init.set_headers(&headers);
    let response = JsFuture::from(window().fetch_with_str_and_init(path, &init)).await?;
    let response: web_sys::Response = response.dyn_into()?;
    let text = JsFuture::from(response.text()?).await?;
    Ok((response.status(), text.as_string().unwrap_or_default()))
}
