//! A call that is run again from its record: told the same, and told on where it does otherwise.

use alcove_policies::{DEFAULTS, Policy};
use alcove_sandbox::{Component, HostRecord, Outcome, Report};

use crate::support::{Bench, Server, built, call, text};

/// The record as it comes back from where it was kept.
fn kept(record: &HostRecord) -> HostRecord {
    serde_json::from_str(&serde_json::to_string(record).unwrap()).unwrap()
}

async fn run(
    bench: &Bench,
    tool: &Component,
    policy: &Policy,
    what: (&str, &str),
    replay: Option<HostRecord>,
) -> Report {
    let mut call = call(policy, what.0, what.1);
    call.invocation.replay = replay;
    bench.sandbox.call(tool, call).await
}

fn first_party(plugin: &str) -> Policy {
    let (_, text) = DEFAULTS.iter().find(|(id, _)| *id == plugin).unwrap();
    Policy::parse(text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn python_with_clock_and_random_gives_the_same_again() {
    let bench = Bench::new();
    let python = bench.load(&built("python.wasm")).await.unwrap();
    let policy = first_party("alcove/python");
    let code = "import random, time, datetime, uuid, os, secrets\n\
        start = time.monotonic()\ntime.sleep(0.01)\n\
        print(random.random(), random.randint(0, 10**9), os.urandom(8).hex(), secrets.token_hex(4))\n\
        print(uuid.uuid4(), datetime.datetime.now(), time.time(), time.monotonic() - start)\n\
        print({hash(str(n)) % 1000 for n in range(20)}, id(object()) % 7)";
    let arguments = serde_json::json!({ "code": code }).to_string();
    let what = ("python", arguments.as_str());
    let first = run(&bench, &python, &policy, what, None).await;
    let said = text(&first);
    assert_ne!(said, text(&run(&bench, &python, &policy, what, None).await));
    for _ in 0..3 {
        let again = run(&bench, &python, &policy, what, Some(kept(&first.record))).await;
        assert_eq!(text(&again), said);
        assert_eq!(again.divergence, None);
    }
    // Other code asks for more than is in the record.
    let more = serde_json::json!({ "code": format!("{code}\nprint(os.urandom(4096).hex())") });
    let what = ("python", more.to_string());
    let what = (what.0, what.1.as_str());
    let other = run(&bench, &python, &policy, what, Some(kept(&first.record))).await;
    let divergence = other.divergence.unwrap();
    assert!(divergence.function.starts_with("wasi:"), "{divergence:?}");
    assert_eq!(divergence.recorded, "nothing more");
}

const PAGE: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: 78\r\n\
    connection: close\r\nx-odd: caf\u{e9}\r\n\r\n\
    <html><head><title>Tides</title></head><body><p>Twice a day.</p></body></html>";

fn open(port: u16) -> Policy {
    Policy::parse(&format!(
        "version = 1\nplugin = \"alcove/web-fetch\"\n[limits]\ncpu = \"5 s\"\n[[http]]\n\
         origin = \"http://127.0.0.1:{port}\"\naddresses = [\"127.0.0.1/32\"]\n"
    ))
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_fetched_once_and_read_again_from_the_record() {
    let bench = Bench::new();
    let tool = bench.load(&built("web-fetch.wasm")).await.unwrap();
    let server = Server::new(PAGE);
    let policy = open(server.port);
    let arguments = format!("{{\"url\":\"http://127.0.0.1:{}/tides\"}}", server.port);
    let what = ("web_fetch", arguments.as_str());
    let first = run(&bench, &tool, &policy, what, None).await;
    assert!(
        matches!(first.outcome, Outcome::Ok(_)),
        "{:?}",
        first.outcome
    );
    assert_eq!(server.count(), 1);
    let exchange = &first.record.http[0];
    assert_eq!(
        (exchange.status, exchange.method.as_str()),
        (Some(200), "GET")
    );
    assert!(!exchange.headers.is_empty() && !exchange.answer_headers.is_empty());
    let body: Vec<u8> = exchange
        .pieces
        .iter()
        .flat_map(|piece| piece.0.to_vec())
        .collect();
    assert!(body.starts_with(b"<html>"), "{body:?}");
    assert!(exchange.line.is_some());

    // Offline, and under a policy that would not allow it: nothing is sent.
    let nothing = Policy::nothing("alcove/web-fetch").unwrap();
    for policy in [&policy, &nothing] {
        let again = run(&bench, &tool, policy, what, Some(kept(&first.record))).await;
        assert_eq!(again.outcome, first.outcome);
        assert_eq!(again.divergence, None);
    }
    assert_eq!(server.count(), 1);

    // Another address is not in the record; both are named, and nothing is sent either.
    let other = format!("{{\"url\":\"http://127.0.0.1:{}/other\"}}", server.port);
    let what = ("web_fetch", other.as_str());
    let again = run(&bench, &tool, &policy, what, Some(kept(&first.record))).await;
    let divergence = again.divergence.unwrap();
    assert_eq!(divergence.function, "wasi:http/outgoing-handler.handle");
    assert!(divergence.recorded.contains("/tides"), "{divergence:?}");
    assert!(divergence.now.contains("/other"), "{divergence:?}");
    assert_eq!(server.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_denied_then_is_denied_again() {
    let bench = Bench::new();
    let tool = bench.load(&built("web-fetch.wasm")).await.unwrap();
    let nothing = Policy::nothing("alcove/web-fetch").unwrap();
    let what = ("web_fetch", r#"{"url":"http://127.0.0.1:9/"}"#);
    let first = run(&bench, &tool, &nothing, what, None).await;
    assert!(
        matches!(first.outcome, Outcome::Denied(_)),
        "{:?}",
        first.outcome
    );
    let again = run(&bench, &tool, &open(9), what, Some(kept(&first.record))).await;
    assert_eq!(again.outcome, first.outcome);
    assert_eq!(again.divergence, None);
}
