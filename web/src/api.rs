//! Requests to the server.

use std::pin::Pin;

use alcove_api_types::{
    Answer, Answered, ApiKey, Binding, Ceiling, Conversation, ConversationPage,
    ConversationSummary, CreateApiKey, CreateBinding, CreateConversation, CreateResponse,
    CreatedApiKey, DeclineRequest, Explain, Explanation, GrantRequest, Learned, Me, OpenAiError,
    OpenedPassage, PassageReference, Plugin, PolicyRead, Principals, Problem, ReadPolicy,
    Readiness, RenameConversation, RequestGrant, Response, Revoked, SetCeiling, SetUp, ShownApiKey,
    SignIn, WorkspaceFiles,
};
use leptos::prelude::window;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Headers, RequestInit};

/// Rows of the conversation list in one request.
const PAGE_ROWS: u32 = 50;
const CEILING: &str = "/api/policy/ceiling";

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

/// `POST /api/conversations`: one without messages, to put files into.
pub(crate) async fn create_conversation(title: &str) -> Result<ConversationSummary> {
    let body = CreateConversation {
        title: title.to_owned(),
    };
    json("POST", "/api/conversations", encode(&body), None).await
}

/// `GET /api/conversations/{id}/files`.
pub(crate) async fn files(id: &str) -> Result<WorkspaceFiles> {
    json("GET", &format!("/api/conversations/{id}/files"), None, None).await
}

/// The address of a file of a conversation: `GET`, `PUT`, `DELETE`.
pub(crate) fn file_path(id: &str, path: &str) -> String {
    let parts = path.split('/').map(js_sys::encode_uri_component);
    let parts: Vec<String> = parts.map(String::from).collect();
    format!("/api/conversations/{id}/files/{}", parts.join("/"))
}

/// `DELETE /api/conversations/{id}/files/{path}`.
pub(crate) async fn remove_file(id: &str, path: &str) -> Result<()> {
    empty("DELETE", &file_path(id, path), None).await
}

/// `GET /api/calls/{id}/passages/{number}`.
pub(crate) async fn passage(passage: &PassageReference) -> Result<OpenedPassage> {
    let path = format!("/api/calls/{}/passages/{}", passage.call, passage.number);
    json("GET", &path, None, None).await
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
pub(crate) async fn create_key(name: &str, within: Option<Vec<String>>) -> Result<CreatedApiKey> {
    let body = CreateApiKey {
        name: name.to_owned(),
        expires_in_days: None,
        within,
    };
    json("POST", "/api/keys", encode(&body), None).await
}

/// `GET /api/keys/{id}`.
pub(crate) async fn key(id: &str) -> Result<ShownApiKey> {
    json("GET", &format!("/api/keys/{id}"), None, None).await
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

/// `POST /api/bindings`.
pub(crate) async fn grant(create: &CreateBinding) -> Result<Binding> {
    json("POST", "/api/bindings", encode(create), None).await
}

/// The address of something of one plugin.
fn of_plugin(id: &str, what: &str) -> String {
    format!(
        "/api/plugins/{}/{what}",
        String::from(js_sys::encode_uri_component(id))
    )
}

/// `GET /api/plugins/{id}/bindings`.
pub(crate) async fn history(plugin: &str) -> Result<Vec<Binding>> {
    json("GET", &of_plugin(plugin, "bindings"), None, None).await
}

/// `POST /api/plugins/{id}/policy`: what a text would grant, or the text that is asked for.
pub(crate) async fn read_policy(plugin: &str, policy: Option<&str>) -> Result<PolicyRead> {
    let body = ReadPolicy {
        policy: policy.map(str::to_owned),
    };
    json("POST", &of_plugin(plugin, "policy"), encode(&body), None).await
}

/// `POST /api/plugins/{id}/learn`.
pub(crate) async fn learn(plugin: &str) -> Result<Learned> {
    json("POST", &of_plugin(plugin, "learn"), encode(&()), None).await
}

/// `POST /api/plugins/{id}/requests`.
pub(crate) async fn ask_for(plugin: &str, reason: &str) -> Result<GrantRequest> {
    let body = RequestGrant {
        reason: reason.to_owned(),
    };
    json("POST", &of_plugin(plugin, "requests"), encode(&body), None).await
}

/// `POST /api/plugins/{id}/requests/decline`.
pub(crate) async fn decline(plugin: &str, body: &DeclineRequest) -> Result<GrantRequest> {
    let path = of_plugin(plugin, "requests/decline");
    json("POST", &path, encode(body), None).await
}

/// `GET /api/requests`.
pub(crate) async fn requests() -> Result<Vec<GrantRequest>> {
    json("GET", "/api/requests", None, None).await
}

/// `GET /api/principals`.
pub(crate) async fn principals() -> Result<Principals> {
    json("GET", "/api/principals", None, None).await
}

/// `POST /api/policy/explain`.
pub(crate) async fn explain(body: &Explain) -> Result<Explanation> {
    json("POST", "/api/policy/explain", encode(body), None).await
}

/// `GET /api/policy/ceiling`.
pub(crate) async fn ceiling() -> Result<Ceiling> {
    json("GET", CEILING, None, None).await
}

/// `PUT /api/policy/ceiling`.
pub(crate) async fn set_ceiling(body: &SetCeiling) -> Result<Revoked> {
    json("PUT", CEILING, encode(body), None).await
}

/// `DELETE /api/policy/ceiling`.
pub(crate) async fn clear_ceiling() -> Result<Revoked> {
    json("DELETE", CEILING, None, None).await
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
    let text = read(method, path, body, key).await?;
    serde_json::from_str(&text).map_err(|_| ApiError::Refused {
        status: 200,
        message: "The server answered in a form that this page does not know. Reload the page."
            .to_owned(),
    })
}

/// An answer's text. It is a box, so that what waits for it is small for each of the many types.
fn read<'a>(
    method: &'a str,
    path: &'a str,
    body: Option<String>,
    key: Option<&'a str>,
) -> Pin<Box<dyn Future<Output = Result<String>> + 'a>> {
    Box::pin(async move {
        let (status, text) = send(method, path, body, key).await?;
        if status == 401 {
            return Err(ApiError::SignedOut);
        }
        accept(status, &text)?;
        Ok(text)
    })
}

async fn empty(method: &str, path: &str, body: Option<String>) -> Result<()> {
    read(method, path, body, None).await.map(drop)
}

pub(crate) fn accept(status: u16, text: &str) -> Result<()> {
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
