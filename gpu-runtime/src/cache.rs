//! The KV cache: blocks of 16 tokens for all layers, allocated once.
//!
//! Which sequence holds which block is the scheduler's business; here are only the bytes.

use candle_core::{DType, Device, Result, Tensor};
use half::slice::{HalfBitsSliceExt, HalfFloatSliceExt};

use crate::kernels::attention::{Heads, Layer};
use crate::limits::BLOCK_TOKENS;
use crate::step::Step;

/// The largest finite 16-bit float: what is larger is stored as this.
const F16_MAX: f32 = 65504.0;

/// Keys and values of every layer, in blocks.
pub(crate) struct KvCache {
    heads: Heads,
    store: Store,
}

enum Store {
    /// 16-bit floats in the kernels' layout, a buffer for each layer. Untouched pages take no memory.
    Kernels {
        keys: Vec<Vec<u16>>,
        values: Vec<Vec<u16>>,
    },
    /// A tensor `[blocks * 16, kv heads * dim]` for each layer.
    Tensors {
        keys: Vec<Tensor>,
        values: Vec<Tensor>,
    },
}

impl KvCache {
    /// Bytes that one token takes in all layers together.
    pub(crate) fn bytes_per_token(heads: Heads, layers: usize) -> u64 {
        (2 * 2 * layers * heads.kv * heads.dim) as u64
    }

    /// A cache for the CPU kernels.
    pub(crate) fn for_kernels(heads: Heads, layers: usize, blocks: usize) -> KvCache {
        let buffers = || {
            (0..layers)
                .map(|_| vec![0u16; blocks * heads.block_len()])
                .collect()
        };
        KvCache {
            heads,
            store: Store::Kernels {
                keys: buffers(),
                values: buffers(),
            },
        }
    }

    /// A cache of tensors on any device.
    pub(crate) fn on_device(
        heads: Heads,
        layers: usize,
        blocks: usize,
        device: &Device,
    ) -> Result<KvCache> {
        let shape = (blocks * BLOCK_TOKENS, heads.kv * heads.dim);
        let buffers = || {
            let zeros = (0..layers).map(|_| Tensor::zeros(shape, DType::F32, device));
            zeros.collect::<Result<Vec<_>>>()
        };
        Ok(KvCache {
            heads,
            store: Store::Tensors {
                keys: buffers()?,
                values: buffers()?,
            },
        })
    }

    /// Stores the keys and values of a step's tokens, both `[tokens, kv heads * dim]`.
    pub(crate) fn write(
        &mut self,
        layer: usize,
        step: &Step,
        keys: &Tensor,
        values: &Tensor,
    ) -> Result<()> {
        let Heads { kv, dim, .. } = self.heads;
        match &mut self.store {
            Store::Kernels {
                keys: all_keys,
                values: all_values,
            } => {
                let keys = to_halves(keys)?;
                let values = to_halves(values)?;
                let (all_keys, all_values) = (&mut all_keys[layer], &mut all_values[layer]);
                for (row, block, slot) in slots(step) {
                    for head in 0..kv {
                        let at = (block * kv + head) * dim * BLOCK_TOKENS;
                        let from = (row * kv + head) * dim;
                        for (index, key) in keys[from..from + dim].iter().enumerate() {
                            all_keys[at + index * BLOCK_TOKENS + slot] = *key;
                        }
                        all_values[at + slot * dim..][..dim]
                            .copy_from_slice(&values[from..from + dim]);
                    }
                }
            }
            Store::Tensors {
                keys: all_keys,
                values: all_values,
            } => {
                for (row, block, slot) in slots(step) {
                    let at = block * BLOCK_TOKENS + slot;
                    all_keys[layer].slice_set(&keys.narrow(0, row, 1)?.contiguous()?, 0, at)?;
                    all_values[layer].slice_set(&values.narrow(0, row, 1)?.contiguous()?, 0, at)?;
                }
            }
        }
        Ok(())
    }

    /// A layer for the CPU kernels; `None` if the cache is one of tensors.
    pub(crate) fn layer(&self, layer: usize) -> Option<Layer<'_>> {
        match &self.store {
            Store::Kernels { keys, values } => Some(Layer {
                keys: &keys[layer],
                values: &values[layer],
            }),
            Store::Tensors { .. } => None,
        }
    }

    /// Keys and values of the first `tokens` tokens of a sequence, both `[tokens, kv heads, dim]`.
    pub(crate) fn gather(
        &self,
        layer: usize,
        blocks: &[u32],
        tokens: usize,
    ) -> Result<Option<(Tensor, Tensor)>> {
        let Store::Tensors { keys, values } = &self.store else {
            return Ok(None);
        };
        let slot = |token: usize| {
            blocks[token / BLOCK_TOKENS] * BLOCK_TOKENS as u32 + (token % BLOCK_TOKENS) as u32
        };
        let slots: Vec<u32> = (0..tokens).map(slot).collect();
        let slots = Tensor::from_vec(slots, tokens, keys[layer].device())?;
        let shape = (tokens, self.heads.kv, self.heads.dim);
        let keys = keys[layer].index_select(&slots, 0)?.reshape(shape)?;
        let values = values[layer].index_select(&slots, 0)?.reshape(shape)?;
        Ok(Some((keys, values)))
    }

    /// Copies a block in all layers: what a fork needs for the block that both would write to.
    pub(crate) fn copy_block(&mut self, from: u32, to: u32) -> Result<()> {
        let (from, to) = (from as usize, to as usize);
        match &mut self.store {
            Store::Kernels { keys, values } => {
                let len = self.heads.block_len();
                for buffer in keys.iter_mut().chain(values) {
                    buffer.copy_within(from * len..(from + 1) * len, to * len);
                }
            }
            Store::Tensors { keys, values } => {
                for tensor in keys.iter_mut().chain(values) {
                    let block = tensor
                        .narrow(0, from * BLOCK_TOKENS, BLOCK_TOKENS)?
                        .copy()?;
                    tensor.slice_set(&block, 0, to * BLOCK_TOKENS)?;
                }
            }
        }
        Ok(())
    }
}

/// For each token of a step: its row, the block that it goes to, and the place within the block.
fn slots(step: &Step) -> impl Iterator<Item = (usize, usize, usize)> + '_ {
    step.spans.iter().flat_map(|span| {
        span.rows.clone().map(|row| {
            let position = step.positions[row] as usize;
            let block = span.blocks[position / BLOCK_TOKENS] as usize;
            (row, block, position % BLOCK_TOKENS)
        })
    })
}

fn to_halves(tensor: &Tensor) -> Result<Vec<u16>> {
    let mut values = tensor.flatten_all()?.to_vec1::<f32>()?;
    for value in &mut values {
        *value = value.clamp(-F16_MAX, F16_MAX);
    }
    let mut halves = vec![0u16; values.len()];
    halves
        .reinterpret_cast_mut::<half::f16>()
        .convert_from_f32_slice(&values);
    Ok(halves)
}
