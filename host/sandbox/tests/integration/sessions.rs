//! Sessions keep state; fresh calls do not.

use alcove_sandbox::{HostRecord, Invocation, Outcome, Session};

use crate::support::{Bench, INVOKE, grant, limit, plain, policy, text};

/// Counts its calls: answers `1`, `2`, …; loops for ever when the arguments are one byte long, and
/// crashes when they are two.
fn counter() -> String {
    format!(
        "(global $n (mut i32) (i32.const 48))
        {INVOKE}
          (global.set $n (i32.add (global.get $n) (i32.const 1)))
          (block $go (br_if $go (i32.ne (local.get $length) (i32.const 1))) (loop $again (br $again)))
          (block $go (br_if $go (i32.ne (local.get $length) (i32.const 2))) (unreachable))
          (i32.store8 (i32.const 600) (global.get $n))
          (call $text (i32.const 600) (i32.const 1)))"
    )
}

async fn say(session: &mut Session, arguments: &str) -> alcove_sandbox::Report {
    session.call(Invocation::new("tool", arguments)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_remembers_and_a_fresh_call_does_not() {
    let bench = Bench::new();
    let guest = bench.guest(&counter()).await;
    let mut one = bench
        .sandbox
        .open_session(&guest, grant(&plain()))
        .await
        .unwrap();
    let mut other = bench
        .sandbox
        .open_session(&guest, grant(&plain()))
        .await
        .unwrap();
    for expected in ["1", "2", "3"] {
        let report = say(&mut one, "next").await;
        assert_eq!(text(&report), expected);
        assert!(report.usage.peak_memory_bytes >= 65536);
        assert_eq!(text(&bench.call(&guest, &plain(), "next").await), "1");
    }
    assert_eq!(text(&say(&mut other, "next").await), "1");
    assert_eq!(bench.sandbox.free_instances(), 6);
    drop((one, other));
    assert_eq!(bench.sandbox.free_instances(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_with_a_crash_a_limit_or_a_stop() {
    let bench = Bench::new();
    let guest = bench.guest(&counter()).await;
    let quick = policy("[limits]\ncpu = \"100 ms\"\n");
    for arguments in ["{}", "1"] {
        let mut session = bench
            .sandbox
            .open_session(&guest, grant(&quick))
            .await
            .unwrap();
        assert_eq!(text(&say(&mut session, "next").await), "1");
        let report = say(&mut session, arguments).await;
        match arguments {
            "{}" => assert!(matches!(report.outcome, Outcome::Trapped(_))),
            _ => assert_eq!(limit(&report), "cpu"),
        }
        assert!(!session.is_alive());
        let report = say(&mut session, "next").await;
        assert!(
            matches!(report.outcome, Outcome::Trapped(_)),
            "{:?}",
            report.outcome
        );
        assert_eq!(bench.sandbox.free_instances(), 8);
    }

    let slow = policy("[limits]\ncpu = \"60 s\"\nwall = \"60 s\"\n");
    let mut session = bench
        .sandbox
        .open_session(&guest, grant(&slow))
        .await
        .unwrap();
    let invocation = Invocation::new("tool", "1");
    let token = invocation.cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        token.cancel();
    });
    assert_eq!(limit(&session.call(invocation).await), "stopped");
    assert!(!session.is_alive());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_alive_after_a_failure_and_dead_after_revocation() {
    let bench = Bench::new();
    let probe = bench.fixture("probe").await;
    let held = grant(&plain());
    let lease = held.lease.clone();
    let mut session = bench.sandbox.open_session(&probe, held).await.unwrap();
    let report = session
        .call(Invocation::new("probe", r#"{"do":"fail","text":"no"}"#))
        .await;
    assert!(
        matches!(report.outcome, Outcome::Failed(_)),
        "{:?}",
        report.outcome
    );
    assert!(session.is_alive());
    lease.cancel();
    assert!(!session.is_alive());
    let report = session
        .call(Invocation::new("probe", r#"{"do":"count"}"#))
        .await;
    assert_eq!(limit(&report), "revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_replayed_is_told_the_same() {
    let bench = Bench::new();
    let probe = bench.fixture("probe").await;
    let calls = [
        r#"{"do":"random","n":3}"#,
        r#"{"do":"clock","n":3}"#,
        r#"{"do":"random","n":2}"#,
    ];
    let mut first = bench
        .sandbox
        .open_session(&probe, grant(&plain()))
        .await
        .unwrap();
    let mut told: Vec<(String, HostRecord)> = Vec::new();
    for arguments in calls {
        let report = first.call(Invocation::new("probe", arguments)).await;
        told.push((text(&report), report.record));
    }
    let mut second = bench
        .sandbox
        .open_session(&probe, grant(&plain()))
        .await
        .unwrap();
    for (arguments, (output, record)) in calls.into_iter().zip(&told) {
        let mut invocation = Invocation::new("probe", arguments);
        invocation.replay = Some(record.clone());
        let report = second.call(invocation).await;
        assert_eq!(&text(&report), output);
        assert_eq!(&report.record, record);
    }
    // And without a record it is told something else.
    let fresh = second.call(Invocation::new("probe", calls[0])).await;
    assert_ne!(text(&fresh), told[0].0);
}
