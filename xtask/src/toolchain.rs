//! A compiler that can build for WebAssembly.
//!
//! rustup's own where it has the target or can add it; otherwise, on a network that reaches
//! Debian's archive alone, Debian's `rustc-web` with the standard library built from source.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::packages::{self, Package};
use crate::{paths, shell};

/// The one target of plugins and web client: no WASI, so a component's imports are what it names.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

const DEBIAN: &[Package] = &[
    Package {
        name: "rustc-web",
        shown_by: &["/usr/bin/rustc"],
    },
    Package {
        name: "cargo-web",
        shown_by: &["/usr/bin/cargo"],
    },
    Package {
        name: "rust-web-src",
        shown_by: &["/usr/src/rustc-*/library/std/Cargo.toml"],
    },
    Package {
        name: "lld-22",
        shown_by: &["/usr/bin/wasm-ld-22"],
    },
];

/// What compiles the C of a plugin (QuickJS, in `javascript`); any version of the last ten years.
const CLANG: Package = Package {
    name: "clang",
    shown_by: &["clang", "/usr/bin/clang-[0-9]*"],
};

/// A C compiler that knows WebAssembly.
pub(crate) fn clang() -> Result<PathBuf> {
    packages::ensure(&[CLANG])?;
    let plain = shell::which("clang");
    let versioned = || packages::glob("/usr/bin/clang-[0-9]*").pop();
    plain
        .or_else(versioned)
        .context("clang was installed and cannot be found")
}

/// How to compile for WebAssembly on this machine.
pub(crate) enum Toolchain {
    /// rustup's stable compiler with the target installed.
    Rustup,
    /// Debian's compiler; the standard library is built from source.
    Debian,
}

impl Toolchain {
    /// `cargo build --release` for [`TARGET`] of the workspace in `folder`.
    pub(crate) fn cargo_build(&self, folder: &str) -> Command {
        let manifest = paths::root().join(folder).join("Cargo.toml");
        let mut command;
        match self {
            Toolchain::Rustup => {
                command = shell::command("cargo");
                command.arg("build");
            }
            Toolchain::Debian => {
                command = shell::command("/usr/bin/cargo");
                let mut path = vec![PathBuf::from("/usr/bin")];
                path.extend(std::env::split_paths(
                    &std::env::var_os("PATH").unwrap_or_default(),
                ));
                command
                    // rustup's shims would win otherwise.
                    .env("PATH", std::env::join_paths(path).unwrap_or_default())
                    .env("RUSTC", "/usr/bin/rustc")
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-ld-22")
                    .env(
                        "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS",
                        "-Clinker-flavor=wasm-ld",
                    )
                    .args(["build", "-Zbuild-std=std,panic_abort"]);
            }
        }
        command
            // Where cargo finds the workspace's own .cargo/config.toml.
            .current_dir(paths::root().join(folder))
            .args([
                "--release",
                "--locked",
                "--target",
                TARGET,
                "--manifest-path",
            ])
            .arg(manifest)
            .arg("--target-dir")
            .arg(paths::wasm_target());
        command
    }
}

/// Finds a toolchain, bringing what is missing.
pub(crate) fn find() -> Result<Toolchain> {
    if rustup_has_target() {
        return Ok(Toolchain::Rustup);
    }
    if debian_is_there() {
        return Ok(Toolchain::Debian);
    }
    shell::say(&format!("adding the target {TARGET}"));
    let mut add = shell::command("rustup");
    if shell::succeeds(
        add.args(["target", "add", TARGET]),
        Duration::from_secs(180),
    ) {
        return Ok(Toolchain::Rustup);
    }
    shell::say("rustup cannot reach its server; using Debian's compiler for WebAssembly");
    if !packages::is_offered("rustc-web") && shell::which("apt-get").is_none() {
        bail!(
            "no compiler for WebAssembly: `rustup target add {TARGET}` failed, and this system has no \
             Debian packages to fall back to. Run that command where the network allows it"
        );
    }
    packages::ensure(DEBIAN)?;
    if debian_is_there() {
        return Ok(Toolchain::Debian);
    }
    bail!(
        "no compiler for WebAssembly: `rustup target add {TARGET}` failed, and Debian's rustc-web \
         did not bring one. Run `rustup target add {TARGET}` where the network allows it"
    )
}

fn rustup_has_target() -> bool {
    let mut print = shell::command("rustc");
    let Ok(root) = shell::output(print.args(["--print", "sysroot"])) else {
        return false;
    };
    PathBuf::from(root.trim())
        .join("lib/rustlib")
        .join(TARGET)
        .join("lib")
        .exists()
}

/// All four packages, and std's source of the same version as the compiler.
fn debian_is_there() -> bool {
    if !PathBuf::from("/usr/bin/wasm-ld-22").exists() || !PathBuf::from("/usr/bin/cargo").exists() {
        return false;
    }
    let Ok(root) = shell::output(Command::new("/usr/bin/rustc").args(["--print", "sysroot"]))
    else {
        return false;
    };
    PathBuf::from(root.trim())
        .join("lib/rustlib/src/rust/library/std/Cargo.toml")
        .exists()
        || !packages::glob("/usr/src/rustc-*/library/std/Cargo.toml").is_empty()
}
