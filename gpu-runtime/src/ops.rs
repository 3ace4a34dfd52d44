//! The operations that models are made of: on the CPU by our kernels, elsewhere by candle's.

mod cpu;
mod generic;
mod linear;
mod rope;

use candle_core::{Device, Result, Tensor};

use crate::cache::KvCache;
use crate::kernels::Isa;
use crate::kernels::attention::Heads;
use crate::kernels::pool::Pool;
use crate::step::Step;
pub(crate) use linear::Linear;
pub(crate) use rope::{Rope, RopeStyle, Rotation};

/// The device and what computes on it.
pub(crate) struct Compute {
    pub(crate) device: Device,
    pub(crate) pool: Pool,
    pub(crate) isa: Isa,
    /// Whether our kernels are used; else candle's operations, on whatever device.
    kernels: bool,
    /// Whether weights are unpacked to 32-bit floats.
    #[cfg(test)]
    exact: bool,
}

impl Compute {
    /// Computes on this device, with this many threads where that is the CPU.
    pub(crate) fn new(device: Device, threads: usize) -> std::io::Result<Compute> {
        let kernels = device.is_cpu();
        Ok(Compute {
            device,
            pool: Pool::new(if kernels { threads } else { 1 })?,
            isa: Isa::detect(),
            kernels,
            #[cfg(test)]
            exact: false,
        })
    }

    /// The CPU without our kernels: the path of other devices, for tests.
    #[cfg(test)]
    pub(crate) fn without_kernels() -> Compute {
        Compute {
            device: Device::Cpu,
            pool: Pool::new(1).expect("a pool of one starts no thread"),
            isa: Isa::detect(),
            kernels: false,
            exact: false,
        }
    }

    /// The CPU with weights and activations in 32-bit floats throughout, for tests.
    #[cfg(test)]
    pub(crate) fn exact() -> Compute {
        Compute {
            exact: true,
            ..Compute::without_kernels()
        }
    }

    /// Whether weights are unpacked to 32-bit floats.
    #[cfg(test)]
    pub(crate) fn is_exact(&self) -> bool {
        self.exact
    }

    /// Whether our kernels are used.
    pub(crate) fn has_kernels(&self) -> bool {
        self.kernels
    }

    /// A cache of the kind that these operations read.
    pub(crate) fn cache(&self, heads: Heads, layers: usize, blocks: usize) -> Result<KvCache> {
        if self.kernels {
            Ok(KvCache::for_kernels(heads, layers, blocks))
        } else {
            KvCache::on_device(heads, layers, blocks, &self.device)
        }
    }

    /// Root-mean-square norm of each row: `[t, n]`, with a weight `[n]`.
    pub(crate) fn rms_norm(&self, x: &Tensor, weight: &Tensor, epsilon: f32) -> Result<Tensor> {
        if self.kernels {
            cpu::rms_norm(self, x, weight, epsilon)
        } else {
            generic::rms_norm(x, weight, epsilon)
        }
    }

    /// `silu(gate) * up`, element by element.
    pub(crate) fn swiglu(&self, gate: &Tensor, up: &Tensor) -> Result<Tensor> {
        if self.kernels {
            cpu::swiglu(self, gate, up)
        } else {
            generic::swiglu(gate, up)
        }
    }

    /// Rotates the heads of `x`, `[t, heads * dim]`, by their positions.
    pub(crate) fn rotate(&self, x: Tensor, rotation: &Rotation) -> Result<Tensor> {
        if self.kernels {
            cpu::rotate(self, x, rotation)
        } else {
            generic::rotate(&x, rotation)
        }
    }

    /// Causal attention of `[t, heads * dim]` queries over their sequences in the cache.
    pub(crate) fn attend(
        &self,
        heads: Heads,
        queries: &Tensor,
        layer: usize,
        step: &Step,
        cache: &KvCache,
    ) -> Result<Tensor> {
        match cache.layer(layer) {
            Some(layer) => cpu::attend(self, heads, queries, layer, step),
            None => generic::attend(heads, queries, layer, step, cache),
        }
    }
}
