//! The same operations by candle's own, on any device.

use candle_core::{D, DType, Result, Tensor, bail};

use super::{RopeStyle, Rotation};
use crate::cache::KvCache;
use crate::kernels::attention::Heads;
use crate::step::Step;

pub(super) fn rms_norm(x: &Tensor, weight: &Tensor, epsilon: f32) -> Result<Tensor> {
    candle_nn::ops::rms_norm(&x.contiguous()?, weight, epsilon)
}

pub(super) fn swiglu(gate: &Tensor, up: &Tensor) -> Result<Tensor> {
    candle_nn::ops::silu(gate)? * up
}

pub(super) fn rotate(x: &Tensor, rotation: &Rotation) -> Result<Tensor> {
    let (tokens, width) = x.dims2()?;
    let shape = (tokens, rotation.half);
    let cos = Tensor::from_slice(&rotation.cos, shape, x.device())?;
    let sin = Tensor::from_slice(&rotation.sin, shape, x.device())?;
    // [1, heads, t, dim]: what candle's rotations take.
    let heads = width / rotation.head_dim;
    let x = x.reshape((1, tokens, heads, rotation.head_dim))?;
    let x = x.transpose(1, 2)?.contiguous()?;
    let turned = x.narrow(D::Minus1, 0, 2 * rotation.half)?.contiguous()?;
    let turned = match rotation.style {
        RopeStyle::Halves => candle_nn::rotary_emb::rope(&turned, &cos, &sin)?,
        RopeStyle::Pairs => candle_nn::rotary_emb::rope_i(&turned, &cos, &sin)?,
    };
    let rest = rotation.head_dim - 2 * rotation.half;
    let x = if rest == 0 {
        turned
    } else {
        let rest = x.narrow(D::Minus1, 2 * rotation.half, rest)?;
        Tensor::cat(&[&turned, &rest.contiguous()?], D::Minus1)?
    };
    x.transpose(1, 2)?.contiguous()?.reshape((tokens, width))
}

pub(super) fn attend(
    heads: Heads,
    queries: &Tensor,
    layer: usize,
    step: &Step,
    cache: &KvCache,
) -> Result<Tensor> {
    let Heads { query, kv, dim } = heads;
    let mut outs = Vec::with_capacity(step.spans.len());
    for span in &step.spans {
        let (tokens, start) = (span.rows.len(), span.start(step));
        let seen = start + tokens;
        let Some((keys, values)) = cache.gather(layer, &span.blocks, seen)? else {
            bail!("the cache is not one of tensors")
        };
        // [kv, group * t, dim] x [kv, dim, seen]
        let group = query / kv;
        let q = queries.narrow(0, span.rows.start, tokens)?;
        let q = q.reshape((tokens, kv, group, dim))?.permute((1, 2, 0, 3))?;
        let q = q.contiguous()?.reshape((kv, group * tokens, dim))?;
        let keys = keys.permute((1, 2, 0))?.contiguous()?;
        let values = values.transpose(0, 1)?.contiguous()?;
        let scores = (q.matmul(&keys)? * (1.0 / (dim as f64).sqrt()))?;
        let scores = scores.reshape((kv, group, tokens, seen))?;
        let mask = (0..tokens).flat_map(|token| {
            (0..seen).map(move |key| {
                if key <= start + token {
                    0f32
                } else {
                    f32::NEG_INFINITY
                }
            })
        });
        let mask = Tensor::from_iter(mask, queries.device())?.reshape((1, 1, tokens, seen))?;
        let weights = candle_nn::ops::softmax_last_dim(&scores.broadcast_add(&mask)?)?;
        let weights = weights
            .reshape((kv, group * tokens, seen))?
            .to_dtype(DType::F32)?;
        // [kv, group * t, seen] x [kv, seen, dim]
        let out = weights.matmul(&values)?.reshape((kv, group, tokens, dim))?;
        outs.push(
            out.permute((2, 0, 1, 3))?
                .contiguous()?
                .reshape((tokens, query * dim))?,
        );
    }
    Tensor::cat(&outs, 0)
}
