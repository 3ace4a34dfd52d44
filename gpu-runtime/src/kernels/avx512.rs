//! The tile product with AVX-512 VNNI.

use std::arch::x86_64::*;

use super::activations::{Activations, GroupScale};
use super::format::{Format, GROUP, QUADS, ROWS};
use super::matrix::Kind;

/// Multiplies one tile with `M` rows of activations from `row` on.
///
/// # Safety
/// The machine has the features below, `weights` points to a whole tile of rows of `acts.k` values,
/// and `row + M <= acts.m`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
#[expect(
    unsafe_code,
    reason = "vector loads; every address is derived from the layout in `format`"
)]
pub(super) unsafe fn tile<K: Kind, const M: usize>(
    weights: *const u8,
    acts: &Activations,
    row: usize,
    out: &mut [[f32; ROWS]; M],
) {
    let groups = acts.k / GROUP;
    let mut at = weights;
    let mut sums = [_mm512_setzero_ps(); M];
    let mut header = [_mm512_setzero_ps(); 2];
    for group in 0..groups {
        // SAFETY: all reads stay inside the tile, the rows and the groups by the caller's promise.
        unsafe {
            if K::FORMAT.is_k() && group.is_multiple_of(8) {
                header[0] = halves(at);
                if K::FORMAT.has_min() {
                    header[1] = halves(at.add(2 * ROWS));
                }
                at = at.add(K::FORMAT.header_bytes());
            }
            // Value = scale * q + min, with one scale for each half group.
            let (scale, min) = scales::<K>(at, header);
            let w = quads::<K>(at.add(K::FORMAT.scale_bytes()));
            at = at.add(K::FORMAT.group_bytes());
            for (m, sum) in sums.iter_mut().enumerate() {
                let index = (row + m) * groups + group;
                let x = acts.q.as_ptr().add(index * GROUP).cast::<i32>();
                let GroupScale {
                    scale: s,
                    total,
                    halves,
                } = *acts.groups.as_ptr().add(index);
                let mut first = _mm512_setzero_si512();
                let mut second = _mm512_setzero_si512();
                for quad in 0..QUADS / 2 {
                    let (a, b) = (x.add(quad), x.add(quad + QUADS / 2));
                    first =
                        _mm512_dpbusd_epi32(first, w[quad], _mm512_set1_epi32(a.read_unaligned()));
                    second = _mm512_dpbusd_epi32(
                        second,
                        w[quad + QUADS / 2],
                        _mm512_set1_epi32(b.read_unaligned()),
                    );
                }
                let s = _mm512_set1_ps(s);
                let mut next = *sum;
                if matches!(K::FORMAT, Format::Q6K) {
                    next = _mm512_fmadd_ps(
                        _mm512_cvtepi32_ps(first),
                        _mm512_mul_ps(scale[0], s),
                        next,
                    );
                    next = _mm512_fmadd_ps(
                        _mm512_cvtepi32_ps(second),
                        _mm512_mul_ps(scale[1], s),
                        next,
                    );
                    next = _mm512_fmadd_ps(min[0], _mm512_set1_ps(halves[0]), next);
                    next = _mm512_fmadd_ps(min[1], _mm512_set1_ps(halves[1]), next);
                } else {
                    let dot = _mm512_cvtepi32_ps(_mm512_add_epi32(first, second));
                    next = _mm512_fmadd_ps(dot, _mm512_mul_ps(scale[0], s), next);
                    next = _mm512_fmadd_ps(min[0], _mm512_set1_ps(total), next);
                }
                *sum = next;
            }
        }
    }
    for (out, sum) in out.iter_mut().zip(sums) {
        // SAFETY: `out` has 16 floats.
        unsafe { _mm512_storeu_ps(out.as_mut_ptr(), sum) };
    }
}

