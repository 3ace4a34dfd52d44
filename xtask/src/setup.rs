//! What building, running and testing need beyond git, a C compiler and rustup's stable Rust.

use anyhow::Result;

use crate::packages::{self, Package};
use crate::{search_server, toolchain};

const PYTHON: Package = Package {
    name: "python3",
    shown_by: &["python3"],
};
const PYTHON_PIP: Package = Package {
    name: "python3-pip",
    shown_by: &["pip3", "/usr/lib/python3/dist-packages/pip"],
};
/// `python3 -m venv` needs Debian's own package only with Debian's own Python.
const PYTHON_VENV: Package = Package {
    name: "python3-venv",
    shown_by: &[
        "pyenv",
        "/usr/lib/python3*/ensurepip",
        "/usr/local/lib/python3*/ensurepip",
    ],
};
const CHROMIUM: Package = Package {
    name: "chromium",
    shown_by: &["chromium"],
};
const CHROMEDRIVER: Package = Package {
    name: "chromium-driver",
    shown_by: &["chromedriver"],
};
const POSTGRESQL: Package = Package {
    name: "postgresql",
    shown_by: &["/usr/lib/postgresql/*/bin/initdb"],
};

/// What `build` and `run` need. Quick where nothing is missing.
pub(crate) fn for_building() -> Result<()> {
    packages::ensure(&[PYTHON, PYTHON_PIP, PYTHON_VENV])?;
    toolchain::find().map(drop)
}

/// What `test` needs on top: a browser, a PostgreSQL server and a search engine, all real.
pub(crate) fn everything() -> Result<()> {
    for_building()?;
    packages::ensure(&[CHROMIUM, CHROMEDRIVER, POSTGRESQL])?;
    packages::ensure(&search_server::PACKAGES)
}
