//! Every way in which loading or generating can fail, each with what to do about it.

use std::path::PathBuf;

use crate::limits::{MAX_EMBED_BYTES, MAX_EMBED_TEXTS};

/// Why a model could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Nothing at this path.
    #[error(
        "there is no model file at {path}; fetch one with `alcove model fetch` or name an existing .gguf file"
    )]
    NotFound {
        /// What was looked for.
        path: PathBuf,
    },
    /// The file could not be opened or mapped.
    #[error(
        "the model file {path} cannot be read ({source}); check that it is a file and that its permissions allow reading"
    )]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is something else.
    #[error("{path} is not a GGUF file; choose a model file that ends in .gguf")]
    NotGguf {
        /// The file.
        path: PathBuf,
    },
    /// The file ends before its header says it does, or its header makes no sense.
    #[error(
        "the model file {path} is truncated or damaged ({detail}); remove it and fetch it again with `alcove model fetch`"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was wrong.
        detail: String,
    },
    /// A model family that this runtime does not have.
    #[error(
        "{path} holds a model of architecture `{architecture}`, which is not supported; use a model of the qwen2 or llama family"
    )]
    UnsupportedArchitecture {
        /// The file.
        path: PathBuf,
        /// What the file says.
        architecture: String,
    },
    /// A tokenizer, tensor type or option that this runtime does not have.
    #[error(
        "{path} needs {feature}, which is not supported; use another file of this model, for example one quantised to Q4_K_M or Q8_0"
    )]
    UnsupportedFeature {
        /// The file.
        path: PathBuf,
        /// What is missing.
        feature: String,
    },
    /// The cache for the context does not fit the budget.
    #[error(
        "a context of {context_tokens} tokens needs {needed_bytes} bytes of cache, but the budget is {budget_bytes}; raise the cache budget or lower the context"
    )]
    CacheBudget {
        /// Tokens asked for.
        context_tokens: u32,
        /// Bytes that one context takes.
        needed_bytes: u64,
        /// Bytes allowed.
        budget_bytes: u64,
    },
    /// The device failed.
    #[error("the device could not be prepared: {0}; check the driver, or run on the CPU")]
    Device(String),
}

/// Why a request was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// The prompt leaves no room for an answer.
    #[error(
        "the prompt has {prompt_tokens} tokens, but the context holds {context_tokens}; shorten the conversation or raise the context"
    )]
    ContextExceeded {
        /// Tokens of the prompt.
        prompt_tokens: u32,
        /// Tokens of the context.
        context_tokens: u32,
    },
    /// Nothing to continue.
    #[error("the prompt is empty; send at least one message")]
    EmptyPrompt,
    /// A value out of its range.
    #[error("{parameter} is out of range: {detail}")]
    OutOfRange {
        /// Which one.
        parameter: &'static str,
        /// The allowed range.
        detail: String,
    },
    /// The grammar was refused.
    #[error("the grammar is not valid: {0}")]
    Grammar(String),
    /// The queue is full.
    #[error("the model's queue is full ({waiting} requests wait); try again later")]
    QueueFull {
        /// How many wait.
        waiting: usize,
    },
    /// The worker is gone.
    #[error("the model's worker has stopped; restart the server and look at its log")]
    Stopped,
}

/// Why a running generation failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GenerateError {
    /// It waited too long for its turn.
    #[error("the request waited longer than {limit_ms} ms for the model; try again later")]
    QueueTimeout {
        /// The limit.
        limit_ms: u64,
    },
    /// The grammar matcher failed while decoding.
    #[error("the grammar could not be followed: {0}")]
    Grammar(String),
    /// The device failed.
    #[error("the model failed on its device: {0}")]
    Device(String),
    /// The reader was too slow or the worker is gone.
    #[error("the model's worker has stopped; restart the server and look at its log")]
    Stopped,
}

/// Why texts could not be embedded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmbedError {
    /// Nothing to embed.
    #[error("there must be at least one text, and no text may be empty")]
    Empty,
    /// Too many texts.
    #[error("{texts} texts are more than {MAX_EMBED_TEXTS}; send them in several requests")]
    TooMany {
        /// How many came.
        texts: usize,
    },
    /// Too much text.
    #[error("{bytes} bytes of text are more than {MAX_EMBED_BYTES}; send them in several requests")]
    TooLong {
        /// How many came.
        bytes: usize,
    },
    /// The queue is full.
    #[error("too many texts wait to be embedded; try again later")]
    QueueFull,
    /// The caller cancelled it.
    #[error("the request was cancelled")]
    Cancelled,
    /// The device failed.
    #[error("the sentence encoder failed: {0}")]
    Device(String),
    /// The worker is gone.
    #[error("the sentence encoder has stopped; restart the server and look at its log")]
    Stopped,
}

/// Why a conversation could not be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The file has no chat template.
    #[error("the model file has no chat template; use an instruct or chat model")]
    Missing,
    /// The template does not parse.
    #[error("the model's chat template is not valid: {0}; use another model file")]
    Invalid(String),
    /// The template refused these messages.
    #[error("the model's chat template refused the conversation: {0}")]
    Render(String),
}
