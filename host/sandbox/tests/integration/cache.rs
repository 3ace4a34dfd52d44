//! Compiling in a child process, and keeping what it made.

use std::time::{Duration, Instant};

use alcove_sandbox::{CompileError, CompileLimits, Compiler, LoadError, Sandbox};

use crate::support::{Bench, call, component, config, echo, plain, text};

fn child() -> Compiler {
    Compiler::Child {
        program: env!("CARGO_BIN_EXE_alcove-compile").into(),
        args: Vec::new(),
        limits: CompileLimits::default(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_is_compiled_once_by_a_child_process() {
    let bench = Bench::new();
    let (path, digest) = bench.file(&component(&echo()));
    let mut config = config(bench.folder.path());
    config.compiler = child();
    let sandbox = Sandbox::new(config.clone()).unwrap();
    let guest = sandbox.load(&path, &digest).await.unwrap();
    assert_eq!(guest.digest(), digest);
    let report = sandbox.call(&guest, call(&plain(), "tool", "one")).await;
    assert_eq!(text(&report), "one");

    // A sandbox that comes later neither compiles it nor reads the file.
    std::fs::remove_file(&path).unwrap();
    config.compiler = Compiler::Child {
        program: "/nonexistent/compiler".into(),
        args: Vec::new(),
        limits: CompileLimits::default(),
    };
    let later = Sandbox::new(config.clone()).unwrap();
    let guest = later.load(&path, &digest).await.unwrap();
    let report = later.call(&guest, call(&plain(), "tool", "two")).await;
    assert_eq!(text(&report), "two");

    // One with another key does not trust it.
    config.cache_mac_key = [8; 32];
    let stranger = Sandbox::new(config).unwrap();
    let result = stranger.load(&path, &digest).await;
    assert!(matches!(result, Err(LoadError::Read { .. })), "{result:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_is_compiled_again() {
    let bench = Bench::new();
    let (path, digest) = bench.file(&component(&echo()));
    let first = Sandbox::new(config(bench.folder.path())).unwrap();
    first.load(&path, &digest).await.unwrap();
    let cache = bench.folder.path().join("cache");
    let compiled = std::fs::read_dir(&cache)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|ext| ext == "cwasm"))
        .unwrap();
    let good = std::fs::read(&compiled).unwrap();
    let mut bad = good.clone();
    bad[good.len() / 2] ^= 1;
    std::fs::write(&compiled, bad).unwrap();
    let later = Sandbox::new(config(bench.folder.path())).unwrap();
    let guest = later.load(&path, &digest).await.unwrap();
    text(&later.call(&guest, call(&plain(), "tool", "again")).await);
    assert_eq!(std::fs::read(&compiled).unwrap().len(), good.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compiler_that_fails_is_an_error_and_not_a_crash() {
    let bench = Bench::new();
    let (path, digest) = bench.file(&component(&echo()));
    for program in ["/nonexistent/compiler", "/bin/false", "/bin/true"] {
        let mut config = config(bench.folder.path());
        config.compiler = Compiler::Child {
            program: program.into(),
            args: Vec::new(),
            limits: CompileLimits::default(),
        };
        let sandbox = Sandbox::new(config).unwrap();
        let result = sandbox.load(&path, &digest).await;
        match (program, &result) {
            ("/nonexistent/compiler", Err(LoadError::Compile(CompileError::Start { .. })))
            | ("/bin/false", Err(LoadError::Compile(CompileError::Invalid(_))))
            | ("/bin/true", Err(LoadError::Cache(_))) => {}
            _ => panic!("{program}: {result:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_compiler_says_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in.wasm");
    std::fs::write(&input, b"\0asm\x0d\0\x01\0garbage").unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_alcove-compile"))
        .args([&input, &folder.path().join("out.cwasm")])
        .output()
        .unwrap();
    assert!(!output.status.success());
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(words.contains("not a valid component"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_takes_too_much_to_compile_is_refused_by_name() {
    let bench = Bench::new();
    let branch = "(if (i32.and (local.get $n) (i32.const 3)) \
        (then (local.set $n (i32.mul (local.get $n) (i32.const 7)))))";
    let slow = format!(
        "(func $slow (param $n i32) (result i32) {} (local.get $n)) {}",
        branch.repeat(150_000),
        echo()
    );
    let (path, digest) = bench.file(&component(&slow));
    let time = CompileLimits {
        cpu_seconds: 1,
        ..CompileLimits::default()
    };
    let memory = CompileLimits {
        address_bytes: 400 << 20,
        ..CompileLimits::default()
    };
    let wall = CompileLimits {
        wall: Duration::from_millis(300),
        ..CompileLimits::default()
    };
    for (limits, expected) in [
        (time, "compile-time"),
        (memory, "compile-memory"),
        (wall, "compile-time"),
    ] {
        let mut config = config(bench.folder.path());
        config.compiler = Compiler::Child {
            program: env!("CARGO_BIN_EXE_alcove-compile").into(),
            args: Vec::new(),
            limits,
        };
        let sandbox = Sandbox::new(config).unwrap();
        let started = Instant::now();
        match sandbox.load(&path, &digest).await {
            Err(LoadError::Compile(CompileError::Limit { name, .. })) => {
                assert_eq!(name, expected, "{limits:?}");
            }
            other => panic!("{limits:?}: {other:?}"),
        }
        assert!(started.elapsed() < Duration::from_secs(30));
    }
}
