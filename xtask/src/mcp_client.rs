//! The official Python client of the Model Context Protocol, which tests speak with.

use std::path::PathBuf;

use anyhow::Result;

use crate::{paths, python};

/// What the environment holds.
const REQUIREMENTS: &str = "host/tests/python/requirements.txt";

/// Makes the Python environment in the user's cache, where the tests look for it.
pub(crate) fn environment() -> Result<PathBuf> {
    let folder = paths::cache().join("python/mcp");
    python::environment(
        "the MCP client that tests speak with",
        REQUIREMENTS,
        &folder,
    )?;
    Ok(folder)
}
