//! Models and how they are served: scheduler, engine, tokenizer, sampling, grammars.
//!
//! Four things are kept apart. `models` hold one architecture each and take the KV cache as an
//! argument; `engine` computes one step over a batch of token ids; `scheduler` decides what the
//! next batch is and owns the cache's blocks, in pure Rust; `worker` is the one thread that owns
//! the device. [`Runtime`] is the handle to all of it.

mod cache;
pub mod catalogue;
mod chat;
mod device;
mod embedder;
mod engine;
mod error;
mod events;
mod grammar;
mod kernels;
pub mod limits;
mod models;
#[cfg(test)]
mod numerics;
mod ops;
mod request;
mod runtime;
mod sampler;
mod scheduler;
mod step;
mod template;
mod text;
mod tokenizer;
mod weights;
mod wordpiece;
mod worker;

pub use chat::{ChatMessage, ChatRole, Prompt};
pub use embedder::{EMBEDDING_DIMENSIONS, Embedder, Embeddings};
pub use error::{EmbedError, GenerateError, LoadError, SubmitError, TemplateError};
pub use request::{
    Event, Finish, GenerateRequest, Grammar, Priority, Sampling, Timings, TokenUsage,
};
pub use runtime::{Generation, LoadOptions, ModelInfo, Runtime};
