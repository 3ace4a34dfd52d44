//! Matrix products with quantised weights.

use candle_core::quantized::{QMatMul, QStorage, QTensor};
use candle_core::{Device, Module, Result, Tensor};

use super::{Compute, cpu};
use crate::kernels::activations::Activations;
use crate::kernels::format::Format;
use crate::kernels::matrix::{Matrix, multiply};
use crate::weights::TensorView;

/// `x W^T + b`: from `[t, k]` to `[t, n]`.
pub(crate) struct Linear {
    weight: Weight,
    bias: Option<Tensor>,
}

enum Weight {
    /// Packed for our kernels; the file's bytes are no longer needed.
    Packed(Matrix),
    /// On another device, or of a type that our kernels do not have.
    Candle(QMatMul),
}

impl Linear {
    /// Packs or uploads a weight matrix `[n, k]` and its bias `[n]`.
    pub(crate) fn new(cx: &Compute, view: &TensorView<'_>, bias: Option<Tensor>) -> Result<Linear> {
        let (n, k) = view.dims2()?;
        let format = Format::of(view.dtype, k).filter(|_| cx.has_kernels());
        let weight = match format {
            Some(format) => Weight::Packed(Matrix::pack(&cx.pool, format, view.bytes, n, k)?),
            #[cfg(test)]
            None if cx.is_exact() => {
                let weight = crate::weights::dequantize(view, n * k)?;
                Weight::Candle(QMatMul::Tensor(Tensor::from_vec(
                    weight,
                    (n, k),
                    &cx.device,
                )?))
            }
            None => {
                let storage = QStorage::from_data(view.bytes.into(), &cx.device, view.dtype)?;
                Weight::Candle(QMatMul::from_qtensor(QTensor::new(storage, (n, k))?)?)
            }
        };
        Ok(Linear { weight, bias })
    }

    /// Several products of the same `x`, in one pass over the threads.
    pub(crate) fn forward_all(
        cx: &Compute,
        linears: &[&Linear],
        x: &Tensor,
    ) -> Result<Vec<Tensor>> {
        let packed = linears.iter().filter_map(|linear| match &linear.weight {
            Weight::Packed(matrix) => Some(matrix),
            Weight::Candle(_) => None,
        });
        let matrices: Vec<&Matrix> = packed.collect();
        let mut products = Vec::new();
        let (m, k) = x.dims2()?;
        if !matrices.is_empty() {
            let acts = cpu::with_values(x, |x| Ok(Activations::new(&cx.pool, x, m, k)))?;
            products = multiply(&cx.pool, cx.isa, &matrices, &acts);
        }
        let mut products = products.into_iter();
        linears
            .iter()
            .map(|linear| {
                let y = match &linear.weight {
                    Weight::Packed(matrix) => {
                        let product = products.next().unwrap_or_default();
                        Tensor::from_vec(product, (m, matrix.n()), &Device::Cpu)?
                    }
                    Weight::Candle(weight) => weight.forward(&x.contiguous()?)?,
                };
                match &linear.bias {
                    Some(bias) => y.broadcast_add(bias),
                    None => Ok(y),
                }
            })
            .collect()
    }

    /// The product with `x`.
    pub(crate) fn forward(&self, cx: &Compute, x: &Tensor) -> Result<Tensor> {
        let mut products = Linear::forward_all(cx, &[self], x)?;
        Ok(products.remove(0))
    }
}
