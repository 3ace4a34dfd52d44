//! Building everything that a user runs.

mod guests;
mod python;
mod web;

use anyhow::Result;

use crate::{shell, toolchain};

/// What can be built on its own.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum Part {
    /// The plugins and the components that tests call.
    Plugins,
    /// The web client.
    Web,
}

/// One part; the program that embeds it is not built.
pub(crate) fn only(part: Part) -> Result<()> {
    let toolchain = toolchain::find()?;
    match part {
        Part::Plugins => {
            guests::build(&toolchain)?;
            python::build()
        }
        Part::Web => web::build(&toolchain),
    }
}

/// Plugins, web client, and the program that embeds both.
pub(crate) fn everything() -> Result<()> {
    let toolchain = toolchain::find()?;
    guests::build(&toolchain)?;
    python::build()?;
    web::build(&toolchain)?;
    host()
}

/// The `alcove` program, with whatever plugins and web client are built, and the programs that
/// `bench` measures with.
pub(crate) fn host() -> Result<()> {
    shell::run(shell::cargo("build").args(["--quiet", "--bins"]))
}
