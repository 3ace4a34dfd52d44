//! The sentence encoder as a service: texts in, vectors out.
//!
//! It has a thread of its own that the system runs after those of the language model, and computes
//! in small batches: between two of them, who waits for an answer comes before who does not.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use candle_core::{Device, safetensors};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::error::{EmbedError, LoadError};
use crate::limits::{
    EMBED_BATCH_PIECES, MAX_EMBED_BYTES, MAX_EMBED_PIECES, MAX_EMBED_TEXTS, MAX_EMBED_WAITING,
};
use crate::models::{Bert, ModelError};
use crate::request::Priority;
use crate::weights::first_line;
use crate::wordpiece::WordPieces;

/// Numbers in a vector.
pub const EMBEDDING_DIMENSIONS: usize = 384;
/// Pieces in the vocabulary.
const VOCABULARY: usize = 30522;
/// Positions that the file has weights for; the model was made for the first [`MAX_EMBED_PIECES`].
const POSITIONS: usize = 512;
/// How much the thread gives way to others, as `nice` counts.
const NICENESS: i32 = 10;

/// What was computed.
#[derive(Clone, Debug, PartialEq)]
pub struct Embeddings {
    /// A vector of length 1 for each text, in their order.
    pub vectors: Vec<Vec<f32>>,
    /// Word pieces that were read, those of begin and end included.
    pub pieces: u32,
}

/// A loaded sentence encoder; cheap to clone. It is unloaded when the last clone is gone.
#[derive(Clone)]
pub struct Embedder {
    inner: Arc<Inner>,
}

struct Inner {
    pieces: Arc<WordPieces>,
    shared: Arc<Shared>,
    worker: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
    shutdown: CancellationToken,
}

#[derive(Default)]
struct Queue {
    interactive: VecDeque<Job>,
    background: VecDeque<Job>,
}

struct Job {
    texts: Vec<Vec<u32>>,
    /// Places in `texts` that are left, the longest text first.
    left: Vec<usize>,
    vectors: Vec<Vec<f32>>,
    priority: Priority,
    cancel: CancellationToken,
    reply: oneshot::Sender<Result<Embeddings, EmbedError>>,
}

impl std::fmt::Debug for Embedder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Embedder").finish_non_exhaustive()
    }
}

impl Embedder {
    /// Loads all-MiniLM-L6-v2 from its safetensors. Blocks for as long as reading takes.
    pub fn load(path: &Path) -> Result<Embedder, LoadError> {
        let bytes = std::fs::read(path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => LoadError::NotFound { path: path.into() },
            _ => LoadError::Io {
                path: path.into(),
                source,
            },
        })?;
        let damaged = |error: &dyn std::fmt::Display| LoadError::Damaged {
            path: path.into(),
            detail: first_line(error),
        };
        let device = Device::Cpu;
        let tensors = safetensors::load_buffer(&bytes, &device).map_err(|error| damaged(&error))?;
        drop(bytes);
        let sizes = (VOCABULARY, POSITIONS, EMBEDDING_DIMENSIONS);
        let model = Bert::load(tensors, sizes, device).map_err(|error| damaged(&error))?;
        let pieces = WordPieces::new().map_err(|error| damaged(&error))?;
        let shared = Arc::new(Shared::default());
        let of_worker = Arc::clone(&shared);
        let worker = std::thread::Builder::new()
            .name("alcove-embed".into())
            .spawn(move || work(&model, &of_worker))
            .map_err(|error| LoadError::Device(first_line(&error)))?;
        Ok(Embedder {
            inner: Arc::new(Inner {
                pieces: Arc::new(pieces),
                shared,
                worker: Mutex::new(Some(worker)),
            }),
        })
    }

    /// Embeds texts; of a long one, the first [`MAX_EMBED_PIECES`] pieces. Dropping the future or
    /// cancelling ends the work within a layer. Needs a tokio runtime.
    pub async fn embed(
        &self,
        texts: Vec<String>,
        priority: Priority,
        cancel: CancellationToken,
    ) -> Result<Embeddings, EmbedError> {
        check(&texts)?;
        let pieces = Arc::clone(&self.inner.pieces);
        let encoded = tokio::task::spawn_blocking(move || {
            let encode = |text: &String| pieces.encode(text, MAX_EMBED_PIECES);
            texts.iter().map(encode).collect::<Result<Vec<_>, _>>()
        });
        let texts = encoded
            .await
            .map_err(|_| EmbedError::Stopped)?
            .map_err(|error| EmbedError::Device(first_line(&error)))?;
        let mut left: Vec<usize> = (0..texts.len()).collect();
        left.sort_by_key(|&place| std::cmp::Reverse(texts[place].len()));
        let (reply, replied) = oneshot::channel();
        let vectors = vec![Vec::new(); texts.len()];
        self.inner.shared.push(Job {
            texts,
            left,
            vectors,
            priority,
            cancel: cancel.clone(),
            reply,
        })?;
        tokio::select! {
            () = cancel.cancelled() => Err(EmbedError::Cancelled),
            embedded = replied => embedded.unwrap_or(Err(EmbedError::Stopped)),
        }
    }
}

