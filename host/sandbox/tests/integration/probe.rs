//! What the probe, a component that imports every class of interface, finds in the sandbox.

use alcove_sandbox::{Invocation, LogLevel, Outcome};
use tokio::sync::mpsc;

use crate::support::{Bench, call, plain, text};

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_is_empty() {
    let bench = Bench::new();
    let report = bench.probe(&plain(), r#"{"do":"environment"}"#).await;
    let text = text(&report);
    assert!(!text.contains("PATH"), "{text}");
    assert!(!text.contains("HOME"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_and_names_answer_that_access_is_denied() {
    let bench = Bench::new();
    for what in ["socket", "resolve"] {
        let report = bench
            .probe(
                &plain(),
                &format!(r#"{{"do":"{what}","text":"localhost","url":"localhost"}}"#),
            )
            .await;
        let Outcome::Failed(failure) = &report.outcome else {
            panic!("{what}: {:?}", report.outcome);
        };
        assert_eq!(failure.kind, "denied", "{what}: {failure:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn random_and_clock_are_real_and_recorded() {
    let bench = Bench::new();
    let one = bench.probe(&plain(), r#"{"do":"random","n":4}"#).await;
    let two = bench.probe(&plain(), r#"{"do":"random","n":4}"#).await;
    assert_ne!(text(&one), text(&two));
    assert!(!one.record.random.is_empty());
    let clock = bench.probe(&plain(), r#"{"do":"clock","n":2}"#).await;
    assert!(
        !clock.record.wall_ns.is_empty() || !clock.record.monotonic_ns.is_empty(),
        "{:?}",
        clock.record
    );

    let probe = bench.fixture("probe").await;
    let mut again = call(&plain(), "probe", r#"{"do":"random","n":4}"#);
    again.invocation.replay = Some(one.record.clone());
    let again = bench.sandbox.call(&probe, again).await;
    assert_eq!(text(&again), text(&one));
    assert_eq!(again.record, one.record);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_interface_answers() {
    let bench = Bench::new();
    let probe = bench.fixture("probe").await;
    let mut called = call(&plain(), "probe", r#"{"do":"session"}"#);
    called.invocation.locale = "de-AT".to_owned();
    let report = bench.sandbox.call(&probe, called).await;
    let answer = text(&report);
    let (locale, left) = answer.split_once(' ').unwrap();
    assert_eq!(locale, "de-AT");
    assert!(
        (1..=20_000).contains(&left.trim().parse::<u64>().unwrap()),
        "{left}"
    );

    let (sender, mut progress) = mpsc::channel(2);
    let mut called = call(&plain(), "probe", r#"{"do":"progress","n":50}"#);
    called.invocation.progress = Some(sender);
    text(&bench.sandbox.call(&probe, called).await);
    let mut seen = 0;
    while progress.recv().await.is_some() {
        seen += 1;
    }
    assert_eq!(seen, 2, "a full channel loses progress and holds nobody up");

    let report = bench
        .probe(&plain(), r#"{"do":"log","n":5,"text":"line"}"#)
        .await;
    assert_eq!(report.logs.len(), 5);
    assert!(report.logs.iter().all(|line| line.level >= LogLevel::Debug));
}

#[tokio::test(flavor = "multi_thread")]
async fn fresh_calls_start_from_nothing() {
    let bench = Bench::new();
    for _ in 0..3 {
        assert_eq!(text(&bench.probe(&plain(), r#"{"do":"count"}"#).await), "1");
    }
    let probe = bench.fixture("probe").await;
    let mut session = bench
        .sandbox
        .open_session(&probe, crate::support::grant(&plain()))
        .await
        .unwrap();
    for expected in ["1", "2", "3"] {
        let report = session
            .call(Invocation::new("probe", r#"{"do":"count"}"#))
            .await;
        assert_eq!(text(&report), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn huge_and_deep_arguments_do_no_harm() {
    let bench = Bench::new();
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let report = bench.probe(&plain(), &deep).await;
    assert!(
        matches!(report.outcome, Outcome::Failed(_) | Outcome::Trapped(_)),
        "{:?}",
        report.outcome
    );
    text(&bench.probe(&plain(), r#"{"do":"echo","text":"x"}"#).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_asks_and_takes_the_answer_on_a_fresh_instance() {
    let bench = Bench::new();
    let probe = bench.fixture("probe").await;
    let ask = async |arguments: &str| {
        let call = call(&plain(), "ask_year", arguments);
        bench.sandbox.call(&probe, call).await
    };
    let asked = ask(r#"{"topic":"the flood"}"#).await;
    let Outcome::Failed(failure) = &asked.outcome else {
        panic!("{asked:?}");
    };
    assert_eq!(failure.kind, "input-required");
    let question: serde_json::Value = serde_json::from_str(&failure.message).unwrap();
    assert!(question["prompt"].as_str().unwrap().contains("the flood"));
    alcove_policies::schema::check(&question["schema"]).unwrap();
    let answered = ask(r#"{"_answer":{"year":1927},"topic":"the flood"}"#).await;
    assert_eq!(text(&answered), "the flood in 1927");
    // An answer that does not fit is none.
    let again = ask(r#"{"_answer":{"year":"last"},"topic":"the flood"}"#).await;
    assert!(matches!(again.outcome, Outcome::Failed(_)), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn log_lines_are_told_as_they_are_written() {
    let bench = Bench::new();
    let probe = bench.fixture("probe").await;
    let (sender, mut told) = mpsc::channel(16);
    let mut call = call(&plain(), "probe", r#"{"do":"log","n":3,"text":"hello"}"#);
    call.invocation.progress = Some(sender);
    let report = bench.sandbox.call(&probe, call).await;
    let mut lines = Vec::new();
    while let Ok(seen) = told.try_recv() {
        lines.push((seen.log, seen.note));
    }
    let logged: Vec<_> = report
        .logs
        .into_iter()
        .map(|line| (Some(line.level), line.message))
        .collect();
    assert_eq!(logged.len(), 3);
    assert_eq!(lines, logged);
}
