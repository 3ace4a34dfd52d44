//! Files of Debian packages that are measured on.

use std::path::PathBuf;

use anyhow::Result;

use crate::{paths, shell};

/// The files of a Debian package in the cache: it is not installed, since that would bring newer
/// versions of what it depends on.
pub(super) fn unpacked(package: &str) -> Result<PathBuf> {
    let folder = paths::cache().join("debian").join(package);
    let files = folder.join("files");
    if files.exists() {
        return Ok(files);
    }
    std::fs::create_dir_all(&folder)?;
    shell::say(&format!("bringing {package}"));
    let mut download = shell::command("apt-get");
    shell::run(
        download
            .current_dir(&folder)
            .args(["download", "-qq", package]),
    )?;
    // Under another name first: what was broken off is not taken for whole.
    let new = folder.join("new");
    for entry in std::fs::read_dir(&folder)? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "deb") {
            shell::run(shell::command("dpkg-deb").arg("-x").arg(&file).arg(&new))?;
        }
    }
    std::fs::rename(new, &files)?;
    Ok(files)
}
