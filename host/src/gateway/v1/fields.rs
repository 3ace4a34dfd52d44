//! Fields of a request that this server does not act on.
//!
//! A field that changes the answer must not be dropped in silence: it is refused by name, unless
//! its value asks for what this server does anyway.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::gateway::error::ApiError;

/// A field that may be sent with a value that asks for nothing.
pub(super) struct Tolerated {
    name: &'static str,
    /// Whether the value asks for what happens anyway; `null` always does.
    harmless: fn(&Value) -> bool,
}

const fn tolerated(name: &'static str, harmless: fn(&Value) -> bool) -> Tolerated {
    Tolerated { name, harmless }
}

fn any(_: &Value) -> bool {
    true
}

fn no(value: &Value) -> bool {
    match value {
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Array(values) => values.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

fn one(value: &Value) -> bool {
    value.as_u64() == Some(1)
}

fn plain_text(value: &Value) -> bool {
    let format = value.get("format").unwrap_or(value);
    value == &Value::Object(Map::new()) || format.get("type").is_some_and(|kind| kind == "text")
}

fn text_modality(value: &Value) -> bool {
    value == &serde_json::json!(["text"])
}

fn default_tier(value: &Value) -> bool {
    value == "auto" || value == "default"
}

/// Of `POST /v1/responses`.
pub(super) const RESPONSES: &[Tolerated] = &[
    tolerated("include", no),
    tolerated("parallel_tool_calls", any),
    tolerated("prompt_cache_key", any),
    tolerated("reasoning", no),
    tolerated("safety_identifier", any),
    tolerated("service_tier", default_tier),
    tolerated("stream_options", any),
    tolerated("text", plain_text),
    tolerated("top_logprobs", no),
    tolerated("truncation", |value| value == "auto" || value == "disabled"),
    tolerated("user", any),
];

/// Of `POST /v1/chat/completions`.
pub(super) const CHAT_COMPLETIONS: &[Tolerated] = &[
    tolerated("frequency_penalty", no),
    tolerated("logit_bias", no),
    tolerated("logprobs", no),
    tolerated("metadata", any),
    tolerated("modalities", text_modality),
    tolerated("n", one),
    tolerated("parallel_tool_calls", any),
    tolerated("presence_penalty", no),
    tolerated("prompt_cache_key", any),
    tolerated("response_format", plain_text),
    tolerated("safety_identifier", any),
    tolerated("service_tier", default_tier),
    tolerated("stop", no),
    // Nothing of a chat completion is ever stored, whatever is asked.
    tolerated("store", any),
    tolerated("top_logprobs", no),
    tolerated("user", any),
];

/// Of `POST /v1/embeddings`.
pub(super) const EMBEDDINGS: &[Tolerated] = &[tolerated("user", any)];

/// Parses a request whose type knows its own fields by [`serde::Deserialize`]: `known` says which.
pub(super) fn parse<T: DeserializeOwned>(
    body: Value,
    known: &[&str],
    tolerated: &[Tolerated],
) -> Result<T, ApiError> {
    let Value::Object(mut fields) = body else {
        return Err(ApiError::Invalid {
            param: None,
            code: None,
            message: "the body must be a JSON object".to_owned(),
        });
    };
    // `null` says the same as absence.
    fields.retain(|_, value| !value.is_null());
    for (name, value) in &fields {
        if known.contains(&name.as_str()) {
            continue;
        }
        let Some(field) = tolerated.iter().find(|field| field.name == name) else {
            return Err(refused(
                name,
                "unknown-parameter",
                format!("unknown parameter `{}`", short(name)),
            ));
        };
        if !(field.harmless)(value) {
            let message = format!("`{name}` with this value is not supported by this server");
            return Err(refused(name, "unsupported-parameter", message));
        }
    }
    let known_fields = fields
        .into_iter()
        .filter(|(name, _)| known.contains(&name.as_str()));
    let known_fields = Value::Object(known_fields.collect());
    T::deserialize(known_fields).map_err(|error| ApiError::Invalid {
        param: None,
        code: None,
        message: format!("the body does not fit: {error}"),
    })
}

fn refused(name: &str, code: &'static str, message: String) -> ApiError {
    ApiError::Invalid {
        param: Some(short(name)),
        code: Some(code),
        message,
    }
}

/// A name from outside, cut to a length fit for an answer.
fn short(name: &str) -> String {
    name.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use alcove_api_types::{ChatCompletionRequest, CreateResponse};
    use serde_json::json;

    use super::*;
    use crate::gateway::v1::{create_chat_completion, create_response};

    fn response(body: Value) -> Result<CreateResponse, ApiError> {
        parse(body, create_response::FIELDS, RESPONSES)
    }

    #[test]
    fn unknown_fields_are_named() {
        let error = response(json!({"input": "hi", "inptu": 1})).expect_err("unknown");
        assert_eq!(error.param(), Some("inptu"));
        assert_eq!(error.name(), "unknown-parameter");
    }

    #[test]
    fn harmless_values_pass_and_others_do_not() {
        let body = json!({"input": "hi", "text": {"format": {"type": "text"}}, "user": "u", "truncation": null});
        assert_eq!(response(body).expect("harmless").input, "hi".into_input());
        let body = json!({"input": "hi", "text": {"format": {"type": "json_schema"}}});
        assert_eq!(response(body).expect_err("asks").param(), Some("text"));
        let body = json!({"messages": [], "n": 2});
        let chat: Result<ChatCompletionRequest, _> =
            parse(body, create_chat_completion::FIELDS, CHAT_COMPLETIONS);
        assert_eq!(chat.expect_err("two answers").param(), Some("n"));
    }

    trait IntoInput {
        fn into_input(self) -> alcove_api_types::Input;
    }

    impl IntoInput for &str {
        fn into_input(self) -> alcove_api_types::Input {
            alcove_api_types::Input::Text(self.to_owned())
        }
    }

    /// A field that is added to a wire type must be added to the list beside its endpoint.
    #[test]
    fn lists_of_known_fields_are_whole() {
        let whole = CreateResponse {
            model: Some("m".to_owned()),
            instructions: Some("i".to_owned()),
            store: Some(true),
            conversation: Some(alcove_api_types::ConversationRef::Id("c".to_owned())),
            previous_response_id: Some("r".to_owned()),
            tool_choice: Some(alcove_api_types::ToolChoice::Mode(
                alcove_api_types::ToolChoiceMode::Auto,
            )),
            server_tools: Some(alcove_api_types::ServerTools::All(true)),
            specialist: Some(alcove_api_types::Specialist::Code),
            checkpoint: Some(alcove_api_types::UseCheckpoint::default()),
            ask: Some(true),
            temperature: Some(0.0),
            top_p: Some(1.0),
            seed: Some(1),
            max_output_tokens: Some(1),
            tools: vec![json!({})],
            metadata: Some(Map::new()),
            ..CreateResponse::default()
        };
        let Ok(Value::Object(fields)) = serde_json::to_value(whole) else {
            panic!("an object");
        };
        for name in fields.keys() {
            assert!(create_response::FIELDS.contains(&name.as_str()), "{name}");
        }
        assert_eq!(fields.len(), create_response::FIELDS.len());
    }
}
