//! BERT as a sentence encoder: MiniLM, whose vectors are the mean over all pieces, at length 1.
//!
//! Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers" (2018); Reimers and
//! Gurevych, "Sentence-BERT" (2019). Shapes: b texts, n pieces of the longest, h hidden, a heads.

use std::collections::HashMap;

use candle_core::{D, DType, Device, Result, Tensor};
use candle_nn::ops::{layer_norm, softmax_last_dim};

use super::ModelError;

/// Sizes that the file's tensors do not tell.
const HEADS: usize = 12;
const EPSILON: f32 = 1e-12;
/// What padding adds to an attention score.
const HIDDEN_SCORE: f32 = -1e9;
/// More layers than any model of this kind has.
const MAX_LAYERS: usize = 48;

struct Linear {
    /// (in, out)
    weight: Tensor,
    bias: Tensor,
}

impl Linear {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        x.matmul(&self.weight)?.broadcast_add(&self.bias)
    }
}

struct Norm {
    weight: Tensor,
    bias: Tensor,
}

impl Norm {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        layer_norm(&x.contiguous()?, &self.weight, &self.bias, EPSILON)
    }
}

struct Layer {
    query: Linear,
    key: Linear,
    value: Linear,
    mixed: Linear,
    mixed_norm: Norm,
    wide: Linear,
    narrow: Linear,
    narrow_norm: Norm,
}

/// The weights.
pub(crate) struct Bert {
    /// (vocabulary, h)
    words: Tensor,
    /// (512, h)
    positions: Tensor,
    /// (1, h)
    segment: Tensor,
    norm: Norm,
    layers: Vec<Layer>,
    device: Device,
}

/// Tensors by name; an error names what is missing or has another shape.
struct Weights(HashMap<String, Tensor>);

impl Weights {
    fn take(&mut self, name: &str, shape: &[usize]) -> Result<Tensor> {
        let found = self.0.remove(name);
        let found = found.filter(|tensor| tensor.dims() == shape && tensor.dtype() == DType::F32);
        found
            .ok_or_else(|| candle_core::Error::Msg(format!("no tensor {name} of {shape:?} in f32")))
    }

    fn linear(&mut self, name: &str, inputs: usize, outputs: usize) -> Result<Linear> {
        let weight = self.take(&format!("{name}.weight"), &[outputs, inputs])?;
        Ok(Linear {
            weight: weight.t()?.contiguous()?,
            bias: self.take(&format!("{name}.bias"), &[outputs])?,
        })
    }

    fn norm(&mut self, name: &str, hidden: usize) -> Result<Norm> {
        Ok(Norm {
            weight: self.take(&format!("{name}.weight"), &[hidden])?,
            bias: self.take(&format!("{name}.bias"), &[hidden])?,
        })
    }
}

impl Bert {
    /// Takes the weights out of a file's tensors. `pieces` are in the vocabulary, and texts have at
    /// most `length` of them.
    pub(crate) fn load(
        tensors: HashMap<String, Tensor>,
        (pieces, length, hidden): (usize, usize, usize),
        device: Device,
    ) -> Result<Bert> {
        let mut weights = Weights(tensors);
        let words = weights.take("embeddings.word_embeddings.weight", &[pieces, hidden])?;
        let name = "embeddings.position_embeddings.weight";
        let positions = weights.take(name, &[length, hidden])?;
        let name = "embeddings.token_type_embeddings.weight";
        let segment = weights.take(name, &[2, hidden])?.narrow(0, 0, 1)?;
        let norm = weights.norm("embeddings.LayerNorm", hidden)?;
        let inner = hidden * 4;
        let mut layers = Vec::new();
        for index in 0..MAX_LAYERS {
            let at = format!("encoder.layer.{index}");
            let own = format!("{at}.attention.self");
            if !weights.0.contains_key(&format!("{own}.query.weight")) {
                break;
            }
            let out = format!("{at}.attention.output");
            layers.push(Layer {
                query: weights.linear(&format!("{own}.query"), hidden, hidden)?,
                key: weights.linear(&format!("{own}.key"), hidden, hidden)?,
                value: weights.linear(&format!("{own}.value"), hidden, hidden)?,
                mixed: weights.linear(&format!("{out}.dense"), hidden, hidden)?,
                mixed_norm: weights.norm(&format!("{out}.LayerNorm"), hidden)?,
                wide: weights.linear(&format!("{at}.intermediate.dense"), hidden, inner)?,
                narrow: weights.linear(&format!("{at}.output.dense"), inner, hidden)?,
                narrow_norm: weights.norm(&format!("{at}.output.LayerNorm"), hidden)?,
            });
        }
        if layers.is_empty() || hidden % HEADS != 0 {
            candle_core::bail!("it has no layers of a sentence encoder");
        }
        Ok(Bert {
            words,
            positions,
            segment,
            norm,
            layers,
            device,
        })
    }

