//! Python environments of the tests.

use std::path::Path;

use anyhow::Result;

use crate::{paths, shell};

/// Makes an environment with what a file of requirements lists; made anew when the file changes.
pub(crate) fn environment(what: &str, requirements: &str, folder: &Path) -> Result<()> {
    environment_with(what, requirements, folder, &[])
}

/// The same with further options of pip.
pub(crate) fn environment_with(
    what: &str,
    requirements: &str,
    folder: &Path,
    options: &[&str],
) -> Result<()> {
    let requirements = paths::root().join(requirements);
    let wanted = std::fs::read_to_string(&requirements)?;
    let ready = folder.join(".ready");
    if std::fs::read_to_string(&ready).is_ok_and(|there| there == wanted) {
        return Ok(());
    }
    shell::say(&format!("installing {what}"));
    let mut create = shell::command("python3");
    shell::run(create.args(["-m", "venv", "--clear"]).arg(folder))?;
    let mut install = shell::command(folder.join("bin/pip"));
    install.args(["install", "--quiet", "--disable-pip-version-check"]);
    shell::run(install.args(options).arg("-r").arg(requirements))?;
    std::fs::write(ready, wanted)?;
    Ok(())
}
