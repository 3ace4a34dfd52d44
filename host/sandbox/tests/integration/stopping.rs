//! Stop and revocation end a guest whatever it is doing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use alcove_sandbox::Report;

use crate::support::{Bench, INVOKE, call, echo, endless, limit, plain, policy, text};

enum By {
    Stop,
    Revoke,
}

/// Starts a call, ends it from outside after 150 ms, and says how long that took.
async fn ended(
    bench: &Bench,
    guest: &alcove_sandbox::Component,
    arguments: &str,
    by: By,
) -> (Report, Duration) {
    let policy = policy("[limits]\ncpu = \"60 s\"\nwall = \"60 s\"\n");
    let tool = if arguments == "{}" { "tool" } else { "probe" };
    let call = call(&policy, tool, arguments);
    let token = match by {
        By::Stop => call.invocation.cancel.clone(),
        By::Revoke => call.grant.lease.clone(),
    };
    let stopper = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(150)).await;
        let now = Instant::now();
        token.cancel();
        now
    });
    let report = bench.sandbox.call(guest, call).await;
    let took = stopper.await.unwrap().elapsed();
    assert_eq!(bench.sandbox.free_instances(), 8);
    (report, took)
}

#[tokio::test(flavor = "multi_thread")]
#[expect(
    clippy::print_stdout,
    reason = "what was measured, for whoever reads the log"
)]
async fn stop_reaches_a_guest_wherever_it_is() {
    let bench = Bench::new();
    let tight = bench.guest(&endless()).await;
    let host = bench
        .guest(&format!(
            "{INVOKE} (loop $again (drop (call $remaining)) (br $again)) (unreachable))"
        ))
        .await;
    let probe = bench.fixture("probe").await;
    for (what, guest, arguments) in [
        ("in a tight loop", &tight, "{}"),
        ("in a loop through the host", &host, "{}"),
        ("in a sleep", &probe, r#"{"do":"sleep","n":30000}"#),
    ] {
        let (report, took) = ended(&bench, guest, arguments, By::Stop).await;
        assert_eq!(limit(&report), "stopped", "{what}");
        assert!(took < Duration::from_secs(1), "{what}: {took:?}");
        println!("stopped {what} after {took:?}");
        let (report, took) = ended(&bench, guest, arguments, By::Revoke).await;
        assert_eq!(limit(&report), "revoked", "{what}");
        assert!(took < Duration::from_secs(1), "{what}: {took:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[expect(
    clippy::print_stdout,
    reason = "what was measured, for whoever reads the log"
)]
async fn stop_reaches_a_guest_that_waits_for_an_answer() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let bench = Bench::new();
    let probe = bench.fixture("probe").await;
    let policy = policy(&format!(
        "[[http]]\norigin = \"http://127.0.0.1:{port}\"\naddresses = [\"127.0.0.1/32\"]\n"
    ));
    let call = call(
        &policy,
        "probe",
        &format!(r#"{{"do":"http","method":"GET","url":"http://127.0.0.1:{port}/"}}"#),
    );
    let token = call.invocation.cancel.clone();
    let stopper = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        token.cancel();
        Instant::now()
    });
    let report = bench.sandbox.call(&probe, call).await;
    assert_eq!(limit(&report), "stopped");
    let took = stopper.await.unwrap().elapsed();
    assert!(took < Duration::from_secs(1), "{took:?}");
    println!("stopped in a host call after {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_stopped_before_it_starts_does_not_run() {
    let bench = Bench::new();
    let guest = bench.guest(&echo()).await;
    let early = call(&plain(), "tool", "{}");
    early.invocation.cancel.cancel();
    assert_eq!(limit(&bench.sandbox.call(&guest, early).await), "stopped");
    let revoked = call(&plain(), "tool", "{}");
    revoked.grant.lease.cancel();
    assert_eq!(limit(&bench.sandbox.call(&guest, revoked).await), "revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_call_is_over() {
    let bench = Arc::new(Bench::new());
    let guest = bench.guest(&endless()).await;
    let policy = policy("[limits]\ncpu = \"60 s\"\nwall = \"60 s\"\nconcurrency = 1\n");
    for _ in 0..3 {
        let call = bench.call(&guest, &policy, "{}");
        assert!(
            tokio::time::timeout(Duration::from_millis(100), call)
                .await
                .is_err()
        );
        let until = Instant::now() + Duration::from_secs(1);
        while bench.sandbox.free_instances() < 8 {
            assert!(Instant::now() < until, "the guest still runs");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    // Its place under the policy is free again too.
    let good = bench.guest(&echo()).await;
    text(&bench.call(&good, &policy, "{}").await);
}
