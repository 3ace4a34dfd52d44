//! `[[http]]`: for every key, two policies that differ only in it and end differently.

use alcove_policies::{Denial, Policy};
use alcove_sandbox::{Outcome, Report};

use crate::support::{Bench, HELLO, Server, limit, policy, text};

struct Case {
    bench: Bench,
    server: Server,
}

impl Case {
    fn new() -> Case {
        Case {
            bench: Bench::new(),
            server: Server::new(HELLO),
        }
    }

    /// A rule for the server with the given lines; `{port}` is its port.
    fn rule(&self, lines: &str) -> Policy {
        policy(&format!("[[http]]\n{lines}\n").replace("{port}", &self.server.port.to_string()))
    }

    async fn get(&self, policy: &Policy, path: &str) -> Report {
        self.request(policy, "GET", path).await
    }

    async fn request(&self, policy: &Policy, method: &str, path: &str) -> Report {
        let arguments = format!(
            r#"{{"do":"http","method":"{method}","url":"http://127.0.0.1:{}{path}"}}"#,
            self.server.port
        );
        self.bench.probe(policy, &arguments).await
    }
}

/// The denial of a report; nothing was sent.
#[track_caller]
fn denial(report: &Report) -> &Denial {
    match &report.outcome {
        Outcome::Denied(denial) => denial,
        other => panic!("not denied: {other:?}"),
    }
}

const ORIGIN: &str = "origin = \"http://127.0.0.1:{port}\"";
const LOOPBACK: &str = "addresses = [\"127.0.0.1/32\"]";

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_lets_its_requests_through() {
    let case = Case::new();
    let policy = case.rule(&format!("{ORIGIN}\n{LOOPBACK}"));
    let report = case.get(&policy, "/a?b=c").await;
    assert!(text(&report).contains("hello"), "{report:?}");
    assert!(text(&report).contains("200"), "{report:?}");
    let exchange = &report.record.http[0];
    assert_eq!(
        exchange.url,
        format!("http://127.0.0.1:{}/a?b=c", case.server.port)
    );
    assert_eq!((exchange.status, exchange.line), (Some(200), Some(3)));
    let request = case.server.requests.lock().unwrap()[0].to_ascii_lowercase();
    assert!(request.starts_with("get /a?b=c http/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("host: 127.0.0.1:{}\r\n", case.server.port)));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_rule_nothing_goes_out() {
    let case = Case::new();
    let report = case.get(&policy(""), "/").await;
    let denial = denial(&report);
    assert_eq!(denial.capability, "http");
    assert!(denial.detail.contains("local/test"), "{denial:?}");
    assert!(denial.grant.contains("[[http]]"), "{denial:?}");
    assert_eq!(case.server.count(), 0);
    assert!(report.record.http[0].error.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn origin() {
    let case = Case::new();
    let right = case.rule(&format!("{ORIGIN}\n{LOOPBACK}"));
    let wrong = case.rule(&format!("origin = \"http://127.0.0.1:1\"\n{LOOPBACK}"));
    text(&case.get(&right, "/").await);
    denial(&case.get(&wrong, "/").await);
    assert_eq!(case.server.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn network() {
    let case = Case::new();
    // Both refuse loopback, but for different reasons: one has a rule that fits every URL.
    let public = case.get(&case.rule("network = \"public\""), "/").await;
    let public = denial(&public);
    assert!(public.detail.contains("not a public address"), "{public:?}");
    assert!(public.detail.contains("line 3"), "{public:?}");
    assert!(public.grant.contains("127.0.0.1/32"), "{public:?}");
    let other = case
        .get(&case.rule("origin = \"https://example.org\""), "/")
        .await;
    assert!(!denial(&other).detail.contains("not a public address"));
    assert_eq!(case.server.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn methods() {
    let case = Case::new();
    let reads = case.rule(&format!("{ORIGIN}\n{LOOPBACK}\nmethods = [\"GET\"]"));
    let writes = case.rule(&format!(
        "{ORIGIN}\n{LOOPBACK}\nmethods = [\"GET\", \"POST\"]"
    ));
    text(&case.request(&writes, "POST", "/").await);
    denial(&case.request(&reads, "POST", "/").await);
    assert_eq!(case.server.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn paths() {
    let case = Case::new();
    let narrow = case.rule(&format!("{ORIGIN}\n{LOOPBACK}\npaths = [\"/open/**\"]"));
    let wide = case.rule(&format!("{ORIGIN}\n{LOOPBACK}\npaths = [\"/**\"]"));
    text(&case.get(&narrow, "/open/a").await);
    text(&case.get(&wide, "/closed").await);
    for path in ["/closed", "/open/../closed", "/open/%2e%2e/closed"] {
        denial(&case.get(&narrow, path).await);
    }
    assert_eq!(case.server.count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses() {
    let case = Case::new();
    let open = case.rule(&format!("{ORIGIN}\n{LOOPBACK}"));
    text(&case.get(&open, "/").await);
    let closed = case.get(&case.rule(ORIGIN), "/").await;
    let closed = denial(&closed);
    assert!(closed.detail.contains("not a public address"), "{closed:?}");
    let elsewhere = case.rule(&format!("{ORIGIN}\naddresses = [\"10.0.0.5/32\"]"));
    let elsewhere = case.get(&elsewhere, "/").await;
    assert!(denial(&elsewhere).detail.contains("not among the listed"));
    assert_eq!(case.server.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn rate() {
    let case = Case::new();
    let slow = case.rule(&format!("{ORIGIN}\n{LOOPBACK}\nrate = \"2/min\""));
    let quick = case.rule(&format!("{ORIGIN}\n{LOOPBACK}\nrate = \"200/min\""));
    for _ in 0..2 {
        text(&case.get(&slow, "/").await);
    }
    let report = case.get(&slow, "/").await;
    assert_eq!(limit(&report), "http-rate");
    assert!(matches!(&report.outcome, Outcome::Limit(hit) if hit.allowed.contains("line 3")));
    for _ in 0..3 {
        text(&case.get(&quick, "/").await);
    }
    assert_eq!(case.server.count(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_go_back_to_the_guest() {
    let bench = Bench::new();
    let server = Server::new(
        "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest\r\ncontent-length: 0\r\n\r\n",
    );
    let policy = policy(&format!(
        "[[http]]\norigin = \"http://127.0.0.1:{}\"\n{LOOPBACK}\n",
        server.port
    ));
    let arguments = format!(
        r#"{{"do":"http","method":"GET","url":"http://127.0.0.1:{}/"}}"#,
        server.port
    );
    let report = bench.probe(&policy, &arguments).await;
    assert!(text(&report).contains("302"), "{report:?}");
    assert_eq!(server.count(), 1);
}
