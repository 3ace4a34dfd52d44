//! Operations on CPU tensors of 32-bit floats, by our own loops: candle's hand each row to another
//! thread pool, which costs more than the work for the few rows of a decoding step.

use candle_core::{Device, Result, Storage, Tensor, bail};

use super::{Compute, RopeStyle, Rotation};
use crate::kernels::attention::{Heads, Layer, attend as attend_kernel};
use crate::kernels::math::exp;
use crate::kernels::pool::Shards;
use crate::step::Step;

/// Rows that one iteration of a parallel loop takes.
const ROWS: usize = 4;

/// Runs `f` on the values of a contiguous CPU tensor.
pub(super) fn with_values<T>(x: &Tensor, f: impl FnOnce(&[f32]) -> Result<T>) -> Result<T> {
    let (storage, layout) = x.storage_and_layout();
    let Storage::Cpu(storage) = &*storage else {
        bail!("a CPU tensor was expected")
    };
    let Some((start, end)) = layout.contiguous_offsets() else {
        bail!("a contiguous tensor was expected")
    };
    f(&storage.as_slice::<f32>()?[start..end])
}

/// Maps each row of `x` to a row of the same length.
fn map_rows(
    cx: &Compute,
    x: &Tensor,
    f: impl Fn(&[f32], &mut [f32], usize) + Sync,
) -> Result<Tensor> {
    let (rows, width) = x.dims2()?;
    let mut out = vec![0f32; rows * width];
    with_values(x, |x| {
        let shards = Shards::new(&mut out);
        cx.pool.run(rows.div_ceil(ROWS), &|chunk| {
            for row in chunk * ROWS..((chunk + 1) * ROWS).min(rows) {
                #[expect(unsafe_code, reason = "each iteration writes its own rows")]
                // SAFETY: rows do not overlap.
                let out = unsafe { shards.part(row * width, width) };
                f(&x[row * width..(row + 1) * width], out, row);
            }
        });
        Ok(())
    })?;
    Tensor::from_vec(out, (rows, width), &Device::Cpu)
}

pub(super) fn rms_norm(cx: &Compute, x: &Tensor, weight: &Tensor, epsilon: f32) -> Result<Tensor> {
    with_values(weight, |weight| {
        map_rows(cx, x, |x, out, _| {
            let mut squares = [0f32; 16];
            let chunks = x.chunks_exact(16);
            let rest: f32 = chunks.remainder().iter().map(|x| x * x).sum();
            for chunk in chunks {
                for (sum, x) in squares.iter_mut().zip(chunk) {
                    *sum += x * x;
                }
            }
            let mean = (squares.iter().sum::<f32>() + rest) / x.len() as f32;
            let scale = 1.0 / (mean + epsilon).sqrt();
            for ((out, x), weight) in out.iter_mut().zip(x).zip(weight) {
                *out = x * scale * weight;
            }
        })
    })
}

pub(super) fn swiglu(cx: &Compute, gate: &Tensor, up: &Tensor) -> Result<Tensor> {
    let (_, width) = gate.dims2()?;
    with_values(up, |up| {
        map_rows(cx, gate, |gate, out, row| {
            let up = &up[row * width..(row + 1) * width];
            match cx.isa {
                #[cfg(target_arch = "x86_64")]
                #[expect(unsafe_code, reason = "`Isa::detect` saw the features")]
                // SAFETY: see the reason.
                crate::kernels::Isa::Avx512 | crate::kernels::Isa::Avx2 => unsafe {
                    swiglu_avx2(gate, up, out);
                },
                crate::kernels::Isa::Portable => swiglu_row::<false>(gate, up, out),
            }
        })
    })
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn swiglu_avx2(gate: &[f32], up: &[f32], out: &mut [f32]) {
    swiglu_row::<true>(gate, up, out);
}

#[inline(always)]
fn swiglu_row<const FUSED: bool>(gate: &[f32], up: &[f32], out: &mut [f32]) {
    for ((out, &gate), up) in out.iter_mut().zip(gate).zip(up) {
        *out = gate / (1.0 + exp::<FUSED>(-gate)) * up;
    }
}

pub(super) fn rotate(cx: &Compute, x: Tensor, rotation: &Rotation) -> Result<Tensor> {
    let half = rotation.half;
    map_rows(cx, &x, |x, out, row| {
        let cos = &rotation.cos[row * half..(row + 1) * half];
        let sin = &rotation.sin[row * half..(row + 1) * half];
        out.copy_from_slice(x);
        for head in out.chunks_exact_mut(rotation.head_dim) {
            match rotation.style {
                RopeStyle::Halves => {
                    let (first, rest) = head.split_at_mut(half);
                    for (((a, b), cos), sin) in first.iter_mut().zip(rest).zip(cos).zip(sin) {
                        (*a, *b) = (*a * cos - *b * sin, *a * sin + *b * cos);
                    }
                }
                RopeStyle::Pairs => {
                    for ((pair, cos), sin) in head.chunks_exact_mut(2).zip(cos).zip(sin) {
                        let (a, b) = (pair[0], pair[1]);
                        (pair[0], pair[1]) = (a * cos - b * sin, a * sin + b * cos);
                    }
                }
            }
        }
    })
}

pub(super) fn attend(
    cx: &Compute,
    heads: Heads,
    queries: &Tensor,
    layer: Layer<'_>,
    step: &Step,
) -> Result<Tensor> {
    let out = with_values(queries, |queries| {
        Ok(attend_kernel(&cx.pool, cx.isa, heads, step, layer, queries))
    })?;
    Tensor::from_vec(out, queries.dims2()?, &Device::Cpu)
}
