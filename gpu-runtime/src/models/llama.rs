//! Llama and its kin, SmolLM2 among them: no biases; rotation of neighbours, with frequency factors
//! where the file has them (Llama 3.1 and later).
//!
//! Shapes as in [`super::blocks`].

use std::sync::Arc;

use candle_core::Tensor;

use super::blocks::{Attention, FeedForward, Head};
use super::{Model, ModelError, Shape};
use crate::cache::KvCache;
use crate::error::LoadError;
use crate::ops::{Compute, Rope, RopeStyle};
use crate::step::Step;
use crate::weights::{Embedding, GgufFile, first_line};

/// A decoder of the llama family.
pub(super) struct Llama {
    pub(super) shape: Shape,
    compute: Arc<Compute>,
    embedding: Embedding,
    rope: Rope,
    layers: Vec<Layer>,
    head: Head,
}

struct Layer {
    attention_norm: Tensor,
    attention: Attention,
    feed_forward_norm: Tensor,
    feed_forward: FeedForward,
}

impl Llama {
    pub(super) fn load(file: Arc<GgufFile>, compute: Arc<Compute>) -> Result<Llama, LoadError> {
        let cx = &*compute;
        let shape = Shape::read(&file, "llama")?;
        let factors = match file.has("rope_freqs.weight") {
            true => Some(file.vector(cx, "rope_freqs.weight", shape.rope_dims / 2)?),
            false => None,
        };
        let factors = factors.map(|factors| factors.to_vec1::<f32>()).transpose();
        let factors = factors.map_err(|error| LoadError::Device(first_line(&error)))?;
        let rope = Rope::new(
            RopeStyle::Pairs,
            shape.heads.dim,
            shape.rope_dims,
            shape.rope_base,
            shape.rope_scale,
            factors.as_deref(),
        );
        let layers = (0..shape.layers).map(|layer| {
            let norm =
                |name: &str| file.vector(cx, &format!("blk.{layer}.{name}.weight"), shape.hidden);
            Ok(Layer {
                attention_norm: norm("attn_norm")?,
                attention: Attention::load(&file, cx, &shape, layer)?,
                feed_forward_norm: norm("ffn_norm")?,
                feed_forward: FeedForward::load(&file, cx, &shape, layer)?,
            })
        });
        Ok(Llama {
            layers: layers.collect::<Result<_, LoadError>>()?,
            head: Head::load(&file, cx, &shape)?,
            embedding: Embedding::new(
                Arc::clone(&file),
                "token_embd.weight",
                shape.vocabulary,
                shape.hidden,
            )?,
            rope,
            shape,
            compute,
        })
    }
}

impl Model for Llama {
    type Cache = KvCache;

    fn vocabulary(&self) -> usize {
        self.shape.vocabulary
    }

    fn forward(
        &self,
        step: &Step,
        cache: &mut KvCache,
        interrupt: &dyn Fn() -> bool,
    ) -> Result<Vec<f32>, ModelError> {
        let cx = &*self.compute;
        let rotation = self.rope.at(&step.positions);
        let mut x = self.embedding.rows(cx, &step.ids)?; // [t, h]
        for (index, layer) in self.layers.iter().enumerate() {
            if interrupt() {
                return Err(ModelError::Interrupted);
            }
            let normed = cx.rms_norm(&x, &layer.attention_norm, self.shape.epsilon)?;
            x = (x + layer
                .attention
                .forward(cx, &normed, index, step, &rotation, cache)?)?;
            let normed = cx.rms_norm(&x, &layer.feed_forward_norm, self.shape.epsilon)?;
            x = (x + layer.feed_forward.forward(cx, &normed)?)?;
        }
        self.head.logits(cx, &x, step)
    }
    fn copy_block(&self, cache: &mut KvCache, from: u32, to: u32) -> Result<(), ModelError> {
        Ok(cache.copy_block(from, to)?)
    }
}