fn check(texts: &[String]) -> Result<(), EmbedError> {
    let bytes = texts.iter().map(String::len).sum();
    if texts.is_empty() || texts.iter().any(String::is_empty) {
        Err(EmbedError::Empty)
    } else if texts.len() > MAX_EMBED_TEXTS {
        Err(EmbedError::TooMany { texts: texts.len() })
    } else if bytes > MAX_EMBED_BYTES {
        Err(EmbedError::TooLong { bytes })
    } else {
        Ok(())
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.shutdown.cancel();
        drop(self.shared.queue());
        self.shared.changed.notify_all();
        let worker = self
            .worker
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if worker.take().is_some_and(|worker| worker.join().is_err()) {
            tracing::error!("the sentence encoder's thread panicked");
        }
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, job: Job) -> Result<(), EmbedError> {
        let mut queue = self.queue();
        let line = queue.line(job.priority);
        if line.len() >= MAX_EMBED_WAITING {
            return Err(EmbedError::QueueFull);
        }
        line.push_back(job);
        drop(queue);
        self.changed.notify_one();
        Ok(())
    }

    /// The next job; `None` at the end.
    fn next(&self) -> Option<Job> {
        let mut queue = self.queue();
        loop {
            if self.shutdown.is_cancelled() {
                return None;
            }
            let interactive = queue.interactive.pop_front();
            if let Some(job) = interactive.or_else(|| queue.background.pop_front()) {
                return Some(job);
            }
            let changed = self.changed.wait(queue);
            queue = changed.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Queue {
    fn line(&mut self, priority: Priority) -> &mut VecDeque<Job> {
        match priority {
            Priority::Interactive => &mut self.interactive,
            Priority::Background => &mut self.background,
        }
    }
}

fn work(model: &Bert, shared: &Shared) {
    // Of the calling thread, and of those that it begins.
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::debug!(%error, "the sentence encoder runs beside the language model, not after it");
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // Candle computes on the pool that it is called from: half of the cores stay free.
    let pool = rayon::ThreadPoolBuilder::new().num_threads((cores / 2).max(1));
    let pool = match pool.build() {
        Ok(pool) => pool,
        Err(error) => {
            tracing::error!(%error, "the sentence encoder got no threads");
            return;
        }
    };
    while let Some(mut job) = shared.next() {
        let is_over =
            || job.cancel.is_cancelled() || job.reply.is_closed() || shared.shutdown.is_cancelled();
        let batch = batch(&job.texts, &job.left);
        let texts: Vec<&[u32]> = batch.iter().map(|&at| job.texts[at].as_slice()).collect();
        let vectors = pool.install(|| model.forward(&texts, &is_over));
        match vectors {
            Ok(vectors) => {
                let count = batch.len();
                for (&at, vector) in batch.iter().zip(vectors) {
                    job.vectors[at] = vector;
                }
                job.left.drain(..count);
                if job.left.is_empty() {
                    let pieces: usize = job.texts.iter().map(Vec::len).sum();
                    // Whoever asked may be gone.
                    let _ = job.reply.send(Ok(Embeddings {
                        vectors: job.vectors,
                        pieces: u32::try_from(pieces).unwrap_or(u32::MAX),
                    }));
                } else {
                    shared.queue().line(job.priority).push_front(job);
                }
            }
            Err(ModelError::Interrupted) => {}
            Err(ModelError::Device(error)) => {
                let _ = job.reply.send(Err(EmbedError::Device(error)));
            }
        }
    }
}

/// Texts that are computed together: of about one length, since the longest is first.
fn batch(texts: &[Vec<u32>], left: &[usize]) -> Vec<usize> {
    let longest = left.first().map_or(1, |&at| texts[at].len());
    let count = (EMBED_BATCH_PIECES / longest).max(1);
    left.iter().copied().take(count).collect()
}
