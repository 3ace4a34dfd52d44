//! The handle to a loaded model.

use std::path::Path;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use tokio_util::sync::{CancellationToken, DropGuard};

use crate::cache::KvCache;
use crate::chat::{ChatMessage, Prompt};
use crate::device;
use crate::engine::Engine;
use crate::error::{GenerateError, LoadError, SubmitError, TemplateError};
use crate::events::{self, EventReceiver};
use crate::grammar::GrammarCompiler;
use crate::limits::{
    BLOCK_TOKENS, COMMAND_BUFFER, DEFAULT_CONTEXT_TOKENS, MAX_QUEUE_WAIT, MAX_RUNNING,
    MAX_STOP_BYTES, MAX_STOP_STRINGS, MAX_WAITING, PREFILL_CHUNK_TOKENS,
    SHARED_PREFILL_CHUNK_TOKENS,
};
use crate::models::{self, Loaded};
use crate::request::{Event, GenerateRequest, Sampling};
use crate::sampler::Sampler;
use crate::scheduler::{Scheduler, SchedulerConfig};
use crate::template::ChatTemplate;
use crate::text::TextStream;
use crate::tokenizer::Tokenizer;
use crate::weights::{GgufFile, first_line};
use crate::worker::{Job, WaitingPlace, Worker};

/// Contexts for which the cache has room when the caller does not say.
const DEFAULT_CONTEXTS: u64 = 4;

/// How a model is loaded.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// Threads that compute; `None` takes all cores of a small machine, and all but one of a larger one.
    pub threads: Option<usize>,
    /// Tokens of the context; `None` takes [`crate::limits::DEFAULT_CONTEXT_TOKENS`] or the model's own where that is less.
    pub context_tokens: Option<u32>,
    /// Bytes that the KV cache of all sequences together may take; `None` takes room for four contexts.
    /// On the CPU, memory is used only as the cache fills.
    pub cache_bytes: Option<u64>,
    /// One sequence at a time: equal requests give byte-equal answers on one build and machine.
    pub deterministic: bool,
}

/// What is known about a loaded model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelInfo {
    /// The name in the file, or the file's own name.
    pub name: String,
    /// `qwen2` or `llama`.
    pub architecture: String,
    /// Tokens of the context as loaded.
    pub context_tokens: u32,
    /// Tokens in the vocabulary.
    pub vocabulary_size: u32,
    /// Weights.
    pub parameters: u64,
    /// Bytes of the file.
    pub file_bytes: u64,
}

/// A loaded model; cheap to clone. The model is unloaded when the last clone is gone.
#[derive(Clone)]
pub struct Runtime {
    inner: Arc<Inner>,
}

struct Inner {
    info: ModelInfo,
    tokenizer: Arc<Tokenizer>,
    template: Result<ChatTemplate, TemplateError>,
    grammars: GrammarCompiler,
    jobs: SyncSender<Job>,
    waiting: Arc<AtomicUsize>,
    shutdown: CancellationToken,
    worker: Mutex<Option<JoinHandle<()>>>,
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime")
            .field("model", &self.inner.info)
            .finish_non_exhaustive()
    }
}

impl Runtime {
    /// Loads a GGUF file. Blocks for as long as reading and packing the weights takes.
    pub fn load(path: &Path, options: LoadOptions) -> Result<Runtime, LoadError> {
        let file = Arc::new(GgufFile::open(path)?);
        let compute = device::choose(options.threads)?;
        // The tokenizer takes one core for a moment, and so do the weights.
        let (text, loaded) = std::thread::scope(|scope| {
            let text = scope.spawn(|| TextSide::load(&file));
            let loaded = models::load(Arc::clone(&file), Arc::new(compute));
            let text = text
                .join()
                .unwrap_or_else(|_| Err(file.damaged("its tokenizer could not be read")));
            (text, loaded)
        });
        Runtime::start(&file, text?, loaded?, &options)
    }

