//! Guests that mean no good, each ending in the right one of the five ways.

use std::time::{Duration, Instant};

use alcove_sandbox::Outcome;

use crate::support::{
    Bench, INVOKE, component, component_text, echo, endless, limit, plain, policy, text,
};

/// Little of everything, so that tests are quick.
fn tight() -> alcove_policies::Policy {
    policy("[limits]\nmemory = \"2 MiB\"\ncpu = \"200 ms\"\nwall = \"5 s\"\noutput = \"4 KiB\"\n")
}

#[track_caller]
fn trapped(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Trapped(reason) => reason,
        other => panic!("not trapped: {other:?}"),
    }
}

/// Runs a guest under tight limits, and checks that the sandbox is in order after it.
async fn run(core: &str) -> alcove_sandbox::Report {
    let bench = Bench::new();
    let guest = bench.guest(core).await;
    let started = Instant::now();
    let report = bench.call(&guest, &tight(), "{}").await;
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(bench.sandbox.free_instances(), 8);
    let good = bench.guest(&echo()).await;
    assert_eq!(
        text(&bench.call(&good, &plain(), "still here").await),
        "still here"
    );
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_loop_ends_at_its_cpu_budget() {
    let report = run(&endless()).await;
    assert_eq!(limit(&report), "cpu");
    assert!(report.usage.cpu >= Duration::from_millis(200));
    assert!(report.usage.cpu < Duration::from_secs(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_loop_through_the_host_ends_too() {
    let core =
        format!("{INVOKE} (loop $again (drop (call $remaining)) (br $again)) (unreachable))");
    assert_eq!(limit(&run(&core).await), "cpu");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loop_before_the_first_call_ends_too() {
    let core =
        format!("(func $main (loop $again (br $again))) (start $main) {INVOKE} (unreachable))");
    assert_eq!(limit(&run(&core).await), "cpu");
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_cannot_grow_beyond_its_limit() {
    // Grows until it is refused, then crashes as a program without memory does.
    let core = format!(
        "{INVOKE} (loop $again (br_if $again (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) (unreachable))"
    );
    let report = run(&core).await;
    assert_eq!(limit(&report), "memory");
    assert_eq!(report.usage.peak_memory_bytes, 2 << 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_lives_with_less_memory_is_fine() {
    let core = format!(
        "{INVOKE} (drop (memory.grow (i32.const 1000))) (call $text (local.get $at) (local.get $length)))"
    );
    assert_eq!(text(&run(&core).await), "{}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_count_as_memory() {
    let core = format!(
        "(table $t 1 funcref)
        {INVOKE} (loop $again (br_if $again (i32.ne
          (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1)))) (unreachable))"
    );
    let report = run(&core).await;
    // The pool's own limit on tables is lower than 2 MiB: the guest is refused, and crashes.
    assert!(
        matches!(report.outcome, Outcome::Trapped(_)) || limit(&report) == "memory",
        "{:?}",
        report.outcome
    );
    assert!(report.usage.peak_memory_bytes <= 2 << 20);

    let bench = Bench::new();
    let guest = bench.guest(&core).await;
    let little = policy("[limits]\nmemory = \"256 KiB\"\n");
    assert_eq!(limit(&bench.call(&guest, &little, "{}").await), "memory");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_memories_share_one_limit() {
    let bench = Bench::new();
    // Three more memories of 1 MiB each, in modules of their own.
    let text = component_text(&echo()).replace(
        "(core module $tool",
        "(core module $big (memory 16))
         (core instance (instantiate $big))
         (core instance (instantiate $big))
         (core instance (instantiate $big))
         (core module $tool",
    );
    let guest = bench.load(&wat::parse_str(&text).unwrap()).await.unwrap();
    assert_eq!(limit(&bench.call(&guest, &tight(), "{}").await), "memory");
    let enough = policy("[limits]\nmemory = \"4 MiB\"\n");
    let report = bench.call(&guest, &enough, "{}").await;
    assert_eq!(report.usage.peak_memory_bytes, (3 << 20) + 65536);
}

#[tokio::test(flavor = "multi_thread")]
async fn deep_recursion_is_a_trap_that_says_so() {
    let core =
        format!("(func $down (call $down) (call $down)) {INVOKE} (call $down) (unreachable))");
    assert!(trapped(&run(&core).await.outcome).contains("call stack exhausted"));
}

#[tokio::test(flavor = "multi_thread")]
async fn crashes_say_what_the_engine_saw() {
    for (body, expected) in [
        ("(unreachable)", "unreachable"),
        ("(i32.load (i32.const -4))", "out of bounds memory access"),
        (
            "(i32.div_u (i32.const 1) (i32.const 0))",
            "integer divide by zero",
        ),
    ] {
        let report = run(&format!("{INVOKE} {body})")).await;
        let reason = trapped(&report.outcome);
        assert!(reason.contains(expected), "{reason}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_says_nothing_of_the_guests() {
    let core = format!(
        r#"(data (i32.const 600) "password=hunter2")
        (func $hunter2_in_a_name (unreachable))
        {INVOKE} (call $hunter2_in_a_name) (i32.const 600))"#
    );
    let report = run(&core).await;
    assert!(
        !format!("{:?}", report.outcome).contains("hunter2"),
        "{:?}",
        report.outcome
    );

    let bench = Bench::new();
    let report = bench
        .probe(&plain(), r#"{"do":"panic","text":"password=hunter2"}"#)
        .await;
    trapped(&report.outcome);
    assert!(!format!("{report:?}").contains("hunter2"), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_is_too_large_is_a_limit() {
    for bytes in [5000, 1 << 20] {
        let core = format!(
            "{INVOKE} (drop (memory.grow (i32.const 20))) (memory.fill (i32.const 65536) (i32.const 65) (i32.const {bytes}))
             (call $text (i32.const 65536) (i32.const {bytes})))"
        );
        let report = run(&core).await;
        assert_eq!(limit(&report), "output", "{bytes}");
    }
    // So large that it is not even copied.
    let bench = Bench::new();
    let core = format!(
        "{INVOKE} (drop (memory.grow (i32.const 300))) (call $text (i32.const 65536) (i32.const 16777216)))"
    );
    let guest = bench.guest(&core).await;
    let report = bench.call(&guest, &plain(), "{}").await;
    assert_eq!(limit(&report), "output");
    assert_eq!(report.usage.output_bytes, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_claims_to_be_endless_is_a_limit() {
    let core = format!(
        "{INVOKE} (drop (call $text (i32.const 0) (i32.const 1)))
         (drop (memory.grow (i32.const 3)))
         (i32.store (i32.const 1036) (i32.const 178956970))
         (i32.const 1024))"
    );
    let report = run(&core).await;
    assert!(
        matches!(report.outcome, Outcome::Limit(_) | Outcome::Trapped(_)),
        "{:?}",
        report.outcome
    );
    assert_eq!(report.usage.output_bytes, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn text_that_is_not_utf8_is_a_trap() {
    let core = format!(
        r#"(data (i32.const 600) "\ff\fe\fd") {INVOKE} (call $text (i32.const 600) (i32.const 3)))"#
    );
    let report = run(&core).await;
    assert!(trapped(&report.outcome).contains("rules of its interface"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pointer_outside_of_memory_is_a_trap() {
    for at in ["-16", "65520"] {
        let report = run(&format!("{INVOKE} (i32.const {at}))")).await;
        trapped(&report.outcome);
    }
    let report = run(&format!(
        "{INVOKE} (call $text (i32.const 65000) (i32.const 60000)))"
    ))
    .await;
    trapped(&report.outcome);
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_are_too_long_are_cut_and_that_is_said() {
    let bench = Bench::new();
    let core = format!(
        r#"(global $n (mut i32) (i32.const 0))
        {INVOKE}
          (memory.fill (i32.const 4096) (i32.const 66) (i32.const 8000))
          (loop $again
            (call $log (i32.const 0) (i32.const 4096) (i32.const 8000))
            (global.set $n (i32.add (global.get $n) (i32.const 1)))
            (br_if $again (i32.lt_u (global.get $n) (i32.const 900))))
          (call $text (local.get $at) (local.get $length)))"#
    );
    let guest = bench.guest(&core).await;
    let report = bench.call(&guest, &plain(), "{}").await;
    assert_eq!(text(&report), "{}");
    assert!(report.logs.iter().all(|line| line.message.len() <= 4096));
    let bytes: usize = report.logs.iter().map(|line| line.message.len()).sum();
    assert!(bytes < 300 << 10, "{bytes}");
    let last = &report.logs.last().unwrap().message;
    assert!(last.contains("more lines were dropped"), "{last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_for_the_next_instance_of_a_place() {
    let bench = Bench::new();
    // Says whether a far byte was zero, and then leaves a mark there.
    let core = format!(
        r#"(global $seen (mut i32) (i32.const 0))
        {INVOKE}
          (drop (memory.grow (i32.const 16)))
          (global.set $seen (i32.load8_u (i32.const 900000)))
          (memory.fill (i32.const 4096) (i32.const 83) (i32.const 1000000))
          (i32.store8 (i32.const 600) (i32.add (i32.const 48) (i32.ne (global.get $seen) (i32.const 0))))
          (call $text (i32.const 600) (i32.const 1)))"#
    );
    let guest = bench.guest(&core).await;
    let reader = bench
        .guest(&core.replace("(i32.const 83)", "(i32.const 84)"))
        .await;
    let policy = policy("[limits]\ncalls = \"1000/s\"\n");
    for _ in 0..20 {
        assert_eq!(text(&bench.call(&guest, &policy, "{}").await), "0");
        assert_eq!(text(&bench.call(&reader, &policy, "{}").await), "0");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_in_tables_and_globals_either() {
    let bench = Bench::new();
    // Counts the entries and globals that are not as they begin, and leaves marks in all of them.
    let core = format!(
        r#"(global $number (mut i64) (i64.const 0))
        (global $place (mut funcref) (ref.null func))
        (table $t 5000 funcref)
        (elem declare func $invoke)
        {INVOKE}
          (local $n i32) (local $seen i32)
          (local.set $seen (i32.or (i64.ne (global.get $number) (i64.const 0))
            (i32.eqz (ref.is_null (global.get $place)))))
          (loop $again
            (if (i32.eqz (ref.is_null (table.get $t (local.get $n))))
              (then (local.set $seen (i32.add (local.get $seen) (i32.const 1)))))
            (table.set $t (local.get $n) (ref.func $invoke))
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $n) (i32.const 5000))))
          (global.set $number (i64.const -1))
          (global.set $place (ref.func $invoke))
          (i32.store8 (i32.const 600)
            (i32.add (i32.const 48) (i32.ne (local.get $seen) (i32.const 0))))
          (call $text (i32.const 600) (i32.const 1)))"#
    );
    let one = bench.guest(&core).await;
    let other = bench
        .guest(&core.replace("(i64.const -1)", "(i64.const 7)"))
        .await;
    let policy = policy("[limits]\ncalls = \"1000/s\"\n");
    for _ in 0..20 {
        assert_eq!(text(&bench.call(&one, &policy, "{}").await), "0");
        assert_eq!(text(&bench.call(&other, &policy, "{}").await), "0");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guests_that_compute_do_not_hold_up_others() {
    let bench = std::sync::Arc::new(Bench::new());
    let spin = bench.guest(&endless()).await;
    let good = bench.guest(&echo()).await;
    let policy = policy("[limits]\ncpu = \"2 s\"\nwall = \"3 s\"\nconcurrency = 6\n");
    let spinning: Vec<_> = (0..6)
        .map(|_| {
            let (bench, spin, policy) = (bench.clone(), spin.clone(), policy.clone());
            tokio::spawn(async move { bench.call(&spin, &policy, "{}").await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let started = Instant::now();
    for _ in 0..5 {
        text(&bench.call(&good, &plain(), "{}").await);
    }
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "{:?}",
        started.elapsed()
    );
    for call in spinning {
        assert!(["cpu", "wall"].contains(&limit(&call.await.unwrap())));
    }
}

#[test]
fn the_template_itself_is_a_component() {
    assert!(!component(&echo()).is_empty());
}
