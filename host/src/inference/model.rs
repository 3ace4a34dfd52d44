//! What the turn needs of a model: small enough that tests script one.

use alcove_core::{
    context::TokenCounter,
    prompt::{CopyRule, Prompt},
};
pub use alcove_runtime::Priority;
use alcove_runtime::{Finish, Sampling, TokenUsage};
use async_trait::async_trait;
use futures::stream::BoxStream;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

/// A model that writes.
#[async_trait]
pub trait Model: Send + Sync + 'static {
    /// The name that requests use.
    fn id(&self) -> &str;
    /// Tokens of its context.
    fn context_tokens(&self) -> u32;
    /// Tokens of a text by itself.
    fn count_tokens(&self, text: &str) -> u32;
    /// Begins to write; the last event is [`ModelEvent::Done`] or an error. Dropping the pieces
    /// ends it, as cancelling does.
    async fn generate(&self, job: Job, cancel: CancellationToken) -> Result<Pieces, ModelError>;
}

/// A model as the planner's counter.
pub struct Tokens<'a>(pub &'a dyn Model);

impl TokenCounter for Tokens<'_> {
    fn count(&self, text: &str) -> u32 {
        self.0.count_tokens(text)
    }
}

/// What a message costs beside its text, in tokens: the marks of the chat template.
const MESSAGE_TOKENS: u32 = 16;
/// Room for what the template itself puts before a prompt.
const TEMPLATE_TOKENS: u32 = 64;

/// What reading a prompt costs, as far as can be told without the model's template.
pub fn estimated_tokens(model: &dyn Model, prompt: &Prompt) -> u32 {
    let of = |text: &str| model.count_tokens(text).saturating_add(MESSAGE_TOKENS);
    let messages = prompt.messages.iter().map(|message| of(&message.text));
    messages.fold(
        TEMPLATE_TOKENS.saturating_add(model.count_tokens(&prompt.begun)),
        u32::saturating_add,
    )
}

/// What a model writes, as it comes.
pub type Pieces = BoxStream<'static, Result<ModelEvent, ModelError>>;

/// One text to be written.
#[derive(Debug, Clone)]
pub struct Job {
    /// What the model reads.
    pub prompt: Prompt,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// The text ends before this.
    pub stop: Option<&'static str>,
    /// Most tokens.
    pub max_tokens: u32,
    /// What form the text has.
    pub form: Form,
    /// Who goes first.
    pub priority: Priority,
}

/// The form of a text.
#[derive(Debug, Clone)]
pub enum Form {
    /// Any text.
    Free,
    /// One of these.
    Choice(Vec<String>),
    /// JSON under this schema.
    Json(Value),
    /// The rest of a JSON array of calls.
    Calls(CallsForm),
    /// Any text in which long numbers are copies.
    Copying(CopyRule),
}

/// The rest of a JSON array of calls, from the first one's arguments on.
#[derive(Debug, Clone)]
pub struct CallsForm {
    /// The schema of the arguments.
    pub schema: Value,
    /// What stands before the arguments of each further call.
    pub next: String,
    /// Most calls.
    pub most: u32,
}

/// What a model reports.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelEvent {
    /// More text.
    Text(String),
    /// The end.
    Done {
        /// Why it ended.
        finish: Finish,
        /// What was counted.
        usage: TokenUsage,
    },
}

/// Why a model could not write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// The prompt leaves no room.
    #[error(
        "the conversation has {prompt_tokens} tokens and the model's context {context_tokens}: \
         start a new conversation, or ask for less at once"
    )]
    ContextExceeded {
        /// Tokens of the prompt.
        prompt_tokens: u32,
        /// Tokens of the context.
        context_tokens: u32,
    },
    /// Too many wait.
    #[error("too many answers wait for the model: try again in a few seconds")]
    Overloaded,
    /// The engine refused or failed; the text is for the log.
    #[error("{0}")]
    Engine(String),
}

impl ModelError {
    /// The stable code of a response's error.
    pub fn code(&self) -> &'static str {
        match self {
            ModelError::ContextExceeded { .. } => "context_length_exceeded",
            ModelError::Overloaded => "overloaded",
            ModelError::Engine(_) => "model_error",
        }
    }

    /// What the client reads: nothing of the engine's own words.
    pub fn public_message(&self) -> String {
        match self {
            ModelError::Engine(_) => {
                "the model could not write an answer: try again; if it stays so, the server's log \
                 says why"
                    .to_owned()
            }
            other => other.to_string(),
        }
    }
}
