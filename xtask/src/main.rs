//! The project's own tasks: `cargo xtask setup|build|run|test|bench|prove|model`.

mod bench;
mod build;
mod mcp_client;
mod model;
mod packages;
mod paths;
mod prove;
mod python;
mod search_server;
mod setup;
mod shell;
mod stamp;
mod test;
mod toolchain;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Build, run, test and measure Alcove.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install what building, running and testing need and this machine lacks.
    Setup,
    /// Build plugins, web client and the `alcove` program.
    Build {
        /// Only this part.
        part: Option<build::Part>,
    },
    /// Build, fetch the default model, and serve on 127.0.0.1:8484.
    Run {
        /// Passed on to `alcove serve`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Run the whole test suite.
    Test {
        /// Passed on to `cargo test`, such as a test's name.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Check formatting and lints, warnings denied.
    Lint,
    /// Measure, write docs/results/*.json and render docs/benchmarks.md.
    Bench {
        /// Which group; all where absent.
        name: Option<String>,
    },
    /// Run a proof at full length, and write docs/results/prove-NAME.json.
    Prove {
        /// Which.
        #[command(subcommand)]
        proof: prove::Proof,
    },
    /// List, fetch, verify or remove model files: `alcove model`.
    Model {
        /// Passed on to `alcove model`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

fn main() -> Result<()> {
    match Arguments::parse().task {
        Task::Setup => setup::everything(),
        Task::Build { part } => {
            setup::for_building()?;
            match part {
                Some(part) => build::only(part),
                None => build::everything(),
            }
        }
        Task::Run { arguments } => {
            setup::for_building()?;
            build::everything()?;
            model::fetch_default(&arguments)?;
            shell::replace(shell::command(paths::alcove()).arg("serve").args(arguments))
        }
        Task::Test { arguments } => test::run(&arguments),
        Task::Lint => test::lint(),
        Task::Bench { name } => bench::run(name.as_deref()),
        Task::Prove { proof } => prove::run(&proof),
        Task::Model { arguments } => model::run(&arguments),
    }
}
