//! What well-behaved guests get.

use std::sync::Arc;

use alcove_sandbox::{Content, LoadError, LogLevel, Outcome};
use tokio::sync::mpsc;

use crate::support::{Bench, INVOKE, call, component, echo, limit, plain, policy, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_call_returns_what_the_tool_said_and_what_it_used() {
    let bench = Bench::new();
    assert!(bench.sandbox.is_pooled());
    let guest = bench.guest(&echo()).await;
    let report = bench.call(&guest, &plain(), "{\"a\":\"grüß\"}").await;
    assert_eq!(text(&report), "{\"a\":\"grüß\"}");
    assert_eq!(report.usage.output_bytes, 14);
    assert!(report.usage.peak_memory_bytes >= 65536);
    assert!(report.usage.wall >= report.usage.cpu);
    assert!(report.usage.cpu.as_nanos() > 0);
    assert!(report.logs.is_empty());
    assert_eq!(report.outcome.name(), "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_the_tools_own_word() {
    let bench = Bench::new();
    let guest = bench.guest(&format!("{INVOKE} (call $fail))")).await;
    let report = bench.call(&guest, &plain(), "{}").await;
    let Outcome::Failed(failure) = report.outcome else {
        panic!("{:?}", report.outcome);
    };
    assert_eq!(failure.kind, "not-found");
    assert_eq!(failure.message, "nothing here");
    assert_eq!(failure.retry_after_ms, Some(1500));
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_and_logs_reach_the_host() {
    let bench = Bench::new();
    let guest = bench
        .guest(&format!(
            r#"(data (i32.const 600) "half way")
            {INVOKE}
              (call $progress (i32.const 1) (i32.const 5000) (i32.const 600) (i32.const 8))
              (call $log (i32.const 2) (i32.const 600) (i32.const 4))
              (call $text (local.get $at) (local.get $length)))"#
        ))
        .await;
    let (sender, mut progress) = mpsc::channel(4);
    let mut call = call(&plain(), "tool", "{}");
    call.invocation.progress = Some(sender);
    let report = bench.sandbox.call(&guest, call).await;
    text(&report);
    let seen = progress.recv().await.unwrap();
    assert_eq!(seen.note, "half way");
    assert_eq!(seen.permille, Some(1000), "thousandths end at a thousand");
    assert_eq!(report.logs.len(), 1);
    assert_eq!(report.logs[0].level, LogLevel::Warn);
    assert_eq!(report.logs[0].message, "half");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_run_at_the_same_time_and_wait_for_room() {
    let bench = Bench::new();
    let guest = bench.guest(&echo()).await;
    let policy = policy("[limits]\nconcurrency = 100\ncalls = \"1000/s\"\n");
    let bench = Arc::new(bench);
    let calls = (0..100).map(|n| {
        let (bench, guest, policy) = (Arc::clone(&bench), guest.clone(), policy.clone());
        tokio::spawn(async move { text(&bench.call(&guest, &policy, &n.to_string()).await) })
    });
    for (n, call) in calls.collect::<Vec<_>>().into_iter().enumerate() {
        assert_eq!(call.await.unwrap(), n.to_string());
    }
    assert_eq!(bench.sandbox.free_instances(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_that_are_too_large_never_reach_the_guest() {
    let bench = Bench::new();
    let guest = bench.guest(&echo()).await;
    let report = bench
        .call(&guest, &plain(), &"a".repeat((4 << 20) + 1))
        .await;
    assert_eq!(limit(&report), "arguments");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_a_tool_does_not_load() {
    let bench = Bench::new();
    for (what, wat) in [
        ("nothing exported", "(component)"),
        (
            "another type",
            r#"(component
              (core module $m (func (export "f")))
              (core instance $i (instantiate $m))
              (func $f (canon lift (core func $i "f")))
              (instance $h (export "invoke" (func $f)))
              (export "alcove:tool/handler@0.1.0" (instance $h)))"#,
        ),
    ] {
        let result = bench.load(&wat::parse_str(wat).unwrap()).await;
        assert!(
            matches!(result, Err(LoadError::NotATool(_))),
            "{what}: {result:?}"
        );
    }
    let unknown =
        r#"(component (import "evil:host/shell@1.0.0" (instance (export "run" (func)))))"#;
    for wasm in [
        wat::parse_str(unknown).unwrap(),
        wat::parse_str("(module)").unwrap(),
        b"not wasm at all".to_vec(),
        component(&echo())[..200].to_vec(),
    ] {
        let result = bench.load(&wasm).await;
        assert!(matches!(result, Err(LoadError::Inspect(_))), "{result:?}");
    }
    let (path, _) = bench.file(&component(&echo()));
    let wrong = "0".repeat(64);
    for digest in [wrong.as_str(), "", "../../etc/passwd", &"F".repeat(64)] {
        let result = bench.sandbox.load(&path, digest).await;
        assert!(
            matches!(result, Err(LoadError::Digest { .. })),
            "{result:?}"
        );
    }
    let result = bench.sandbox.load(&path.join("not"), &wrong).await;
    assert!(matches!(result, Err(LoadError::Read { .. })), "{result:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn links_and_audiences_come_through() {
    let bench = Bench::new();
    let report = bench.probe(&plain(), r#"{"do":"echo","text":"hi"}"#).await;
    let Outcome::Ok(parts) = &report.outcome else {
        panic!("{:?}", report.outcome);
    };
    assert!(
        parts
            .iter()
            .any(|part| matches!(&part.content, Content::Text(text) if text.contains("hi"))),
        "{parts:?}"
    );
}
