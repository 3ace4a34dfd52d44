//! The tile product with AVX2.

use std::arch::x86_64::*;

use super::activations::Activations;
use super::format::{Format, GROUP, QUADS, ROWS};
use super::matrix::Kind;
use super::portable;

/// Multiplies one tile with `M` rows of activations from `row` on.
///
/// # Safety
/// The machine has the features below.
#[target_feature(enable = "avx2,fma,f16c")]
#[expect(unsafe_code, reason = "vector loads from arrays of known length")]
pub(super) unsafe fn tile<K: Kind, const M: usize>(
    weights: &[u8],
    acts: &Activations,
    row: usize,
    out: &mut [[f32; ROWS]; M],
) {
    let groups = acts.k / GROUP;
    let mut at = 0;
    let mut header = [[0.0; ROWS]; 2];
    let mut sums = [[_mm256_setzero_ps(); 2]; M];
    let ones = _mm256_set1_epi16(1);
    let is_q8 = matches!(K::FORMAT, Format::Q8_0);
    for group in 0..groups {
        if K::FORMAT.is_k() && group.is_multiple_of(8) {
            header = portable::header::<K>(&weights[at..]);
            at += K::FORMAT.header_bytes();
        }
        let bytes = &weights[at..at + K::FORMAT.group_bytes()];
        let unpacked = portable::unpack::<K>(bytes, &header);
        at += bytes.len();
        for (m, sums) in sums.iter_mut().enumerate() {
            let index = (row + m) * groups + group;
            let x = &acts.q[index * GROUP..][..GROUP];
            let scale = acts.groups[index];
            // SAFETY: 32 activations, 512 integers and 16 lanes are read at constant offsets.
            unsafe {
                let mut dots = [[_mm256_setzero_si256(); 2]; 2];
                for quad in 0..QUADS {
                    let x =
                        _mm256_set1_epi32(x.as_ptr().add(quad * 4).cast::<i32>().read_unaligned());
                    let dots = &mut dots[quad / (QUADS / 2)];
                    for (lanes, dot) in dots.iter_mut().enumerate() {
                        let q = unpacked.q.as_ptr().add(quad * 64 + lanes * 32);
                        let q = _mm256_loadu_si256(q.cast());
                        // Bytes of Q8_0 would overflow the 16-bit sums unless the sign moves over.
                        let pairs = if is_q8 {
                            let q = _mm256_xor_si256(q, _mm256_set1_epi8(-128));
                            _mm256_maddubs_epi16(_mm256_abs_epi8(q), _mm256_sign_epi8(x, q))
                        } else {
                            _mm256_maddubs_epi16(q, x)
                        };
                        *dot = _mm256_add_epi32(*dot, _mm256_madd_epi16(pairs, ones));
                    }
                }
                for (half, dots) in dots.iter().enumerate() {
                    for (lanes, dot) in dots.iter().enumerate() {
                        let s = _mm256_loadu_ps(unpacked.scale[half].as_ptr().add(lanes * 8));
                        let s = _mm256_mul_ps(s, _mm256_set1_ps(scale.scale));
                        let sum = &mut sums[lanes];
                        *sum = _mm256_fmadd_ps(_mm256_cvtepi32_ps(*dot), s, *sum);
                        if !is_q8 {
                            let min = _mm256_loadu_ps(unpacked.min[half].as_ptr().add(lanes * 8));
                            *sum = _mm256_fmadd_ps(min, _mm256_set1_ps(scale.halves[half]), *sum);
                        }
                    }
                }
            }
        }
    }
    for (out, sums) in out.iter_mut().zip(sums) {
        for (lanes, sum) in sums.into_iter().enumerate() {
            // SAFETY: `out` has 16 floats.
            unsafe { _mm256_storeu_ps(out.as_mut_ptr().add(lanes * 8), sum) };
        }
    }
}
