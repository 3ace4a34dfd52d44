//! Every limit of the runtime, by name.

use std::time::Duration;

/// Requests that may wait for the model.
pub const MAX_WAITING: usize = 64;
/// Sequences that decode together.
pub const MAX_RUNNING: usize = 16;
/// How long a request may wait for its first step.
pub const MAX_QUEUE_WAIT: Duration = Duration::from_secs(300);
/// Tokens of prompts computed in one step; small enough that a step is short, large enough for throughput.
pub const PREFILL_CHUNK_TOKENS: usize = 128;
/// The same while another sequence decodes, whose next token waits for the step.
pub const SHARED_PREFILL_CHUNK_TOKENS: usize = 32;
/// Tokens in one block of the KV cache.
pub const BLOCK_TOKENS: usize = 16;
/// Commands on their way to the worker.
pub const COMMAND_BUFFER: usize = MAX_WAITING;
/// Stop strings of one request.
pub const MAX_STOP_STRINGS: usize = 16;
/// Bytes of one stop string.
pub const MAX_STOP_BYTES: usize = 1024;
/// Strings of a choice grammar.
pub const MAX_CHOICES: usize = 1024;
/// Bytes of a grammar's source.
pub const MAX_GRAMMAR_BYTES: usize = 256 * 1024;
/// The context when the caller names none, or the model's own where that is less.
pub const DEFAULT_CONTEXT_TOKENS: u32 = 8192;
/// Threads of the compute pool.
pub const MAX_THREADS: usize = 64;
/// Tensors in a model file.
pub const MAX_TENSORS: usize = 16 * 1024;
/// Bytes of a chat template's output.
pub const MAX_RENDERED_BYTES: usize = 16 * 1024 * 1024;
/// Texts that are embedded at once.
pub const MAX_EMBED_TEXTS: usize = 128;
/// Bytes of them all.
pub const MAX_EMBED_BYTES: usize = 512 * 1024;
/// Word pieces of a text that its vector is made of; the rest is not read.
pub const MAX_EMBED_PIECES: usize = 256;
/// Word pieces, padding included, that are computed together: a fraction of a second.
pub const EMBED_BATCH_PIECES: usize = 1024;
/// Requests of each priority that may wait for the sentence encoder.
pub const MAX_EMBED_WAITING: usize = 32;
