//! Proofs at full length, of which the tests run a short form.

mod fuzz;

use anyhow::Result;
use clap::Subcommand;

/// What to prove.
#[derive(Subcommand)]
pub(crate) enum Proof {
    /// Feed the parsers and the scanner what a coverage-guided fuzzer finds; writes
    /// docs/results/prove-fuzz.json.
    Fuzz {
        /// How long each target runs.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
}

/// Runs one proof.
pub(crate) fn run(proof: &Proof) -> Result<()> {
    match proof {
        Proof::Fuzz { seconds } => fuzz::run(*seconds),
    }
}
