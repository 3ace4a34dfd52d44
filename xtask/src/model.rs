//! Model files: all of it is `alcove model`, which is built first.

use anyhow::Result;

use crate::{build, paths, shell};

/// `cargo xtask model …`.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    build::host()?;
    shell::run(shell::command(paths::alcove()).arg("model").args(arguments))
}

/// Brings the models that tests need.
pub(crate) fn fetch(models: &[&str]) -> Result<()> {
    for model in models {
        shell::run(shell::command(paths::alcove()).args(["model", "fetch", model]))?;
    }
    Ok(())
}

/// Brings the model that `alcove serve ARGUMENTS` would load; quick where it is there.
pub(crate) fn fetch_default(serve_arguments: &[String]) -> Result<()> {
    let mut command = shell::command(paths::alcove());
    command.args(["model", "fetch"]);
    // A model or a data folder named for the server is meant for the fetch too.
    let mut arguments = serve_arguments.iter();
    while let Some(argument) = arguments.next() {
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (argument.as_str(), None),
        };
        let mut value = || value.clone().or_else(|| arguments.next().cloned());
        match name {
            "--data-dir" | "--config" => {
                if let Some(value) = value() {
                    command.args([name, &value]);
                }
            }
            "--model" => {
                if let Some(value) = value() {
                    command.arg(value);
                }
            }
            _ => {}
        }
    }
    shell::run(&mut command)
}
