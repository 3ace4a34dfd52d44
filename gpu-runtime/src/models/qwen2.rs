//! Qwen2 and Qwen2.5: biases on query, key and value; rotation of the halves of a head.
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
use crate::weights::{Embedding, GgufFile};

/// A decoder of the qwen2 family.
pub(super) struct Qwen2 {
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

impl Qwen2 {
    pub(super) fn load(file: Arc<GgufFile>, compute: Arc<Compute>) -> Result<Qwen2, LoadError> {
        let cx = &*compute;
        let shape = Shape::read(&file, "qwen2")?;
        let rope = Rope::new(
            RopeStyle::Halves,
            shape.heads.dim,
            shape.rope_dims,
            shape.rope_base,
            shape.rope_scale,
            None,
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
        Ok(Qwen2 {
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

impl Model for Qwen2 {
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
