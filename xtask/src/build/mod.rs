//! Building everything that a user runs.

mod guests;
mod python;
mod web;

use anyhow::Result;

use crate::{shell, toolchain};

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
