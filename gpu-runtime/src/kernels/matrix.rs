//! A packed weight matrix and its product with activations.

use std::io;

use memmap2::MmapMut;

use super::Isa;
use super::activations::Activations;
use super::format::{Format, ROWS};
use super::pack::pack_tile;
use super::pool::{Pool, Shards};
use super::portable;
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512};

/// Bytes of weights that one iteration of a parallel loop covers, at most: small enough to share
/// the work evenly, large enough that handing it out costs nothing.
const CHUNK_BYTES: usize = 96 * 1024;

/// A format as a type, so that each kernel is compiled for it.
pub(super) trait Kind {
    const FORMAT: Format;
}

macro_rules! kinds {
    ($($name:ident),*) => {
        $(
            struct $name;
            impl Kind for $name {
                const FORMAT: Format = Format::$name;
            }
        )*
        /// Multiplies one tile with `M` rows.
        fn tile<const M: usize>(
            isa: Isa, format: Format, weights: &[u8], acts: &Activations, row: usize,
            out: &mut [[f32; ROWS]; M],
        ) {
            match format {
                $(Format::$name => tile_of::<$name, M>(isa, weights, acts, row, out),)*
            }
        }
    };
}
kinds!(Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4K, Q5K, Q6K);

fn tile_of<K: Kind, const M: usize>(
    isa: Isa,
    weights: &[u8],
    acts: &Activations,
    row: usize,
    out: &mut [[f32; ROWS]; M],
) {
    assert!(weights.len() == K::FORMAT.tile_bytes(acts.k) && row + M <= acts.m);
    match isa {
        #[cfg(target_arch = "x86_64")]
        #[expect(unsafe_code, reason = "`Isa::detect` saw the features")]
        // SAFETY: and the assertion above checked the sizes.
        Isa::Avx512 => unsafe { avx512::tile::<K, M>(weights.as_ptr(), acts, row, out) },
        #[cfg(target_arch = "x86_64")]
        #[expect(unsafe_code, reason = "`Isa::detect` saw the features")]
        // SAFETY: and the assertion above checked the sizes.
        Isa::Avx2 => unsafe { avx2::tile::<K, M>(weights, acts, row, out) },
        Isa::Portable => portable::tile::<K, M>(weights, acts, row, out),
    }
}

/// A weight matrix of `n` outputs and `k` inputs, repacked for the kernels.
pub(crate) struct Matrix {
    format: Format,
    n: usize,
    k: usize,
    tile_bytes: usize,
    /// Pages of its own, large ones where the system has them: the weights are read from end to end
    /// for each token, and a small page ends the processor's reading ahead.
    tiles: MmapMut,
}

impl Matrix {
    /// Packs a matrix from its blocks in the file. `source` holds exactly `n` rows of `k` values.
    pub(crate) fn pack(
        pool: &Pool,
        format: Format,
        source: &[u8],
        n: usize,
        k: usize,
    ) -> io::Result<Matrix> {
        assert_eq!(
            source.len(),
            n * k / format.source_values() * format.source_bytes()
        );
        let tile_bytes = format.tile_bytes(k);
        let count = n.div_ceil(ROWS);
        let mut tiles = MmapMut::map_anon(count * tile_bytes)?;
        #[cfg(target_os = "linux")]
        if let Err(error) = tiles.advise(memmap2::Advice::HugePage) {
            tracing::debug!(%error, "no large pages for the weights");
        }
        let bytes = Shards::new(&mut tiles);
        pool.run(count, &|tile| {
            #[expect(unsafe_code, reason = "each iteration writes its own tile")]
            // SAFETY: tiles do not overlap.
            let out = unsafe { bytes.part(tile * tile_bytes, tile_bytes) };
            pack_tile(format, source, n, k, tile, out);
        });
        Ok(Matrix {
            format,
            n,
            k,
            tile_bytes,
            tiles,
        })
    }

    /// Outputs.
    pub(crate) fn n(&self) -> usize {
        self.n
    }

    fn tile_count(&self) -> usize {
        self.n.div_ceil(ROWS)
    }

    /// Columns `tile * 16 ..` of all rows of the product, into `out` of `acts.m * n` values.
    fn multiply_tile(&self, isa: Isa, acts: &Activations, tile_index: usize, out: Shards<f32>) {
        let weights = &self.tiles[tile_index * self.tile_bytes..(tile_index + 1) * self.tile_bytes];
        let column = tile_index * ROWS;
        let width = ROWS.min(self.n - column);
        let store = |row: usize, values: &[f32; ROWS]| {
            #[expect(unsafe_code, reason = "each tile writes its own columns")]
            // SAFETY: columns of different tiles do not overlap.
            let out = unsafe { out.part(row * self.n + column, width) };
            out.copy_from_slice(&values[..width]);
        };
        let mut row = 0;
        while row < acts.m {
            row += match acts.m - row {
                8.. => rows::<8>(isa, self.format, weights, acts, row, &store),
                4.. => rows::<4>(isa, self.format, weights, acts, row, &store),
                2.. => rows::<2>(isa, self.format, weights, acts, row, &store),
                _ => rows::<1>(isa, self.format, weights, acts, row, &store),
            };
        }
    }
}

/// Multiplies a tile with `M` rows and stores the results; gives `M`.
fn rows<const M: usize>(
    isa: Isa,
    format: Format,
    weights: &[u8],
    acts: &Activations,
    row: usize,
    store: &dyn Fn(usize, &[f32; ROWS]),
) -> usize {
    let mut sums = [[0.0; ROWS]; M];
    tile(isa, format, weights, acts, row, &mut sums);
    for (m, sums) in sums.iter().enumerate() {
        store(row + m, sums);
    }
    M
}

/// The products of the same activations with several matrices, in one parallel loop.
/// Result `i` has `acts.m` rows of `matrices[i].n()` values.
pub(crate) fn multiply(
    pool: &Pool,
    isa: Isa,
    matrices: &[&Matrix],
    acts: &Activations,
) -> Vec<Vec<f32>> {
    let mut outs: Vec<Vec<f32>> = matrices
        .iter()
        .map(|matrix| vec![0.0; acts.m * matrix.n])
        .collect();
    let mut chunks = Vec::new();
    for (matrix, out) in matrices.iter().zip(&mut outs) {
        assert_eq!(matrix.k, acts.k);
        let out = Shards::new(out);
        // No more than a third of a thread's fair share, so that the last one does not wait long.
        let fair = matrix.tile_count() / (3 * pool.threads());
        let step = (CHUNK_BYTES / matrix.tile_bytes).min(fair).max(1);
        let starts = (0..matrix.tile_count()).step_by(step);
        chunks.extend(
            starts.map(|start| (*matrix, out, start..(start + step).min(matrix.tile_count()))),
        );
    }
    pool.run(chunks.len(), &|index| {
        let (matrix, out, tiles) = &chunks[index];
        for tile in tiles.clone() {
            matrix.multiply_tile(isa, acts, tile, *out);
        }
    });
    outs
}
