//! Attention over a KV cache in blocks.

use half::slice::{HalfBitsSliceExt, HalfFloatSliceExt};

use super::Isa;
use super::math::{exp, fma};
use super::pool::{Pool, Shards};
use crate::limits::BLOCK_TOKENS;
use crate::step::Step;

/// Tokens of one sequence that an iteration of the parallel loop takes, sharing the cache's conversion.
const TOKENS: usize = 8;
/// Lanes of a vector of scores: one for each token of a block.
const LANES: usize = BLOCK_TOKENS;

/// The shape of an attention layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Heads {
    /// Query heads, a multiple of `kv`.
    pub(crate) query: usize,
    /// Key and value heads.
    pub(crate) kv: usize,
    /// Values of a head, a multiple of 16.
    pub(crate) dim: usize,
}

impl Heads {
    /// 16-bit floats of one block's keys, or of its values.
    pub(crate) fn block_len(self) -> usize {
        self.kv * self.dim * BLOCK_TOKENS
    }
}

/// One layer's cache. Keys are `[block, head, dim, token]`, values `[block, head, token, dim]`.
#[derive(Clone, Copy)]
pub(crate) struct Layer<'a> {
    pub(crate) keys: &'a [u16],
    pub(crate) values: &'a [u16],
}

/// What one iteration computes: some tokens of one span for one key head.
struct Task {
    row: usize,
    tokens: usize,
    position: usize,
    span: usize,
    head: usize,
}

