//! Debian packages: which are missing, and bringing them.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::shell;

/// A Debian package, and a file that shows it is there.
pub(crate) struct Package {
    pub(crate) name: &'static str,
    /// Where any of these exists, nothing needs to be installed: the user may have brought it in
    /// another way.
    pub(crate) shown_by: &'static [&'static str],
}

impl Package {
    fn is_there(&self) -> bool {
        self.shown_by
            .iter()
            .any(|sign| match sign.strip_prefix('/') {
                Some(_) => !glob(sign).is_empty(),
                None => shell::which(sign).is_some(),
            })
    }
}

/// Installs those of the packages that are missing, asking for sudo where the user is not root.
pub(crate) fn ensure(packages: &[Package]) -> Result<()> {
    let missing: Vec<_> = packages
        .iter()
        .filter(|package| !package.is_there())
        .map(|package| package.name)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let install = format!(
        "apt-get install -y --no-install-recommends {}",
        missing.join(" ")
    );
    if shell::which("apt-get").is_none() {
        bail!(
            "missing on this machine: {}. These are Debian's names; install what your system calls them",
            missing.join(", ")
        );
    }
    let prefix: &[&str] = match (is_root(), shell::which("sudo").is_some()) {
        (true, _) => &[],
        (false, true) => &["sudo"],
        (false, false) => bail!("missing on this machine; as root, run: {install}"),
    };
    shell::say(&format!("installing {}", missing.join(", ")));
    // A machine that never asked its mirrors knows no package; one that did may have an old list.
    apt(prefix, &["update", "-qq"])?;
    let mut arguments = vec!["install", "-y", "-qq", "--no-install-recommends"];
    arguments.extend(&missing);
    apt(prefix, &arguments)
}

fn apt(prefix: &[&str], arguments: &[&str]) -> Result<()> {
    let mut words = prefix.to_vec();
    words.extend(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    words.extend(arguments);
    shell::run(shell::command(words[0]).args(&words[1..]))
}

fn is_root() -> bool {
    shell::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// Whether Debian's archive has a package.
pub(crate) fn is_offered(name: &str) -> bool {
    shell::succeeds(
        Command::new("apt-cache").args(["show", name]),
        Duration::from_secs(20),
    )
}

/// The paths that match a pattern whose only wildcard is one `*` in one folder's name.
pub(crate) fn glob(pattern: &str) -> Vec<std::path::PathBuf> {
    let Some((before, after)) = pattern.split_once('*') else {
        let path = std::path::PathBuf::from(pattern);
        return if path.exists() {
            vec![path]
        } else {
            Vec::new()
        };
    };
    let (folder, stem) = before.rsplit_once('/').unwrap_or((".", before));
    let (tail, rest) = after
        .split_once('/')
        .map_or((after, ""), |(tail, rest)| (tail, rest));
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found: Vec<_> = entries
        .filter_map(Result::ok)
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with(stem) && name.ends_with(tail)
        })
        .map(|entry| entry.path().join(rest))
        .filter(|path| path.exists())
        .collect();
    found.sort();
    found
}