    fn start(
        file: &GgufFile,
        text: TextSide,
        loaded: Loaded,
        options: &LoadOptions,
    ) -> Result<Runtime, LoadError> {
        let device_error = |error: &dyn std::fmt::Display| LoadError::Device(first_line(error));
        let Loaded {
            architecture,
            shape,
            model,
            compute,
        } = loaded;
        let longest = u32::try_from(shape.context).unwrap_or(u32::MAX);
        let context_tokens = options
            .context_tokens
            .unwrap_or(DEFAULT_CONTEXT_TOKENS)
            .clamp(1, longest);
        let blocks = cache_blocks(&shape, context_tokens, options)?;
        let cache = compute
            .cache(shape.heads, shape.layers, blocks)
            .map_err(|error| device_error(&error))?;
        let info = ModelInfo {
            name: file
                .string("general.name")
                .map_or_else(|| file.name(), str::to_owned),
            architecture: architecture.to_owned(),
            context_tokens,
            vocabulary_size: u32::try_from(shape.vocabulary).unwrap_or(u32::MAX),
            parameters: file.parameters(),
            file_bytes: file.bytes(),
        };
        let scheduler = Scheduler::new(SchedulerConfig {
            blocks,
            max_running: if options.deterministic {
                1
            } else {
                MAX_RUNNING
            },
            max_waiting: MAX_WAITING,
            prefill_tokens: PREFILL_CHUNK_TOKENS,
            shared_prefill_tokens: SHARED_PREFILL_CHUNK_TOKENS,
            max_wait: MAX_QUEUE_WAIT,
        });
        let (jobs, receiver) = sync_channel(COMMAND_BUFFER);
        let shutdown = CancellationToken::new();
        let worker = Worker::new(
            Engine::new(model, cache),
            scheduler,
            Arc::clone(&text.tokenizer),
            receiver,
            MAX_QUEUE_WAIT,
            shutdown.clone(),
        );
        let worker = std::thread::Builder::new()
            .name("alcove-model".into())
            .spawn(move || worker.run())
            .map_err(|error| device_error(&error))?;
        let TextSide {
            tokenizer,
            template,
            grammars,
        } = text;
        Ok(Runtime {
            inner: Arc::new(Inner {
                info,
                tokenizer,
                template,
                grammars,
                jobs,
                waiting: Arc::default(),
                shutdown,
                worker: Mutex::new(Some(worker)),
            }),
        })
    }

    /// What was loaded.
    pub fn model(&self) -> &ModelInfo {
        &self.inner.info
    }

    /// Tokens of a text by itself.
    pub fn count_tokens(&self, text: &str) -> usize {
        self.inner.tokenizer.encode(text).len()
    }

    /// Tokens of a prompt.
    pub fn count_prompt_tokens(&self, prompt: &Prompt) -> usize {
        self.inner.tokenizer.encode_prompt(prompt).len()
    }

    /// Renders a conversation with the model's own chat template.
    pub fn render_chat(
        &self,
        messages: &[ChatMessage],
        add_generation_prompt: bool,
    ) -> Result<Prompt, TemplateError> {
        let template = self.inner.template.as_ref().map_err(Clone::clone)?;
        template.render(
            messages,
            add_generation_prompt,
            self.inner.tokenizer.specials(),
        )
    }

    /// Submits a request. Dropping the [`Generation`] cancels it.
    ///
    /// Needs a tokio runtime: the prompt is tokenised and the grammar compiled on a blocking thread.
    pub async fn generate(
        &self,
        request: GenerateRequest,
        cancel: CancellationToken,
    ) -> Result<Generation, SubmitError> {
        check(&request)?;
        let Some(waiting) = WaitingPlace::take(&self.inner.waiting, MAX_WAITING) else {
            return Err(SubmitError::QueueFull {
                waiting: MAX_WAITING,
            });
        };
        let cancel = cancel.child_token();
        let (events, receiver) = events::channel();
        let inner = Arc::clone(&self.inner);
        let job_cancel = cancel.clone();
        let job = tokio::task::spawn_blocking(move || {
            let tokens = inner.tokenizer.encode_prompt(&request.prompt);
            let left = left_of_context(tokens.len(), inner.info.context_tokens)?;
            let grammar = request
                .grammar
                .as_ref()
                .map(|grammar| inner.grammars.compile(grammar));
            Ok(Job {
                tokens,
                max_tokens: request.max_tokens.min(left),
                priority: request.priority,
                sampler: Sampler::new(request.sampling),
                grammar: grammar.transpose()?,
                text: TextStream::new(request.stop),
                cancel: job_cancel,
                events,
                waiting: Some(waiting),
                submitted: Instant::now(),
            })
        });
        let job = job.await.map_err(|_| SubmitError::Stopped)??;
        self.inner.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => SubmitError::QueueFull {
                waiting: MAX_WAITING,
            },
            TrySendError::Disconnected(_) => SubmitError::Stopped,
        })?;
        Ok(Generation {
            events: receiver,
            _cancel: cancel.drop_guard(),
        })
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shutdown.cancel();
        // The worker may be waiting for a job: closing the channel wakes it.
        let (closed, _) = sync_channel(0);
        drop(std::mem::replace(&mut self.jobs, closed));
        let worker = self
            .worker
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if worker.is_some_and(|worker| worker.join().is_err()) {
            tracing::error!("the model's worker panicked");
        }
    }
}