/// Attention of all queries of a step, `[row, head, dim]`; each sees its own sequence up to itself.
pub(crate) fn attend(
    pool: &Pool,
    isa: Isa,
    heads: Heads,
    step: &Step,
    layer: Layer<'_>,
    queries: &[f32],
) -> Vec<f32> {
    let mut tasks = Vec::new();
    for (index, span) in step.spans.iter().enumerate() {
        for row in span.rows.clone().step_by(TOKENS) {
            let tokens = TOKENS.min(span.rows.end - row);
            for head in 0..heads.kv {
                tasks.push(Task {
                    row,
                    tokens,
                    position: step.positions[row] as usize,
                    span: index,
                    head,
                });
            }
        }
    }
    // The longest first, so that none is left over at the end.
    tasks.sort_by_key(|task| std::cmp::Reverse(task.position * task.tokens));
    let mut out = vec![0.0; queries.len()];
    let shards = Shards::new(&mut out);
    pool.run(tasks.len(), &|index| {
        let task = &tasks[index];
        let blocks = &step.spans[task.span].blocks;
        match isa {
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "`Isa::detect` saw the features")]
            // SAFETY: see the reason.
            Isa::Avx512 => unsafe { task_avx512(heads, task, blocks, layer, queries, shards) },
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "`Isa::detect` saw the features")]
            // SAFETY: see the reason.
            Isa::Avx2 => unsafe { task_avx2(heads, task, blocks, layer, queries, shards) },
            Isa::Portable => run_task::<false>(heads, task, blocks, layer, queries, shards),
        }
    });
    out
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c")]
fn task_avx512(
    heads: Heads,
    task: &Task,
    blocks: &[u32],
    layer: Layer<'_>,
    queries: &[f32],
    out: Shards<f32>,
) {
    run_task::<true>(heads, task, blocks, layer, queries, out);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c")]
fn task_avx2(
    heads: Heads,
    task: &Task,
    blocks: &[u32],
    layer: Layer<'_>,
    queries: &[f32],
    out: Shards<f32>,
) {
    run_task::<true>(heads, task, blocks, layer, queries, out);
}

#[inline(always)]
fn run_task<const FUSED: bool>(
    heads: Heads,
    task: &Task,
    blocks: &[u32],
    layer: Layer<'_>,
    queries: &[f32],
    out: Shards<f32>,
) {
    let Heads { query, kv, dim } = heads;
    let per_kv = query / kv;
    let scale = 1.0 / (dim as f32).sqrt();
    let rows = task.tokens * per_kv;
    let mut keys = vec![0f32; dim * LANES];
    let mut values = vec![0f32; dim * LANES];
    let mut sums = vec![0f32; rows * dim];
    let mut largest = vec![f32::NEG_INFINITY; rows];
    let mut total = vec![0f32; rows];
    let last = task.position + task.tokens - 1;
    for (number, &block) in blocks[..=last / BLOCK_TOKENS].iter().enumerate() {
        let at = (block as usize * kv + task.head) * dim * LANES;
        layer.keys[at..at + dim * LANES]
            .reinterpret_cast::<half::f16>()
            .convert_to_f32_slice(&mut keys);
        layer.values[at..at + dim * LANES]
            .reinterpret_cast::<half::f16>()
            .convert_to_f32_slice(&mut values);
        for row in 0..rows {
            let (token, head) = (row / per_kv, row % per_kv);
            let position = task.position + token;
            if position < number * BLOCK_TOKENS {
                continue;
            }
            let visible = (position + 1 - number * BLOCK_TOKENS).min(LANES);
            let at = ((task.row + token) * query + task.head * per_kv + head) * dim;
            let mut scores = dot16::<FUSED>(&queries[at..at + dim], &keys);
            for (lane, score) in scores.iter_mut().enumerate() {
                *score = if lane < visible {
                    *score * scale
                } else {
                    f32::NEG_INFINITY
                };
            }
            let peak = scores.iter().fold(largest[row], |a, &b| a.max(b));
            let shrink = exp::<FUSED>(largest[row] - peak);
            largest[row] = peak;
            let mut weights = [0f32; LANES];
            for (weight, score) in weights.iter_mut().zip(&scores) {
                *weight = exp::<FUSED>(score - peak);
            }
            total[row] = fma::<FUSED>(total[row], shrink, weights.iter().sum());
            let sums = &mut sums[row * dim..(row + 1) * dim];
            // Values past the visible ones are another sequence's leftovers: not even zero times them.
            for (chunk, sums) in sums.chunks_exact_mut(LANES).enumerate() {
                let mut sum = [0f32; LANES];
                for (sum, old) in sum.iter_mut().zip(sums.iter()) {
                    *sum = old * shrink;
                }
                for (token, &weight) in weights[..visible].iter().enumerate() {
                    let value = &values[token * dim + chunk * LANES..][..LANES];
                    for lane in 0..LANES {
                        sum[lane] = fma::<FUSED>(weight, value[lane], sum[lane]);
                    }
                }
                sums.copy_from_slice(&sum);
            }
        }
    }
    for row in 0..rows {
        let (token, head) = (row / per_kv, row % per_kv);
        let at = ((task.row + token) * query + task.head * per_kv + head) * dim;
        #[expect(unsafe_code, reason = "each task writes its own rows and heads")]
        // SAFETY: no two tasks share a row and a key head.
        let out = unsafe { out.part(at, dim) };
        let inverse = 1.0 / total[row];
        for (out, sum) in out.iter_mut().zip(&sums[row * dim..(row + 1) * dim]) {
            *out = sum * inverse;
        }
    }
}

/// The products of a query with the 16 keys of a block, `[dim, token]`.
#[inline(always)]
fn dot16<const FUSED: bool>(query: &[f32], keys: &[f32]) -> [f32; LANES] {
    // Four sums at a time: one would wait for itself.
    let mut sums = [[0f32; LANES]; 4];
    for (query, keys) in query.chunks_exact(4).zip(keys.chunks_exact(4 * LANES)) {
        for part in 0..4 {
            for lane in 0..LANES {
                sums[part][lane] =
                    fma::<FUSED>(query[part], keys[part * LANES + lane], sums[part][lane]);
            }
        }
    }
    std::array::from_fn(|lane| (sums[0][lane] + sums[1][lane]) + (sums[2][lane] + sums[3][lane]))
}