/// Sixteen 16-bit floats.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
#[inline]
#[expect(unsafe_code, reason = "a vector load")]
unsafe fn halves(at: *const u8) -> __m512 {
    // SAFETY: the caller gives an address with 32 readable bytes.
    _mm512_cvtph_ps(unsafe { _mm256_loadu_si256(at.cast()) })
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
#[inline]
#[expect(unsafe_code, reason = "vector loads")]
unsafe fn scales<K: Kind>(at: *const u8, header: [__m512; 2]) -> ([__m512; 2], [__m512; 2]) {
    let offset = _mm512_set1_ps(-K::FORMAT.offset() as f32);
    // SAFETY: the caller gives the address of a group.
    unsafe {
        match K::FORMAT {
            Format::Q4_0 | Format::Q5_0 | Format::Q8_0 => {
                let scale = halves(at);
                ([scale; 2], [_mm512_mul_ps(scale, offset); 2])
            }
            Format::Q4_1 | Format::Q5_1 => ([halves(at); 2], [halves(at.add(2 * ROWS)); 2]),
            Format::Q4K | Format::Q5K => {
                let byte = |at: *const u8| {
                    _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(at.cast())))
                };
                let scale = _mm512_mul_ps(header[0], byte(at));
                let min = _mm512_mul_ps(header[1], byte(at.add(ROWS)));
                let min = _mm512_sub_ps(_mm512_setzero_ps(), min);
                ([scale; 2], [min; 2])
            }
            Format::Q6K => {
                let byte = |at: *const u8| {
                    _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(at.cast())))
                };
                let scale = [
                    _mm512_mul_ps(header[0], byte(at)),
                    _mm512_mul_ps(header[0], byte(at.add(ROWS))),
                ];
                (scale, scale.map(|scale| _mm512_mul_ps(scale, offset)))
            }
        }
    }
}

/// The group's integers, four of `k` for each of the 16 rows in a vector.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
#[inline]
#[expect(unsafe_code, reason = "vector loads")]
unsafe fn quads<K: Kind>(low: *const u8) -> [__m512i; QUADS] {
    let mut w = [_mm512_setzero_si512(); QUADS];
    // SAFETY: the caller gives the address of a group's low bits.
    unsafe {
        if matches!(K::FORMAT, Format::Q8_0) {
            for (quad, w) in w.iter_mut().enumerate() {
                *w = _mm512_loadu_si512(low.add(quad * 64).cast());
            }
            return w;
        }
        let nibble = _mm512_set1_epi8(15);
        for quad in 0..QUADS / 2 {
            let both = _mm512_loadu_si512(low.add(quad * 64).cast());
            w[quad] = _mm512_and_si512(both, nibble);
            w[quad + QUADS / 2] = _mm512_and_si512(_mm512_srli_epi16::<4>(both), nibble);
        }
        let high = low.add(K::FORMAT.low_bytes());
        match K::FORMAT {
            Format::Q5_0 | Format::Q5_1 | Format::Q5K => {
                let bit = _mm512_set1_epi8(16);
                for (quad, w) in w.iter_mut().enumerate() {
                    let mask = high.cast::<u64>().add(quad).read_unaligned();
                    *w = _mm512_mask_add_epi8(*w, mask, *w, bit);
                }
            }
            Format::Q6K => {
                let bits = _mm512_set1_epi8(0x30);
                for half in 0..2 {
                    let v = _mm512_loadu_si512(high.add(half * 64).cast());
                    let w = &mut w[half * 4..half * 4 + 4];
                    w[0] = _mm512_or_si512(w[0], _mm512_and_si512(_mm512_slli_epi16::<4>(v), bits));
                    w[1] = _mm512_or_si512(w[1], _mm512_and_si512(_mm512_slli_epi16::<2>(v), bits));
                    w[2] = _mm512_or_si512(w[2], _mm512_and_si512(v, bits));
                    w[3] = _mm512_or_si512(w[3], _mm512_and_si512(_mm512_srli_epi16::<2>(v), bits));
                }
            }
            _ => {}
        }
    }
    w
}
