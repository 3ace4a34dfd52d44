//! Proofs at full length, of which the tests run a short form.

mod bfcl;
mod debian;
mod eval;
mod fetch;
mod fuzz;
mod humaneval;
mod mesh;

use anyhow::Result;
use clap::{Subcommand, ValueEnum};

/// What to prove.
#[derive(Subcommand)]
pub(crate) enum Proof {
    /// Measure what models make of tools; goes on where it was broken off; writes
    /// docs/results/prove-eval.json or prove-bfcl.json.
    Eval {
        /// Which questions.
        #[arg(value_enum, default_value_t = Suite::Tasks)]
        suite: Suite,
        /// Which models.
        #[arg(
            long,
            value_delimiter = ',',
            default_value = "qwen2.5-coder-0.5b,qwen2.5-coder-1.5b"
        )]
        models: Vec<String>,
        /// How many tasks of each subset of BFCL.
        #[arg(long, default_value_t = 100)]
        count: usize,
        /// Forget what was answered before.
        #[arg(long)]
        anew: bool,
    },
    /// Measure how much of the text of real pages web-fetch finds; writes
    /// docs/results/prove-fetch.json.
    Fetch {
        /// How many pages of each collection.
        #[arg(long, default_value_t = 80)]
        pages: usize,
    },
    /// Simplify real models beside meshoptimizer, and put what comes out before Khronos' glTF
    /// validator; writes docs/results/prove-mesh.json.
    Mesh,
    /// Let a model write the programs of HumanEval, once alone and once mending what the examples'
    /// tests say; goes on where it was broken off; writes docs/results/prove-humaneval.json.
    Humaneval {
        /// Which model.
        #[arg(long, default_value = "qwen2.5-coder-1.5b")]
        model: String,
        /// The first so many tasks, of 164.
        #[arg(long, default_value_t = 164)]
        tasks: usize,
        /// Forget what was written before.
        #[arg(long)]
        anew: bool,
    },
    /// Feed the parsers and the scanner what a coverage-guided fuzzer finds; writes
    /// docs/results/prove-fuzz.json.
    Fuzz {
        /// How long each target runs.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
}

/// Which questions are asked.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Suite {
    /// Those of evals/tasks.toml, from end to end with the server's own tools.
    Tasks,
    /// A sample of the Berkeley Function Calling Leaderboard: which calls are written.
    Bfcl,
}

/// Runs one proof.
pub(crate) fn run(proof: &Proof) -> Result<()> {
    match proof {
        Proof::Eval {
            suite: Suite::Tasks,
            models,
            anew,
            ..
        } => eval::run(models, *anew),
        Proof::Eval {
            suite: Suite::Bfcl,
            models,
            count,
            anew,
        } => bfcl::run(models, *count, *anew),
        Proof::Fetch { pages } => fetch::run(*pages),
        Proof::Mesh => mesh::run(),
        Proof::Humaneval { model, tasks, anew } => humaneval::run(model, *tasks, *anew),
        Proof::Fuzz { seconds } => fuzz::run(*seconds),
    }
}
