//! Model architectures, one to a file.
//!
//! A model maps token ids and positions to logits. It owns weights only: the KV cache is passed in.

mod bert;
mod blocks;
mod llama;
mod qwen2;

use std::sync::Arc;

pub(crate) use bert::Bert;

use crate::cache::KvCache;
use crate::error::LoadError;
use crate::kernels::attention::Heads;
use crate::ops::Compute;
use crate::step::Step;
use crate::weights::GgufFile;

/// Why a step was not computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ModelError {
    /// The caller asked to stop.
    #[error("the step was interrupted")]
    Interrupted,
    /// The device failed.
    #[error("{0}")]
    Device(String),
}

impl From<candle_core::Error> for ModelError {
    fn from(error: candle_core::Error) -> Self {
        ModelError::Device(crate::weights::first_line(&error))
    }
}

/// A language model.
pub(crate) trait Model: Send {
    /// Where it keeps keys and values.
    type Cache: Send;

    /// Tokens in the vocabulary: the length of a row of logits.
    fn vocabulary(&self) -> usize;

    /// Computes a step: stores its tokens' keys and values in the cache and gives a row of logits for
    /// each span that wants them. `interrupt` is asked between layers; what an interrupted step
    /// stored is overwritten when the step is computed again.
    fn forward(
        &self,
        step: &Step,
        cache: &mut Self::Cache,
        interrupt: &dyn Fn() -> bool,
    ) -> Result<Vec<f32>, ModelError>;

    /// Copies a block of the cache in all layers.
    fn copy_block(&self, cache: &mut Self::Cache, from: u32, to: u32) -> Result<(), ModelError>;
}

/// The sizes of a decoder, as the file's metadata gives them.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) layers: usize,
    pub(crate) hidden: usize,
    pub(crate) feed_forward: usize,
    pub(crate) heads: Heads,
    pub(crate) vocabulary: usize,
    pub(crate) context: usize,
    pub(crate) epsilon: f32,
    pub(crate) rope_base: f64,
    pub(crate) rope_scale: f64,
    pub(crate) rope_dims: usize,
}

impl Shape {
    /// Reads the sizes under the architecture's own prefix.
    fn read(file: &GgufFile, architecture: &str) -> Result<Shape, LoadError> {
        let key = |name: &str| format!("{architecture}.{name}");
        let size = |name: &str, max: usize| file.size(&key(name), 1..=max);
        let hidden = size("embedding_length", 1 << 16)?;
        let query = size("attention.head_count", 1 << 10)?;
        let kv = match file.integer(&key("attention.head_count_kv")) {
            Some(_) => size("attention.head_count_kv", query)?,
            None => query,
        };
        let dim = match file.integer(&key("attention.key_length")) {
            Some(_) => size("attention.key_length", 1 << 10)?,
            None => hidden / query,
        };
        if !query.is_multiple_of(kv) || !dim.is_multiple_of(16) || dim == 0 {
            return Err(file.unsupported(format!("{query} heads over {kv} of {dim} values")));
        }
        let scaling = file.string(&key("rope.scaling.type")).unwrap_or("none");
        let rope_scale = match scaling {
            "none" => 1.0,
            "linear" => {
                1.0 / file
                    .float(&key("rope.scaling.factor"))
                    .filter(|f| *f > 0.0)
                    .unwrap_or(1.0)
            }
            other => return Err(file.unsupported(format!("position scaling of type `{other}`"))),
        };
        let rope_dims = match file.integer(&key("rope.dimension_count")) {
            Some(_) => size("rope.dimension_count", dim)?,
            None => dim,
        };
        Ok(Shape {
            layers: size("block_count", 1 << 10)?,
            hidden,
            feed_forward: size("feed_forward_length", 1 << 18)?,
            heads: Heads { query, kv, dim },
            vocabulary: file.strings("tokenizer.ggml.tokens")?.len(),
            context: size("context_length", 1 << 24)?,
            epsilon: file
                .float(&key("attention.layer_norm_rms_epsilon"))
                .unwrap_or(1e-5) as f32,
            rope_base: file.float(&key("rope.freq_base")).unwrap_or(10_000.0),
            rope_scale,
            rope_dims,
        })
    }
}

/// A model of a known architecture.
pub(crate) struct Loaded {
    pub(crate) architecture: &'static str,
    pub(crate) shape: Shape,
    pub(crate) model: Box<dyn Model<Cache = KvCache>>,
    pub(crate) compute: Arc<Compute>,
}

/// Loads whatever architecture the file holds.
pub(crate) fn load(file: Arc<GgufFile>, compute: Arc<Compute>) -> Result<Loaded, LoadError> {
    let Some(architecture) = file.string("general.architecture") else {
        return Err(file.damaged("it does not say which architecture it holds"));
    };
    let (architecture, shape, model): (_, _, Box<dyn Model<Cache = KvCache>>) = match architecture {
        "qwen2" => {
            let model = qwen2::Qwen2::load(Arc::clone(&file), Arc::clone(&compute))?;
            ("qwen2", model.shape.clone(), Box::new(model))
        }
        "llama" => {
            let model = llama::Llama::load(Arc::clone(&file), Arc::clone(&compute))?;
            ("llama", model.shape.clone(), Box::new(model))
        }
        other => return Err(file.unsupported_architecture(other)),
    };
    file.release_pages();
    Ok(Loaded {
        architecture,
        shape,
        model,
        compute,
    })
}
