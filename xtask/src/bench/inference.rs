//! Prefill and decode speed against llama.cpp on the same file, prompt length and threads, the two
//! engines alternating.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::result::Row;
use super::server::models_folder;
use super::statistics::{median, median_ratio};
use crate::{model, paths, shell};

const GROUP: &str = "inference";
const ROUNDS: usize = 3;
/// Compiled for this machine: a prebuilt one would lack its newer instructions, and lose unfairly.
const LLAMA_CPP: &str = "llama-cpp-python==0.3.36";
/// llama.cpp's options for what a processor may have, by its name in /proc/cpuinfo. AMX is left out:
/// virtual machines name it and then don't let a process use it, where llama.cpp crashes.
const INSTRUCTIONS: &[(&str, &str)] = &[
    ("sse4_2", "GGML_SSE42"),
    ("avx", "GGML_AVX"),
    ("avx2", "GGML_AVX2"),
    ("bmi2", "GGML_BMI2"),
    ("fma", "GGML_FMA"),
    ("f16c", "GGML_F16C"),
    ("avx_vnni", "GGML_AVX_VNNI"),
    ("avx512f", "GGML_AVX512"),
    ("avx512vbmi", "GGML_AVX512_VBMI"),
    ("avx512_vnni", "GGML_AVX512_VNNI"),
    ("avx512_bf16", "GGML_AVX512_BF16"),
];
const MODELS: &[(&str, &str)] = &[
    (
        "qwen2.5-coder-1.5b",
        "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    ),
    (
        "qwen2.5-coder-0.5b",
        "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
    ),
    ("smollm2-135m", "SmolLM2-135M-Instruct-Q4_1.gguf"),
];
const OPTIONS: [&str; 6] = [
    "--prompt-tokens",
    "512",
    "--decode-tokens",
    "64",
    "--threads",
    "2",
];

/// What both programs print.
#[derive(Deserialize)]
struct Speed {
    prefill_tokens_per_s: Vec<f64>,
    decode_tokens_per_s: Vec<f64>,
    resident_bytes: Option<f64>,
}

#[derive(Default)]
struct Series {
    prefill: Vec<f64>,
    decode: Vec<f64>,
    memory_mib: Vec<f64>,
}

impl Series {
    fn add(&mut self, speed: &Speed) {
        self.prefill.push(median(&speed.prefill_tokens_per_s));
        self.decode.push(median(&speed.decode_tokens_per_s));
        self.memory_mib
            .extend(speed.resident_bytes.map(|bytes| bytes / f64::from(1 << 20)));
    }
}

pub(crate) fn measure() -> Result<Vec<Row>> {
    let python = reference()?;
    let folder = models_folder()?;
    let mut rows = Vec::new();
    for (name, file) in MODELS {
        model::fetch(&[name])?;
        let file = folder.join(file);
        let (mut ours, mut theirs) = (Series::default(), Series::default());
        for _ in 0..ROUNDS {
            ours.add(&speed(
                &paths::target().join("release/alcove-bench"),
                None,
                &file,
            )?);
            let script = paths::root().join("gpu-runtime/tests/data/bench_llama_cpp.py");
            theirs.add(&speed(&python, Some(&script), &file)?);
        }
        for (what, unit, ours, theirs) in [
            ("prefill of 512", "tokens/s", &ours.prefill, &theirs.prefill),
            ("decode", "tokens/s", &ours.decode, &theirs.decode),
            ("memory", "MiB", &ours.memory_mib, &theirs.memory_mib),
        ] {
            let row = Row::new(GROUP, format!("{name}, {what}"), median(ours), unit)?;
            rows.push(row.against("llama.cpp", median(theirs), median_ratio(ours, theirs)));
        }
    }
    Ok(rows)
}

fn speed(program: &Path, script: Option<&Path>, model: &Path) -> Result<Speed> {
    let mut command = shell::command(program);
    command.args(script).arg(model).args(OPTIONS);
    let text = shell::output(&mut command)?;
    // Libraries may print before the result, which is the last line.
    let last = text.lines().last().unwrap_or_default();
    serde_json::from_str(last).with_context(|| format!("no measurement: {text}"))
}

/// A Python environment with llama.cpp compiled for this machine.
fn reference() -> Result<PathBuf> {
    let folder = paths::cache().join("python/llama.cpp");
    let python = folder.join("bin/python");
    if folder.join(".ready").exists() {
        return Ok(python);
    }
    shell::say("compiling llama.cpp to compare with");
    shell::run(
        shell::command("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&folder),
    )?;
    let mut install = shell::command(folder.join("bin/pip"));
    install.env("CMAKE_ARGS", build_options()?);
    shell::run(install.args(["install", "--quiet", LLAMA_CPP]))?;
    std::fs::write(folder.join(".ready"), "")?;
    Ok(python)
}

fn build_options() -> Result<String> {
    let description = std::fs::read_to_string("/proc/cpuinfo")?;
    let has = |name| description.split_whitespace().any(|word| word == name);
    let mut options = String::from("-DGGML_NATIVE=OFF -DLLAVA_BUILD=OFF -DMTMD_BUILD=OFF");
    for (name, option) in INSTRUCTIONS {
        let switch = if has(*name) { "ON" } else { "OFF" };
        options.push_str(&format!(" -D{option}={switch}"));
    }
    Ok(options)
}
