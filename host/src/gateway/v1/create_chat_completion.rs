//! `POST /v1/chat/completions`: the same run, thinly rendered; nothing of it is stored.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use alcove_api_types::{
    ChatChoice, ChatChunk, ChatChunkChoice, ChatCompletion, ChatCompletionRequest, ChatContent,
    ChatContentPart, ChatDelta, ChatMessage, ChatUsage, CreateResponse, EventBody, Input,
    InputContent, InputItem, InputPart, Item, OpenAiError, Response as WireResponse,
    ResponseStatus, Role, ServerTools, StreamEvent, Usage,
};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures::{StreamExt as _, stream};
use serde_json::Value;

use super::{fields, sse};
use crate::accounts::Principal;
use crate::app::App;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;
use crate::gateway::render::openai_body;
use crate::ledger;
use crate::runs::{INSUFFICIENT_QUOTA, Run, ValidRequest};

/// Every field of [`ChatCompletionRequest`].
pub(super) const FIELDS: &[&str] = &[
    "model",
    "messages",
    "stream",
    "stream_options",
    "temperature",
    "top_p",
    "seed",
    "max_tokens",
    "max_completion_tokens",
    "alcove:server_tools",
    "tool_choice",
    "tools",
];

/// Answers with chunks where `stream` is true.
pub(in crate::gateway) async fn create_chat_completion(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Json(body): Json<Value>,
) -> Result<Response, ApiError> {
    let request: ChatCompletionRequest = fields::parse(body, FIELDS, fields::CHAT_COMPLETIONS)?;
    let stream = request.stream;
    let with_usage = request
        .stream_options
        .is_some_and(|options| options.include_usage);
    let request = ValidRequest::parse(as_response(request)).map_err(|mut invalid| {
        // The same field has another name here.
        invalid.param = match invalid.param {
            "input" => "messages",
            "max_output_tokens" => "max_tokens",
            "alcove:seed" => "seed",
            other => other,
        };
        invalid
    })?;
    let run = app.runs.start(&principal, request, None).await?;
    // Nothing of this can be resumed, so nobody is left to read on once the client is gone.
    let guard = StopOnDrop::new(&app, &principal, &run);
    if stream {
        return Ok(stream_chunks(run, with_usage, guard));
    }
    let response = run.finished().await;
    guard.ended();
    completion(response).map(|completion| Json(completion).into_response())
}

fn as_response(request: ChatCompletionRequest) -> CreateResponse {
    let ChatCompletionRequest {
        model,
        messages,
        stream,
        stream_options: _,
        temperature,
        top_p,
        seed,
        max_tokens,
        server_tools,
        tool_choice,
        tools,
    } = request;
    CreateResponse {
        model,
        input: Input::Items(messages.into_iter().map(input_item).collect()),
        stream,
        store: Some(false),
        tool_choice,
        // Programs that speak this protocol expect no tools but their own.
        server_tools: Some(server_tools.unwrap_or(ServerTools::All(false))),
        temperature,
        top_p,
        seed,
        max_output_tokens: max_tokens,
        tools,
        ..CreateResponse::default()
    }
}

fn input_item(message: ChatMessage) -> InputItem {
    let ChatMessage { role, content } = message;
    let part = |ChatContentPart::Text { text }| match role {
        Role::Assistant => InputPart::OutputText { text },
        Role::User | Role::System | Role::Developer => InputPart::InputText { text },
    };
    InputItem {
        kind: None,
        role,
        content: match content {
            ChatContent::Text(text) => InputContent::Text(text),
            ChatContent::Parts(parts) => InputContent::Parts(parts.into_iter().map(part).collect()),
        },
    }
}

fn chat_id(response_id: &str) -> String {
    let unique = response_id.strip_prefix("resp_").unwrap_or(response_id);
    format!("chatcmpl-{unique}")
}

fn finish_reason(response: &WireResponse) -> &'static str {
    let reason = response.incomplete_details.as_ref();
    match reason.map(|details| details.reason.as_str()) {
        Some("max_output_tokens") => "length",
        _ => "stop",
    }
}

fn usage(usage: Option<Usage>) -> ChatUsage {
    let usage = usage.unwrap_or_default();
    ChatUsage {
        prompt_tokens: usage.input_tokens,
        completion_tokens: usage.output_tokens,
        total_tokens: usage.total_tokens,
    }
}

fn text_of(response: &WireResponse) -> String {
    let messages = response.output.iter().filter_map(|item| match item {
        Item::Message(message) => Some(message.text()),
        Item::ToolCall(_) => None,
    });
    messages.collect()
}

