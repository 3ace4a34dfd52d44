//! Starting with a warm cache.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Value, json};

use crate::common::{Measured, digest, grant, micros, one, percentile, policy, sandbox};

/// As many different components as a busy installation has.
const COMPONENTS: u8 = 50;
/// How often a start is measured.
const STARTS: usize = 20;

/// Loads fifty components that were compiled before, and calls one after a start.
pub(crate) async fn measure(echo: &Path) -> Measured<Value> {
    let folder = tempfile::tempdir()?;
    let cache = folder.path().join("cache");
    let echo = std::fs::read(echo)?;
    let mut files: Vec<(PathBuf, String)> = Vec::new();
    for n in 0..COMPONENTS {
        // A custom section makes another component of it.
        let mut wasm = echo.clone();
        wasm.extend([0, 3, 1, b'n', n]);
        let path = folder.path().join(format!("{n}.wasm"));
        let digest = digest(&wasm);
        std::fs::write(&path, wasm)?;
        files.push((path, digest));
    }
    let compiling = Instant::now();
    let first = sandbox(&cache)?;
    for (path, digest) in &files {
        first.load(path, digest).await?;
    }
    let compiling = compiling.elapsed();
    drop(first);

    let mut starts = Vec::new();
    let mut calls = Vec::new();
    for round in 0..STARTS {
        let started = Instant::now();
        let later = sandbox(&cache)?;
        for (path, digest) in &files {
            later.load(path, digest).await?;
        }
        starts.push(started.elapsed());
        drop(later);

        let (path, digest) = &files[round % files.len()];
        let grant = grant(policy("")?);
        let later = sandbox(&cache)?;
        let started = Instant::now();
        let component = later.load(path, digest).await?;
        one(&later, &component, &grant, "echo", r#"{"text":"hello"}"#).await?;
        calls.push(started.elapsed());
    }
    Ok(json!({
        "compile_50_ms": micros(compiling) / 1000.0,
        "start_50_ms": percentile(&mut starts, 50) / 1000.0,
        "first_call_ms": percentile(&mut calls, 50) / 1000.0,
    }))
}
