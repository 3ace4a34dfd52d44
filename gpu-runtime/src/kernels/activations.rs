//! Activations as signed bytes.

use super::format::GROUP;
use super::pool::{Pool, Shards};

/// Rows of activations, quantised in groups of 32 values with a scale each.
pub(crate) struct Activations {
    /// Rows.
    pub(crate) m: usize,
    /// Values of a row.
    pub(crate) k: usize,
    /// `m * k` integers in -127..=127.
    pub(crate) q: Vec<i8>,
    /// What goes with each group.
    pub(crate) groups: Vec<GroupScale>,
}

/// The scale of a group and its sums, times the scale: weights that are `d * q + m` need them.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(crate) struct GroupScale {
    pub(crate) scale: f32,
    pub(crate) total: f32,
    pub(crate) halves: [f32; 2],
}

/// Rows that one iteration of a parallel loop takes.
const ROWS: usize = 4;

impl Activations {
    /// Quantises `m` rows of `k` values. `k` is a multiple of 32.
    pub(crate) fn new(pool: &Pool, values: &[f32], m: usize, k: usize) -> Activations {
        assert!(values.len() == m * k && k.is_multiple_of(GROUP));
        let groups = k / GROUP;
        let mut q = vec![0; m * k];
        let mut scales = vec![GroupScale::default(); m * groups];
        let (all_q, all_scales) = (Shards::new(&mut q), Shards::new(&mut scales));
        pool.run(m.div_ceil(ROWS), &|chunk| {
            let start = chunk * ROWS;
            let rows = ROWS.min(m - start);
            #[expect(unsafe_code, reason = "each iteration writes its own rows")]
            // SAFETY: rows do not overlap.
            let (q, scales) = unsafe {
                (
                    all_q.part(start * k, rows * k),
                    all_scales.part(start * groups, rows * groups),
                )
            };
            let values = &values[start * k..(start + rows) * k];
            for ((values, q), scale) in values
                .chunks_exact(GROUP)
                .zip(q.chunks_exact_mut(GROUP))
                .zip(scales)
            {
                *scale = quantise(values, q);
            }
        });
        Activations {
            m,
            k,
            q,
            groups: scales,
        }
    }
}

/// Quantises one group.
fn quantise(values: &[f32], q: &mut [i8]) -> GroupScale {
    let mut largest = [0f32; 8];
    for chunk in values.chunks_exact(8) {
        for (largest, value) in largest.iter_mut().zip(chunk) {
            // Not `max`, which has to think of NaN.
            let size = value.abs();
            *largest = if size > *largest { size } else { *largest };
        }
    }
    let largest = largest.iter().fold(0f32, |a, &b| a.max(b));
    let inverse = if largest > 0.0 { 127.0 / largest } else { 0.0 };
    for (q, value) in q.iter_mut().zip(values) {
        *q = round(value * inverse);
    }
    let (first, second) = q.split_at(GROUP / 2);
    let sum = |half: &[i8]| half.iter().map(|&q| i32::from(q)).sum::<i32>();
    let (first, second, scale) = (sum(first), sum(second), largest / 127.0);
    GroupScale {
        scale,
        total: (first + second) as f32 * scale,
        halves: [first as f32 * scale, second as f32 * scale],
    }
}

/// Rounds to the nearest integer, ties to even, for values within ±127: adding 1.5 * 2^23 leaves
/// the integer in the low bits, and unlike `round` it vectorises on every machine.
fn round(value: f32) -> i8 {
    ((value + 12_582_912.0).to_bits() as i32 - 0x4B40_0000) as i8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_rounded_and_summed() {
        let values: Vec<f32> = (0..32).map(|i| i as f32 - 15.6).collect();
        let acts = Activations::new(&Pool::new(1).unwrap(), &values, 1, 32);
        let scale = acts.groups[0].scale;
        assert!((scale - 15.6 / 127.0).abs() < 1e-6);
        for (q, value) in acts.q.iter().zip(&values) {
            assert!(
                (f32::from(*q) * scale - value).abs() <= scale * 0.501,
                "{q} {value}"
            );
        }
        let sum: i32 = acts.q.iter().map(|&q| i32::from(q)).sum();
        assert_eq!(acts.groups[0].total, sum as f32 * scale);
        assert_eq!(acts.q[0], -127);
    }

    #[test]
    fn zeros_stay_zero() {
        let acts = Activations::new(&Pool::new(1).unwrap(), &[0.0; 32], 1, 32);
        assert!(acts.q.iter().all(|&q| q == 0) && acts.groups[0].scale == 0.0);
    }
}