fn failure(response: WireResponse) -> ApiError {
    match response.error {
        Some(error) if error.code == INSUFFICIENT_QUOTA => ApiError::OverQuota {
            message: error.message,
            retry_after: ledger::resets_in(),
        },
        Some(error) => ApiError::ResponseFailed {
            message: error.message,
        },
        None => ApiError::ResponseFailed {
            message: "the response failed".to_owned(),
        },
    }
}

fn completion(response: WireResponse) -> Result<ChatCompletion, ApiError> {
    if response.status == ResponseStatus::Failed {
        return Err(failure(response));
    }
    let message = ChatMessage {
        role: Role::Assistant,
        content: ChatContent::Text(text_of(&response)),
    };
    Ok(ChatCompletion {
        id: chat_id(&response.id),
        object: "chat.completion".to_owned(),
        created: response.created_at,
        choices: vec![ChatChoice {
            index: 0,
            message,
            finish_reason: Some(finish_reason(&response).to_owned()),
        }],
        usage: usage(response.usage),
        model: response.model,
    })
}

fn stream_chunks(run: Run, with_usage: bool, guard: StopOnDrop) -> Response {
    let head = run.snapshot();
    let make = move |choices: Vec<ChatChunkChoice>, usage: Option<ChatUsage>| ChatChunk {
        id: chat_id(&head.id),
        object: "chat.completion.chunk".to_owned(),
        created: head.created_at,
        model: head.model.clone(),
        choices,
        usage,
    };
    let chunks = run.events_after(None).flat_map(move |event: StreamEvent| {
        if event.body.is_final() {
            guard.ended();
        }
        stream::iter(chunks_of(event.body, with_usage, &make))
    });
    sse::chunks(chunks)
}

fn chunks_of(
    body: EventBody,
    with_usage: bool,
    make: &impl Fn(Vec<ChatChunkChoice>, Option<ChatUsage>) -> ChatChunk,
) -> Vec<StreamItem> {
    let choice = |delta, finish_reason: Option<&str>| {
        vec![ChatChunkChoice {
            index: 0,
            delta,
            finish_reason: finish_reason.map(str::to_owned),
        }]
    };
    match body {
        EventBody::Created { .. } => {
            let delta = ChatDelta {
                role: Some(Role::Assistant),
                content: Some(String::new()),
            };
            vec![StreamItem::Chunk(make(choice(delta, None), None))]
        }
        EventBody::TextDelta { delta, .. } => {
            let delta = ChatDelta {
                role: None,
                content: Some(delta),
            };
            vec![StreamItem::Chunk(make(choice(delta, None), None))]
        }
        EventBody::Failed { response } => {
            vec![StreamItem::Error(openai_body(&failure(response)))]
        }
        EventBody::Completed { response }
        | EventBody::Incomplete { response }
        | EventBody::Cancelled { response } => {
            let reason = finish_reason(&response);
            let mut chunks = vec![StreamItem::Chunk(make(
                choice(ChatDelta::default(), Some(reason)),
                None,
            ))];
            if with_usage {
                let usage = usage(response.usage);
                chunks.push(StreamItem::Chunk(make(Vec::new(), Some(usage))));
            }
            chunks
        }
        _ => Vec::new(),
    }
}

/// What a stream may hold.
#[derive(serde::Serialize)]
#[serde(untagged)]
enum StreamItem {
    Chunk(ChatChunk),
    /// In the middle of a stream, where it is too late for a status.
    Error(OpenAiError),
}

/// Stops the run when the client leaves before its end.
struct StopOnDrop {
    app: Arc<App>,
    principal: Principal,
    run: Run,
    ended: AtomicBool,
}

impl StopOnDrop {
    fn new(app: &Arc<App>, principal: &Principal, run: &Run) -> StopOnDrop {
        StopOnDrop {
            app: Arc::clone(app),
            principal: principal.clone(),
            run: run.clone(),
            ended: AtomicBool::new(false),
        }
    }

    fn ended(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        if self.ended.load(Ordering::Relaxed) || self.run.is_ended() {
            return;
        }
        let (app, principal, id) = (Arc::clone(&self.app), self.principal.clone(), self.run.id());
        self.app.tasks.spawn(async move {
            if let Err(error) = app.runs.stop(&principal, id).await {
                tracing::warn!(response = %id, error = %error, "a run whose client left could not be stopped");
            }
        });
    }
}
