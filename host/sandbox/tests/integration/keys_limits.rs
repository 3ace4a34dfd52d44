//! `[limits]`: for every key, two policies that differ only in it and end differently.

use std::sync::Arc;
use std::time::Duration;

use alcove_policies::Policy;
use alcove_sandbox::{LimitHit, Outcome, Report};

use crate::support::{Bench, call, policy, text};

fn limits(line: &str) -> Policy {
    policy(&format!("[limits]\n{line}\n"))
}

#[track_caller]
fn hit(report: &Report, name: &str, allowed: &str) {
    let expected = LimitHit {
        name: match name {
            "memory" => "memory",
            "cpu" => "cpu",
            "wall" => "wall",
            "output" => "output",
            "calls" => "calls",
            "logs" => "logs",
            "handles" => "handles",
            _ => "concurrency",
        },
        allowed: allowed.to_owned(),
    };
    assert_eq!(report.outcome, Outcome::Limit(expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn memory() {
    let bench = Bench::new();
    let arguments = r#"{"do":"allocate","n":20000000}"#;
    let report = bench.probe(&limits("memory = \"64 MiB\""), arguments).await;
    text(&report);
    assert!(report.usage.peak_memory_bytes > 20_000_000);
    let report = bench.probe(&limits("memory = \"16 MiB\""), arguments).await;
    hit(&report, "memory", "16 MiB");
    assert!(report.usage.peak_memory_bytes <= 16 << 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn cpu() {
    let bench = Bench::new();
    let guest = bench.guest(&busy()).await;
    let report = bench.call(&guest, &limits("cpu = \"20 s\""), "{}").await;
    assert_eq!(text(&report), "{}");
    assert!(
        report.usage.cpu > Duration::from_millis(50),
        "{:?}",
        report.usage
    );
    let report = bench.call(&guest, &limits("cpu = \"50 ms\""), "{}").await;
    hit(&report, "cpu", "50 ms");
}

/// Computes for some hundred milliseconds.
fn busy() -> String {
    format!(
        "(global $n (mut i64) (i64.const 1000000000))
        {} (loop $again
          (global.set $n (i64.sub (global.get $n) (i64.const 1)))
          (br_if $again (i64.ne (global.get $n) (i64.const 0))))
        (call $text (local.get $at) (local.get $length)))",
        crate::support::INVOKE
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn wall() {
    let bench = Bench::new();
    let arguments = r#"{"do":"sleep","n":500}"#;
    let report = bench.probe(&limits("wall = \"20 s\""), arguments).await;
    text(&report);
    assert!(
        report.usage.cpu < Duration::from_millis(400),
        "waiting is not work"
    );
    let report = bench.probe(&limits("wall = \"200 ms\""), arguments).await;
    hit(&report, "wall", "200 ms");
    // Also for a guest that computes.
    let guest = bench.guest(&crate::support::endless()).await;
    let report = bench
        .call(&guest, &limits("wall = \"200 ms\"\ncpu = \"60 s\""), "{}")
        .await;
    hit(&report, "wall", "200 ms");
}

#[tokio::test(flavor = "multi_thread")]
async fn output() {
    let bench = Bench::new();
    let arguments = r#"{"do":"output","n":10000}"#;
    let report = bench.probe(&limits("output = \"64 KiB\""), arguments).await;
    assert_eq!(report.usage.output_bytes, text(&report).len() as u64);
    let report = bench.probe(&limits("output = \"4 KiB\""), arguments).await;
    hit(&report, "output", "4 KiB");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls() {
    let bench = Bench::new();
    let guest = bench.guest(&crate::support::echo()).await;
    let three = limits("calls = \"3/min\"");
    for _ in 0..3 {
        text(&bench.call(&guest, &three, "{}").await);
    }
    hit(&bench.call(&guest, &three, "{}").await, "calls", "3/min");
    let more = limits("calls = \"30/min\"");
    for _ in 0..4 {
        text(&bench.call(&guest, &more, "{}").await);
    }
    // Sessions count as well.
    let mut session = bench
        .sandbox
        .open_session(&guest, crate::support::grant(&three))
        .await
        .unwrap();
    let report = session
        .call(alcove_sandbox::Invocation::new("tool", "{}"))
        .await;
    hit(&report, "calls", "3/min");
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrency() {
    let bench = Arc::new(Bench::new());
    let probe = bench.fixture("probe").await;
    for (line, expected) in [("concurrency = 1", false), ("concurrency = 2", true)] {
        let policy = limits(line);
        let slow = call(&policy, "probe", r#"{"do":"sleep","n":1500}"#);
        let first = {
            let (bench, probe) = (Arc::clone(&bench), probe.clone());
            tokio::spawn(async move { bench.sandbox.call(&probe, slow).await })
        };
        tokio::time::sleep(Duration::from_millis(400)).await;
        let quick = call(&policy, "probe", r#"{"do":"echo","text":"x"}"#);
        let second = bench.sandbox.call(&probe, quick).await;
        if expected {
            text(&second);
        } else {
            hit(&second, "concurrency", "1 at once");
        }
        text(&first.await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logs() {
    let bench = Bench::new();
    let arguments = r#"{"do":"log","n":30,"text":"line"}"#;
    let report = bench.probe(&limits("logs = 30"), arguments).await;
    assert_eq!(report.logs.len(), 30);
    text(&report);
    let report = bench.probe(&limits("logs = 29"), arguments).await;
    hit(&report, "logs", "29 lines");
    assert_eq!(report.logs.len(), 29);
}

#[tokio::test(flavor = "multi_thread")]
async fn handles() {
    let bench = Bench::new();
    // Keeps eighty timers.
    let frame = include_str!("../hostile/frames/time.wat");
    let guest = format!(
        "(global $n (mut i32) (i32.const 80)) {} (loop $again
           (drop (call $subscribe (i64.const 1000000000000)))
           (global.set $n (i32.sub (global.get $n) (i32.const 1)))
           (br_if $again (global.get $n)))
         (call $text (local.get $at) (local.get $length)))",
        crate::support::INVOKE
    );
    let wasm = wat::parse_str(frame.replace(";;GUEST", &guest)).unwrap();
    let guest = bench.load(&wasm).await.unwrap();
    let report = bench.call(&guest, &limits("handles = 200"), "{}").await;
    assert_eq!(text(&report), "{}");
    let report = bench.call(&guest, &limits("handles = 70"), "{}").await;
    hit(&report, "handles", "70 at once");
}
