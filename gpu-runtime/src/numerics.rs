//! The models against llama.cpp, on ten texts with 64 teacher-forced positions each.
//!
//! The expected values were computed once, by `tests/data/make_reference.py`, which states the package;
//! the JSON files carry the model file's digest. A position counts as equal if the most likely token is
//! the same; it must be wherever the reference's margin between its first two logits is more than
//! [`Bound::margin`]. Log-probabilities of the reference's eight likeliest tokens must agree within
//! [`Bound::largest`], and within [`Bound::mean`] on average.
//!
//! What was measured, all 640 positions each (equal tokens; largest margin of the others; difference of
//! log-probabilities, mean and largest):
//!
//! | model | our kernels | 32-bit floats throughout |
//! |---|---|---|
//! | SmolLM2 135M | 613; 0.35; 0.096, 0.78 | 611; 0.35; 0.088, 0.91 |
//! | Qwen2.5-Coder 0.5B | 623; 0.10; 0.058, 0.55 | 628; 0.10; 0.053, 0.45 |
//! | Qwen2.5-Coder 1.5B | 624; 0.22; 0.084, 0.68 | |
//!
//! So exact arithmetic on the same weights is as far from llama.cpp as our kernels are: what separates
//! us is that both round activations to 8 bits, in blocks of their own (llama.cpp shares one scale among
//! 256 values with the K formats, we among 32), and that llama.cpp's scales are 16-bit floats. The 0.5B
//! is no exception: rotation, biases and the Q5_0 path are right, for with exact arithmetic the same
//! near-ties flip. On text that means nothing to the model nearly every position is such a tie, so there
//! greedy continuations part soon; on real text they part only where the margin is small.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;

use crate::catalogue::Catalogue;
use crate::limits::BLOCK_TOKENS;
use crate::models;
use crate::ops::Compute;
use crate::step::{SequenceId, Span, Step};
use crate::tokenizer::Tokenizer;
use crate::weights::GgufFile;

#[derive(Deserialize)]
struct Reference {
    provenance: Provenance,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Provenance {
    file_sha256: String,
}

#[derive(Deserialize)]
struct Case {
    text: String,
    all_tokens: Vec<u32>,
    tokens: usize,
    positions: Vec<Position>,
}

#[derive(Deserialize)]
struct Position {
    margin: f32,
    top: Vec<(u32, f32)>,
}

/// What may differ, and how much.
struct Bound {
    /// Margins above this must not change the most likely token.
    margin: f32,
    /// Of one log-probability.
    largest: f32,
    /// Of all log-probabilities on average.
    mean: f32,
}

fn model_file(id: &str) -> GgufFile {
    let entry = Catalogue::builtin().unwrap().get(id).unwrap().clone();
    let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
    let data = data
        .unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".local/share"));
    let dir = std::env::var_os("ALCOVE_MODELS_DIR")
        .map_or_else(|| data.join("alcove/models"), PathBuf::from);
    let path = dir.join(&entry.file);
    assert!(
        path.is_file(),
        "{} is missing: run `cargo xtask model fetch {id}`",
        path.display()
    );
    GgufFile::open(&path).unwrap()
}

/// All tokens of a text in one step, with the logits after each of the last `wanted`.
fn step(tokens: &[u32], wanted: usize) -> Step {
    let blocks: Vec<u32> = (0..tokens.len().div_ceil(BLOCK_TOKENS) as u32).collect();
    let first = tokens.len() - wanted + 1;
    let ends = first..=tokens.len();
    let spans = ends.map(|end| Span {
        sequence: SequenceId(0),
        rows: if end == first { 0..end } else { end - 1..end },
        blocks: blocks.clone(),
        sample: true,
    });
    Step {
        ids: tokens.to_vec(),
        positions: (0..tokens.len() as u32).collect(),
        spans: spans.collect(),
    }
}

