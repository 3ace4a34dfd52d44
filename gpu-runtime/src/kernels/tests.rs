//! The kernels against plain arithmetic on the weights as candle unpacks them.

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};

use super::Isa;
use super::activations::Activations;
use super::attention::{Heads, Layer, attend};
use super::format::{Format, GROUP};
use super::matrix::{Matrix, multiply};
use super::pool::Pool;
use crate::limits::BLOCK_TOKENS;
use crate::step::{SequenceId, Span, Step};

const TYPES: [GgmlDType; 8] = [
    GgmlDType::Q4_0,
    GgmlDType::Q4_1,
    GgmlDType::Q5_0,
    GgmlDType::Q5_1,
    GgmlDType::Q8_0,
    GgmlDType::Q4K,
    GgmlDType::Q5K,
    GgmlDType::Q6K,
];

/// Numbers in -1..1, always the same.
fn noise(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(747_796_405).wrapping_add(1);
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

fn weights(dtype: GgmlDType, n: usize, k: usize) -> (Vec<u8>, Vec<f32>) {
    let values: Vec<f32> = noise(n * k, 7)
        .iter()
        .enumerate()
        .map(|(i, v)| v + (i % 5) as f32 * 0.1)
        .collect();
    let tensor = Tensor::from_vec(values, (n, k), &Device::Cpu).unwrap();
    let quantised = QTensor::quantize(&tensor, dtype).unwrap();
    let exact = quantised
        .dequantize(&Device::Cpu)
        .unwrap()
        .flatten_all()
        .unwrap();
    (quantised.data().unwrap().to_vec(), exact.to_vec1().unwrap())
}

#[test]
fn products_are_right_in_every_format_on_every_machine() {
    let pool = Pool::new(2).unwrap();
    let (n, k) = (50, 512); // the last tile has two rows
    for dtype in TYPES {
        let (bytes, exact) = weights(dtype, n, k);
        let format = Format::of(dtype, k).unwrap();
        let matrix = Matrix::pack(&pool, format, &bytes, n, k).unwrap();
        for m in [1, 2, 3, 8, 15] {
            let acts = Activations::new(&pool, &noise(m * k, 3), m, k);
            let x: Vec<f64> = (0..m * k)
                .map(|i| f64::from(acts.q[i]) * f64::from(acts.groups[i / GROUP].scale))
                .collect();
            for isa in Isa::available() {
                let out = &multiply(&pool, isa, &[&matrix], &acts)[0];
                for (row, out) in out.chunks_exact(n).enumerate() {
                    for (column, out) in out.iter().enumerate() {
                        let w = &exact[column * k..][..k];
                        let x = &x[row * k..][..k];
                        let want: f64 = w.iter().zip(x).map(|(w, x)| f64::from(*w) * x).sum();
                        let size: f64 = w
                            .iter()
                            .zip(x)
                            .map(|(w, x)| (f64::from(*w) * x).abs())
                            .sum();
                        let error = (f64::from(*out) - want).abs();
                        assert!(
                            error < 2e-6 * size,
                            "{dtype:?} {isa:?} {m}: {out} at {row},{column}, not {want}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn a_row_does_not_depend_on_its_batch_or_the_threads() {
    let (n, k, m) = (160, 512, 15);
    let x = noise(m * k, 5);
    for dtype in TYPES {
        let (bytes, _) = weights(dtype, n, k);
        let format = Format::of(dtype, k).unwrap();
        for isa in Isa::available() {
            let product = |threads: usize, rows: std::ops::Range<usize>| {
                let pool = Pool::new(threads).unwrap();
                let matrix = Matrix::pack(&pool, format, &bytes, n, k).unwrap();
                let acts = Activations::new(&pool, &x[rows.start * k..rows.end * k], rows.len(), k);
                multiply(&pool, isa, &[&matrix, &matrix], &acts).remove(1)
            };
            let whole = product(3, 0..m);
            for row in 0..m {
                assert_eq!(
                    product(1, row..row + 1),
                    whole[row * n..(row + 1) * n],
                    "{dtype:?} {isa:?} {row}"
                );
            }
        }
    }
}

#[test]
fn only_shapes_that_fit_have_a_format() {
    assert_eq!(Format::of(GgmlDType::Q4K, 896), None);
    assert_eq!(Format::of(GgmlDType::Q5_0, 896), Some(Format::Q5_0));
    assert_eq!(Format::of(GgmlDType::Q8_0, 40), None);
    assert_eq!(Format::of(GgmlDType::F16, 256), None);
}

#[test]
fn attention_sees_its_own_sequence_up_to_itself() {
    let heads = Heads {
        query: 6,
        kv: 2,
        dim: 32,
    };
    let (blocks, pool) = (12, Pool::new(2).unwrap());
    let to_half = |values: Vec<f32>| {
        values
            .iter()
            .map(|v| half::f16::from_f32(*v).to_bits())
            .collect::<Vec<u16>>()
    };
    let keys = to_half(noise(blocks * heads.block_len(), 1));
    let mut values = to_half(noise(blocks * heads.block_len(), 2));
    // What no query may see would spoil everything: block 11, and the end of block 5.
    let spoil = half::f16::NAN.to_bits();
    values[11 * heads.block_len()..].fill(spoil);
    let at = 5 * heads.block_len();
    for head in 0..heads.kv {
        values[at + (head * BLOCK_TOKENS + 4) * heads.dim
            ..at + (head + 1) * BLOCK_TOKENS * heads.dim]
            .fill(spoil);
    }
    // Tokens 30 to 40 of one sequence, and the 20th of another.
    let tables: [Vec<u32>; 2] = [vec![3, 0, 7], vec![9, 5]];
    let positions: Vec<u32> = (30..41).chain([19]).collect();
    let step = Step {
        ids: vec![0; positions.len()],
        positions: positions.clone(),
        spans: vec![
            Span {
                sequence: SequenceId(1),
                rows: 0..11,
                blocks: tables[0].clone(),
                sample: false,
            },
            Span {
                sequence: SequenceId(2),
                rows: 11..12,
                blocks: tables[1].clone(),
                sample: false,
            },
        ],
    };
    let queries = noise(positions.len() * heads.query * heads.dim, 3);
    let layer = Layer {
        keys: &keys,
        values: &values,
    };
    let get = |bits: u16| f64::from(half::f16::from_bits(bits).to_f32());
    for isa in Isa::available() {
        let out = attend(&pool, isa, heads, &step, layer, &queries);
        for (row, position) in positions.iter().enumerate() {
            let table = &tables[usize::from(row == 11)];
            for head in 0..heads.query {
                let kv = head / 3;
                let query = &queries[(row * heads.query + head) * heads.dim..][..heads.dim];
                let place = |position: usize| {
                    (table[position / BLOCK_TOKENS] as usize * heads.kv + kv)
                        * heads.dim
                        * BLOCK_TOKENS
                };
                let scores: Vec<f64> = (0..=*position as usize)
                    .map(|key| {
                        let at = place(key) + key % BLOCK_TOKENS;
                        let dot: f64 = query
                            .iter()
                            .enumerate()
                            .map(|(d, q)| f64::from(*q) * get(keys[at + d * BLOCK_TOKENS]))
                            .sum();
                        (dot / (heads.dim as f64).sqrt()).exp()
                    })
                    .collect();
                let total: f64 = scores.iter().sum();
                for d in 0..heads.dim {
                    let want: f64 = scores
                        .iter()
                        .enumerate()
                        .map(|(key, score)| {
                            score / total
                                * get(values[place(key) + key % BLOCK_TOKENS * heads.dim + d])
                        })
                        .sum();
                    let got = out[(row * heads.query + head) * heads.dim + d];
                    assert!(
                        (f64::from(got) - want).abs() < 1e-5,
                        "{isa:?} {row} {head} {d}: {got}, not {want}"
                    );
                }
            }
        }
    }
}
