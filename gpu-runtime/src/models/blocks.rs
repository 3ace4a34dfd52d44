//! What the architectures share: attention, feed-forward and the way out.
//!
//! Shapes: `t` tokens of all sequences of a step, one after the other; `h` hidden, `q` query heads and
//! `k` key heads of `d` values each, `f` feed-forward, `v` vocabulary.

use std::sync::Arc;

use candle_core::Tensor;

use super::{ModelError, Shape};
use crate::cache::KvCache;
use crate::error::LoadError;
use crate::kernels::attention::Heads;
use crate::ops::{Compute, Linear, Rotation};
use crate::step::Step;
use crate::weights::GgufFile;

/// Grouped-query attention with rotary positions.
pub(super) struct Attention {
    heads: Heads,
    /// `[h] -> [q * d]`, `[h] -> [k * d]` twice
    query: Linear,
    key: Linear,
    value: Linear,
    /// `[q * d] -> [h]`
    output: Linear,
}

impl Attention {
    pub(super) fn load(
        file: &GgufFile,
        cx: &Compute,
        shape: &Shape,
        layer: usize,
    ) -> Result<Attention, LoadError> {
        let Heads { query, kv, dim } = shape.heads;
        let linear = |name: &str, n, k| file.linear(cx, &format!("blk.{layer}.attn_{name}"), n, k);
        Ok(Attention {
            heads: shape.heads,
            query: linear("q", query * dim, shape.hidden)?,
            key: linear("k", kv * dim, shape.hidden)?,
            value: linear("v", kv * dim, shape.hidden)?,
            output: linear("output", shape.hidden, query * dim)?,
        })
    }

    /// `[t, h] -> [t, h]`
    pub(super) fn forward(
        &self,
        cx: &Compute,
        x: &Tensor,
        layer: usize,
        step: &Step,
        rotation: &Rotation,
        cache: &mut KvCache,
    ) -> candle_core::Result<Tensor> {
        let mut projected =
            Linear::forward_all(cx, &[&self.query, &self.key, &self.value], x)?.into_iter();
        let (Some(query), Some(key), Some(value)) =
            (projected.next(), projected.next(), projected.next())
        else {
            candle_core::bail!("three products were expected")
        };
        let query = cx.rotate(query, rotation)?;
        let key = cx.rotate(key, rotation)?;
        cache.write(layer, step, &key, &value)?;
        let mixed = cx.attend(self.heads, &query, layer, step, cache)?; // [t, q * d]
        self.output.forward(cx, &mixed)
    }
}

/// The gated feed-forward network: `down(silu(gate(x)) * up(x))`.
pub(super) struct FeedForward {
    /// `[h] -> [f]` twice
    gate: Linear,
    up: Linear,
    /// `[f] -> [h]`
    down: Linear,
}

impl FeedForward {
    pub(super) fn load(
        file: &GgufFile,
        cx: &Compute,
        shape: &Shape,
        layer: usize,
    ) -> Result<FeedForward, LoadError> {
        let linear = |name: &str, n, k| file.linear(cx, &format!("blk.{layer}.ffn_{name}"), n, k);
        Ok(FeedForward {
            gate: linear("gate", shape.feed_forward, shape.hidden)?,
            up: linear("up", shape.feed_forward, shape.hidden)?,
            down: linear("down", shape.hidden, shape.feed_forward)?,
        })
    }

    /// `[t, h] -> [t, h]`
    pub(super) fn forward(&self, cx: &Compute, x: &Tensor) -> candle_core::Result<Tensor> {
        let mut projected = Linear::forward_all(cx, &[&self.gate, &self.up], x)?.into_iter();
        let (Some(gate), Some(up)) = (projected.next(), projected.next()) else {
            candle_core::bail!("two products were expected")
        };
        self.down.forward(cx, &cx.swiglu(&gate, &up)?)
    }
}

/// The last norm and the way to the vocabulary.
pub(super) struct Head {
    norm: Tensor,
    /// `[h] -> [v]`
    output: Linear,
    epsilon: f32,
}

impl Head {
    pub(super) fn load(
        file: &Arc<GgufFile>,
        cx: &Compute,
        shape: &Shape,
    ) -> Result<Head, LoadError> {
        // Without a matrix of its own, the output shares the token embedding's.
        let name = if file.has("output.weight") {
            "output"
        } else {
            "token_embd"
        };
        Ok(Head {
            norm: file.vector(cx, "output_norm.weight", shape.hidden)?,
            output: file.linear(cx, name, shape.vocabulary, shape.hidden)?,
            epsilon: shape.epsilon,
        })
    }

    /// Logits after the sampled rows of `x`, `[t, h]`: as many rows of `v` values.
    pub(super) fn logits(
        &self,
        cx: &Compute,
        x: &Tensor,
        step: &Step,
    ) -> Result<Vec<f32>, ModelError> {
        let rows = step.sampled_rows();
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let rows = Tensor::from_slice(&rows, rows.len(), x.device())?;
        let x = x.index_select(&rows, 0)?;
        let x = cx.rms_norm(&x, &self.norm, self.epsilon)?;
        let logits = self.output.forward(cx, &x)?; // [rows, v]
        Ok(logits.flatten_all()?.to_vec1::<f32>()?)
    }
}
