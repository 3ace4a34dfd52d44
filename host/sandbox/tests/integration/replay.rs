//! A call that is run again from its record: told the same, and told on where it does otherwise.

use alcove_policies::{DEFAULTS, Policy};
use alcove_sandbox::{Component, HostRecord, Invocation, Outcome, Report};

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

#[tokio::test(flavor = "multi_thread")]
async fn javascript_with_clock_and_random_gives_the_same_again() {
    let bench = Bench::new();
    let javascript = bench.load(&built("javascript.wasm")).await.unwrap();
    let policy = first_party("alcove/javascript");
    let code = "const start = Date.now();\n\
        await new Promise(done => setTimeout(done, 15));\n\
        test('passes', () => expect(Date.now()).toBeGreaterThan(start));\n\
        console.log(new Date().toISOString(), performance.now());\n\
        [Math.random(), Math.random(), Date.now() - start]";
    let arguments = serde_json::json!({ "code": code }).to_string();
    let what = ("javascript", arguments.as_str());
    let first = run(&bench, &javascript, &policy, what, None).await;
    let said = text(&first);
    assert!(said.contains("1 passed"), "{said}");
    assert_ne!(
        said,
        text(&run(&bench, &javascript, &policy, what, None).await)
    );
    for _ in 0..3 {
        let again = run(
            &bench,
            &javascript,
            &policy,
            what,
            Some(kept(&first.record)),
        )
        .await;
        assert_eq!(text(&again), said);
        assert_eq!(again.divergence, None);
    }
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
    // The site's robots.txt, which has no rules, and the page.
    assert_eq!(server.count(), 2);
    assert!(first.record.http[0].url.ends_with("/robots.txt"));
    let exchange = &first.record.http[1];
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
    assert_eq!(server.count(), 2);

    // Another address is not in the record; both are named, and nothing is sent either.
    let other = format!("{{\"url\":\"http://127.0.0.1:{}/other\"}}", server.port);
    let what = ("web_fetch", other.as_str());
    let again = run(&bench, &tool, &policy, what, Some(kept(&first.record))).await;
    let divergence = again.divergence.unwrap();
    assert_eq!(divergence.function, "wasi:http/outgoing-handler.handle");
    assert!(divergence.recorded.contains("/tides"), "{divergence:?}");
    assert!(divergence.now.contains("/other"), "{divergence:?}");
    assert_eq!(server.count(), 2);
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

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_restored_without_a_request() {
    let bench = Bench::new();
    let probe = bench.fixture("probe").await;
    let server = Server::new(crate::support::HELLO);
    let policy = crate::support::policy(&format!(
        "[[http]]\norigin = \"http://127.0.0.1:{}\"\naddresses = [\"127.0.0.1/32\"]\n",
        server.port
    ));
    let open = || {
        bench
            .sandbox
            .open_session(&probe, crate::support::grant(&policy))
    };
    let fetch = format!(
        r#"{{"do":"http","method":"GET","url":"http://127.0.0.1:{}/"}}"#,
        server.port
    );
    let calls = [fetch.as_str(), r#"{"do":"count"}"#, fetch.as_str()];
    let mut first = open().await.unwrap();
    let mut told = Vec::new();
    for arguments in calls {
        let report = first.call(Invocation::new("probe", arguments)).await;
        told.push((text(&report), kept(&report.record)));
    }
    assert_eq!(server.count(), 2);
    drop(first);
    let mut second = open().await.unwrap();
    for (arguments, (output, record)) in calls.into_iter().zip(told) {
        let mut invocation = Invocation::new("probe", arguments);
        invocation.replay = Some(record);
        let report = second.call(invocation).await;
        assert_eq!(text(&report), output);
        assert_eq!(report.divergence, None);
    }
    assert_eq!(server.count(), 2, "nothing is sent again");
    // And then it goes on as before.
    let report = second.call(Invocation::new("probe", fetch.as_str())).await;
    assert!(text(&report).contains("hello"));
    assert_eq!(server.count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_read_from_the_record_and_nothing_is_written_again() {
    let bench = Bench::new();
    let probe = bench.fixture("probe").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.txt");
    let policy = crate::support::policy(
        "[[files]]\nmount = \"/workspace\"\nsource = \"conversation-workspace\"\naccess = \"read-write\"\n",
    );
    let run = async |what: &str, path: &str, replay: Option<HostRecord>| {
        let arguments = format!(r#"{{"do":"{what}","path":"{path}","text":"new"}}"#);
        let mut call = call(&policy, "probe", &arguments);
        call.invocation.replay = replay;
        call.grant.mounts.push(alcove_sandbox::Mount {
            guest: "/workspace".to_owned(),
            host: folder.path().to_owned(),
            writable: true,
        });
        bench.sandbox.call(&probe, call).await
    };
    for (what, path) in [
        ("read", "/workspace/a.txt"),
        ("list", "/workspace"),
        ("write", "/workspace/b.txt"),
        ("read", "/workspace/none.txt"),
        ("read", "/etc/passwd"),
    ] {
        std::fs::write(&file, "before").unwrap();
        let first = run(what, path, None).await;
        assert!(!first.record.calls.is_empty(), "{what}");
        // Everything is otherwise by now.
        std::fs::write(&file, "after").unwrap();
        let _ = std::fs::remove_file(folder.path().join("b.txt"));
        std::fs::write(folder.path().join("none.txt"), "here now").unwrap();
        let again = run(what, path, Some(kept(&first.record))).await;
        assert_eq!(again.divergence, None, "{what} {path}");
        assert_eq!(again.outcome, first.outcome, "{what} {path}");
        assert!(!folder.path().join("b.txt").exists());
        std::fs::remove_file(folder.path().join("none.txt")).unwrap();
    }
    // Another file is not in the record.
    let first = run("read", "/workspace/a.txt", None).await;
    let other = run("read", "/workspace/b.txt", Some(kept(&first.record))).await;
    let divergence = other.divergence.unwrap();
    assert!(
        divergence.function.starts_with("wasi:filesystem"),
        "{divergence:?}"
    );
    assert!(divergence.recorded.contains("a.txt") && divergence.now.contains("b.txt"));
}