    /// One vector a text. `interrupt` is asked between layers.
    pub(crate) fn forward(
        &self,
        texts: &[&[u32]],
        interrupt: &dyn Fn() -> bool,
    ) -> std::result::Result<Vec<Vec<f32>>, ModelError> {
        let b = texts.len();
        let n = texts.iter().map(|ids| ids.len()).max().unwrap_or(0);
        let mut ids = vec![0u32; b * n];
        let mut seen = vec![0f32; b * n];
        for (row, text) in texts.iter().enumerate() {
            ids[row * n..][..text.len()].copy_from_slice(text);
            seen[row * n..][..text.len()].fill(1.0);
        }
        let ids = Tensor::from_vec(ids, b * n, &self.device)?;
        let seen = Tensor::from_vec(seen, (b, n, 1), &self.device)?;
        // (b, 1, 1, n): 0 for pieces, very little for padding.
        let mask = seen
            .affine(-f64::from(HIDDEN_SCORE), f64::from(HIDDEN_SCORE))?
            .reshape((b, 1, 1, n))?;

        let hidden = self.words.dim(1)?;
        let places = self
            .positions
            .narrow(0, 0, n)?
            .broadcast_add(&self.segment)?;
        let words = self.words.index_select(&ids, 0)?.reshape((b, n, hidden))?;
        let x = words.broadcast_add(&places)?.reshape((b * n, hidden))?;
        let mut x = self.norm.forward(&x)?;
        for layer in &self.layers {
            if interrupt() {
                return Err(ModelError::Interrupted);
            }
            x = layer.forward(&x, &mask, (b, n))?;
        }
        let sums = x.reshape((b, n, hidden))?.broadcast_mul(&seen)?.sum(1)?;
        let mean = sums.broadcast_div(&seen.sum(1)?)?;
        let length = mean.sqr()?.sum_keepdim(D::Minus1)?.sqrt()?;
        Ok(mean.broadcast_div(&length)?.to_vec2()?)
    }
}

impl Layer {
    /// (b·n, h) to (b·n, h).
    fn forward(&self, x: &Tensor, mask: &Tensor, (b, n): (usize, usize)) -> Result<Tensor> {
        let hidden = x.dim(1)?;
        let dim = hidden / HEADS;
        // (b, a, n, h/a)
        let heads = |linear: &Linear| {
            let split = linear.forward(x)?.reshape((b, n, HEADS, dim))?;
            split.transpose(1, 2)?.contiguous()
        };
        let (query, key, value) = (heads(&self.query)?, heads(&self.key)?, heads(&self.value)?);
        let scores = query
            .matmul(&key.t()?)?
            .affine(1.0 / (dim as f64).sqrt(), 0.0)?;
        let weights = softmax_last_dim(&scores.broadcast_add(mask)?)?;
        let mixed = weights.matmul(&value)?.transpose(1, 2)?;
        let mixed = mixed.contiguous()?.reshape((b * n, hidden))?;
        let x = self
            .mixed_norm
            .forward(&(x + self.mixed.forward(&mixed)?)?)?;
        let wide = self.wide.forward(&x)?.gelu_erf()?;
        self.narrow_norm
            .forward(&(&x + self.narrow.forward(&wide)?)?)
    }
}