/// A running generation.
pub struct Generation {
    events: EventReceiver,
    _cancel: DropGuard,
}

impl std::fmt::Debug for Generation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Generation").finish_non_exhaustive()
    }
}

impl Generation {
    /// The next event; `None` after the last one.
    pub async fn next(&mut self) -> Option<Result<Event, GenerateError>> {
        self.events.next().await
    }
}

/// What deals with text: read from the file beside the weights.
struct TextSide {
    tokenizer: Arc<Tokenizer>,
    template: Result<ChatTemplate, TemplateError>,
    grammars: GrammarCompiler,
}

impl TextSide {
    fn load(file: &GgufFile) -> Result<TextSide, LoadError> {
        let tokenizer = Tokenizer::from_gguf(file)?;
        let template = match file.string("tokenizer.chat_template") {
            Some(source) => ChatTemplate::new(source, tokenizer.begin_and_end_names()),
            None => Err(TemplateError::Missing),
        };
        let grammars = GrammarCompiler::new(&tokenizer);
        let grammars = grammars
            .map_err(|error| file.damaged(format!("its vocabulary is not usable: {error}")))?;
        Ok(TextSide {
            tokenizer: Arc::new(tokenizer),
            template,
            grammars,
        })
    }
}

fn cache_blocks(
    shape: &models::Shape,
    context_tokens: u32,
    options: &LoadOptions,
) -> Result<usize, LoadError> {
    let one = u64::from(context_tokens).div_ceil(BLOCK_TOKENS as u64);
    let block_bytes = KvCache::bytes_per_token(shape.heads, shape.layers) * BLOCK_TOKENS as u64;
    let blocks = match options.cache_bytes {
        Some(budget_bytes) => {
            let blocks = budget_bytes / block_bytes;
            if blocks < one {
                return Err(LoadError::CacheBudget {
                    context_tokens,
                    needed_bytes: one * block_bytes,
                    budget_bytes,
                });
            }
            blocks
        }
        None => one * DEFAULT_CONTEXTS,
    };
    Ok(usize::try_from(blocks)
        .unwrap_or(usize::MAX)
        .min(u32::MAX as usize))
}

fn left_of_context(prompt: usize, context_tokens: u32) -> Result<u32, SubmitError> {
    let prompt_tokens = u32::try_from(prompt).unwrap_or(u32::MAX);
    match context_tokens.checked_sub(prompt_tokens) {
        _ if prompt == 0 => Err(SubmitError::EmptyPrompt),
        None | Some(0) => Err(SubmitError::ContextExceeded {
            prompt_tokens,
            context_tokens,
        }),
        Some(left) => Ok(left),
    }
}

fn check(request: &GenerateRequest) -> Result<(), SubmitError> {
    let out = |parameter: &'static str, detail: String| {
        Err(SubmitError::OutOfRange { parameter, detail })
    };
    if request.max_tokens == 0 {
        return out("max_tokens", "it must be at least 1".into());
    }
    if request.stop.len() > MAX_STOP_STRINGS {
        return out("stop", format!("at most {MAX_STOP_STRINGS} strings"));
    }
    if request
        .stop
        .iter()
        .any(|stop| stop.is_empty() || stop.len() > MAX_STOP_BYTES)
    {
        return out(
            "stop",
            format!("each string has 1 to {MAX_STOP_BYTES} bytes"),
        );
    }
    if let Sampling::TopP {
        temperature, top_p, ..
    } = request.sampling
    {
        if !(0.0..=100.0).contains(&temperature) {
            return out("temperature", "it must be from 0 to 100".into());
        }
        if !(top_p > 0.0 && top_p <= 1.0) {
            return out("top_p", "it must be above 0 and at most 1".into());
        }
    }
    Ok(())
}
