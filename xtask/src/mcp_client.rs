//! The official Python client of the Model Context Protocol, which tests speak with.

use std::path::PathBuf;

use anyhow::Result;

use crate::{paths, shell};

/// What the environment holds.
const REQUIREMENTS: &str = "host/tests/python/requirements.txt";

/// Makes the Python environment in the user's cache, where the tests look for it; made anew when
/// the requirements change.
pub(crate) fn environment() -> Result<PathBuf> {
    let requirements = paths::root().join(REQUIREMENTS);
    let wanted = std::fs::read_to_string(&requirements)?;
    let folder = paths::cache().join("python/mcp");
    let ready = folder.join(".ready");
    if std::fs::read_to_string(&ready).is_ok_and(|there| there == wanted) {
        return Ok(folder);
    }
    shell::say("installing the MCP client that tests speak with");
    let mut create = shell::command("python3");
    shell::run(create.args(["-m", "venv", "--clear"]).arg(&folder))?;
    let mut install = shell::command(folder.join("bin/pip"));
    install.args(["install", "--quiet", "--disable-pip-version-check", "-r"]);
    shell::run(install.arg(requirements))?;
    std::fs::write(ready, wanted)?;
    Ok(folder)
}
