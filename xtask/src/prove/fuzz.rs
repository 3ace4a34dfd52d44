//! Fuzzing with libFuzzer, on the compiler that builds everything else: the instrumentation that
//! it needs is a pass of LLVM, which a stable compiler runs too. No sanitizer is used, for the code
//! under test has no `unsafe`.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::bench::result::{self, Row};
use crate::{paths, shell};

/// A function that must hold for any bytes.
struct Target {
    /// Its package, which is no member of the workspace.
    folder: &'static str,
    /// Its program.
    name: &'static str,
    /// Where it begins; empty for nothing.
    seeds: &'static str,
}

const TARGETS: &[Target] = &[
    Target {
        folder: "policies/fuzz",
        name: "policy",
        seeds: "policies/tests/cases",
    },
    Target {
        folder: "policies/fuzz",
        name: "url",
        seeds: "policies/fuzz/seeds/url",
    },
    Target {
        folder: "policies/fuzz",
        name: "manifest",
        seeds: "policies/fuzz/seeds/manifest",
    },
    Target {
        folder: "host/egress/fuzz",
        name: "scanner",
        seeds: "",
    },
];

/// What tells the fuzzer which code an input reached.
const FLAGS: &str = "--cfg fuzzing -Ccodegen-units=1 -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// The most memory of a target, in MiB.
const MEMORY_MIB: u32 = 2048;
/// The longest that one input may take, in seconds.
const INPUT_SECONDS: u32 = 10;

/// Builds the targets, runs each for so long, and writes what came of it.
pub(super) fn run(seconds: u64) -> Result<()> {
    let triple = host_triple()?;
    let mut rows = Vec::new();
    let mut findings = Vec::new();
    for target in TARGETS {
        shell::say(&format!("building the target {}", target.name));
        build(target, &triple)?;
        shell::say(&format!("fuzzing {} for {seconds} s", target.name));
        let (executions, artifact) = fuzz(target, &triple, seconds)?;
        let found = if artifact.is_some() { 1.0 } else { 0.0 };
        for (what, value) in [("executions", executions), ("findings", found)] {
            let name = format!("{}: {what} in {seconds} s", target.name);
            let mut row = Row::new("fuzz", name, value, what)?;
            row.command = format!("cargo xtask prove fuzz --seconds {seconds}");
            shell::say(&row.line());
            rows.push(row);
        }
        findings.extend(artifact);
    }
    result::write("prove-fuzz", &rows)?;
    if findings.is_empty() {
        return Ok(());
    }
    bail!(
        "the fuzzer found inputs that fail; each is a file: {}",
        findings.join(", ")
    )
}

fn build(target: &Target, triple: &str) -> Result<()> {
    let manifest = paths::root().join(target.folder).join("Cargo.toml");
    let mut command = shell::command("cargo");
    command
        .args(["build", "--release", "--locked", "--target", triple])
        .args(["--bin", target.name, "--manifest-path"])
        .arg(manifest)
        .env("CARGO_TARGET_DIR", folder())
        .env("RUSTFLAGS", FLAGS);
    shell::run(&mut command).context("libFuzzer is C++: `c++` has to be there")
}

/// How many inputs were tried, and the file of one that failed.
fn fuzz(target: &Target, triple: &str, seconds: u64) -> Result<(f64, Option<String>)> {
    let corpus = folder().join("corpus").join(target.name);
    let artifacts = folder().join("artifacts").join(target.name);
    std::fs::create_dir_all(&corpus)?;
    std::fs::create_dir_all(&artifacts)?;
    let program = folder().join(triple).join("release").join(target.name);
    let mut command = Command::new(program);
    command
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-rss_limit_mb={MEMORY_MIB}"))
        .arg(format!("-timeout={INPUT_SECONDS}"))
        .arg("-print_final_stats=1")
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg(corpus);
    if !target.seeds.is_empty() {
        command.arg(paths::root().join(target.seeds));
    }
    let output = command
        .stdout(Stdio::null())
        .output()
        .with_context(|| format!("cannot start the target {}", target.name))?;
    let text = String::from_utf8_lossy(&output.stderr);
    let value = |key: &str| text.lines().rev().find_map(|line| line.split_once(key));
    let executions = value("stat::number_of_executed_units:")
        .and_then(|(_, number)| number.trim().parse().ok())
        .unwrap_or(0.0);
    if output.status.success() {
        return Ok((executions, None));
    }
    let Some((_, file)) = value("Test unit written to ") else {
        bail!(
            "the target {} ended with {}: {text}",
            target.name,
            output.status
        );
    };
    Ok((executions, Some(file.trim().to_owned())))
}

/// Where everything of the fuzzer lies.
fn folder() -> PathBuf {
    paths::root().join("target/fuzz")
}

/// With a target named, the flags are for what is fuzzed and not for build scripts.
fn host_triple() -> Result<String> {
    let text = shell::output(shell::command("rustc").arg("-vV"))?;
    let triple = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(triple.context("rustc does not say its host")?.to_owned())
}