fn check(id: &str, reference: &str, compute: Compute, bound: &Bound, cases: usize) {
    let reference: Reference = serde_json::from_str(reference).unwrap();
    let entry = Catalogue::builtin().unwrap().get(id).unwrap().clone();
    assert_eq!(Some(reference.provenance.file_sha256), entry.sha256);
    let file = Arc::new(model_file(id));
    let tokenizer = Tokenizer::from_gguf(&file).unwrap();
    let loaded = models::load(Arc::clone(&file), Arc::new(compute)).unwrap();
    let mut cache = loaded
        .compute
        .cache(loaded.shape.heads, loaded.shape.layers, 16)
        .unwrap();
    let (mut sum, mut count, mut largest, mut equal, mut positions) = (0.0, 0, 0f32, 0, 0);
    let mut flipped = 0f32;
    for case in &reference.cases[..cases] {
        assert_eq!(
            tokenizer.encode(&case.text),
            case.all_tokens,
            "{}",
            case.text
        );
        let step = step(&case.all_tokens[..case.tokens], case.positions.len());
        let logits = loaded.model.forward(&step, &mut cache, &|| false).unwrap();
        for (logits, want) in logits
            .chunks_exact(loaded.model.vocabulary())
            .zip(&case.positions)
        {
            let peak = logits.iter().fold(f32::NEG_INFINITY, |a, &b| a.max(b));
            let total: f64 = logits.iter().map(|&l| f64::from(l - peak).exp()).sum();
            let log_total = total.ln() as f32 + peak;
            let best = logits.iter().position(|&l| l == peak).unwrap() as u32;
            positions += 1;
            if best == want.top[0].0 {
                equal += 1;
            } else {
                flipped = flipped.max(want.margin);
            }
            for &(token, log) in &want.top {
                let error = (logits[token as usize] - log_total - log).abs();
                largest = largest.max(error);
                sum += error;
                count += 1;
            }
        }
    }
    let mean = sum / count as f32;
    let summary = format!(
        "{id}: {equal} of {positions} equal, largest margin of the others {flipped}; log-probabilities differ by {largest} at most, {mean} on average"
    );
    tracing::info!("{summary}");
    assert_eq!(positions, cases * 64);
    assert!(
        flipped <= bound.margin && largest <= bound.largest && mean <= bound.mean,
        "{summary}"
    );
}

fn on_cpu() -> Compute {
    Compute::new(candle_core::Device::Cpu, 2).unwrap()
}

const SMALL: &str = include_str!("../tests/data/reference_smollm2-135m.json");
const MEDIUM: &str = include_str!("../tests/data/reference_qwen2.5-coder-0.5b.json");
const LARGE: &str = include_str!("../tests/data/reference_qwen2.5-coder-1.5b.json");

const SMALL_BOUND: Bound = Bound {
    margin: 0.5,
    largest: 1.1,
    mean: 0.12,
};
const MEDIUM_BOUND: Bound = Bound {
    margin: 0.2,
    largest: 0.8,
    mean: 0.08,
};
const LARGE_BOUND: Bound = Bound {
    margin: 0.4,
    largest: 1.0,
    mean: 0.11,
};

#[test]
fn smollm2_135m_agrees_with_llama_cpp() {
    check("smollm2-135m", SMALL, on_cpu(), &SMALL_BOUND, 10);
}

/// Weights as other devices hold them; the rest of their path is what [`Compute::exact`] takes too.
#[test]
fn candles_quantised_products_agree_with_llama_cpp() {
    check(
        "smollm2-135m",
        SMALL,
        Compute::without_kernels(),
        &SMALL_BOUND,
        1,
    );
}

#[test]
fn qwen_coder_0_5b_agrees_with_llama_cpp() {
    check("qwen2.5-coder-0.5b", MEDIUM, on_cpu(), &MEDIUM_BOUND, 10);
}

#[test]
fn qwen_coder_1_5b_agrees_with_llama_cpp() {
    check("qwen2.5-coder-1.5b", LARGE, on_cpu(), &LARGE_BOUND, 10);
}

/// Where the difference comes from: see the head of this file.
#[test]
fn exact_arithmetic_is_as_far_from_llama_cpp_as_we_are() {
    check("smollm2-135m", SMALL, Compute::exact(), &SMALL_BOUND, 10);
    check(
        "qwen2.5-coder-0.5b",
        MEDIUM,
        Compute::exact(),
        &MEDIUM_BOUND,
        3,
    );
}
