//! Where a model runs.

use candle_core::Device;

use crate::error::LoadError;
use crate::limits::MAX_THREADS;
use crate::ops::Compute;
use crate::weights::first_line;

/// Up to this many cores, all of them compute: leaving one idle would cost a quarter or more of the
/// speed, and the compute threads hand out work in small pieces and sleep when there is none, so a
/// gateway on the same cores gets its turn.
const SMALL_MACHINE_CORES: usize = 4;

/// The first CUDA device where the build has CUDA; else the CPU.
pub(crate) fn choose(threads: Option<usize>) -> Result<Compute, LoadError> {
    let device = if cfg!(feature = "cuda") {
        Device::new_cuda(0).map_err(|error| LoadError::Device(first_line(&error)))?
    } else {
        Device::Cpu
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let default = if cores <= SMALL_MACHINE_CORES {
        cores
    } else {
        cores - 1
    };
    let threads = threads.unwrap_or(default).clamp(1, MAX_THREADS);
    Compute::new(device, threads).map_err(|error| LoadError::Device(first_line(&error)))
}
