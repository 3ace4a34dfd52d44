//! `inject`, `http_requests`, `http_bytes` and `bytes`: for every key, two policies that differ only
//! in it and end differently.

use alcove_policies::Policy;
use alcove_sandbox::{Outcome, Report, Secrets};
use serde_json::json;

use crate::support::{Bench, Server, call, limit, policy, text};

const SECRET: &str = "tok-0123456789abcdef";
const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-length: 4000\r\n\r\n";

struct Case {
    bench: Bench,
    server: Server,
}

impl Case {
    fn new() -> Case {
        let answer: &'static str =
            Box::leak(format!("{ANSWER}{}", "a".repeat(4000)).into_boxed_str());
        Case {
            bench: Bench::new(),
            server: Server::new(answer),
        }
    }

    fn policy(&self, limits: &str, rule: &str) -> Policy {
        policy(&format!(
            "[limits]\n{limits}\n[[http]]\norigin = \"http://127.0.0.1:{}\"\n\
             addresses = [\"127.0.0.1/32\"]\n{rule}\n",
            self.server.port
        ))
    }

    /// One request, with the secrets that are set.
    async fn exchange(&self, policy: &Policy, path: &str, secrets: &[(&str, &str)]) -> Report {
        let probe = self.bench.fixture("probe").await;
        let request = json!({
            "authority": format!("127.0.0.1:{}", self.server.port),
            "path": path,
            "headers": [["x-token", "the guest's own"], ["accept-encoding", "gzip"]],
        });
        let arguments = json!({ "request": request.to_string() }).to_string();
        let mut call = call(policy, "exchange", &arguments);
        let secrets = secrets
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        call.grant.secrets = Secrets::new(secrets).unwrap();
        self.bench.sandbox.call(&probe, call).await
    }

    /// The last request that the server received.
    fn sent(&self) -> String {
        self.server.requests.lock().unwrap().last().unwrap().clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn inject() {
    let case = Case::new();
    let secrets = [("key", SECRET), ("other", "another-secret-value")];
    let plain = case.policy("", "");
    text(&case.exchange(&plain, "/?k=mine&a=1", &[]).await);
    let sent = case.sent();
    assert!(sent.contains("x-token: the guest's own\r\n") && sent.contains("encoding: gzip"));
    assert!(sent.starts_with("GET /?k=mine&a=1 HTTP"), "{sent}");

    let header = case.policy(
        "",
        "inject = { header = \"X-Token\", value = \"Bearer {secret:key}\" }",
    );
    let report = case.exchange(&header, "/?k=mine&a=1", &secrets).await;
    text(&report);
    let sent = case.sent();
    assert!(
        sent.contains(&format!("x-token: Bearer {SECRET}\r\n")),
        "{sent}"
    );
    assert!(!sent.contains("own") && sent.contains("accept-encoding: identity\r\n"));
    let injected = report.record.http[0].injected.as_deref();
    assert_eq!(injected, Some("header x-token = Bearer {secret:key}"));
    assert!(!format!("{report:?}").contains(SECRET));

    let query = case.policy("", "inject = { query = \"k\", value = \"{secret:key}\" }");
    let report = case.exchange(&query, "/?k=mine&a=1", &secrets).await;
    text(&report);
    let sent = case.sent();
    assert!(
        sent.starts_with(&format!("GET /?a=1&k={SECRET} HTTP")),
        "{sent}"
    );
    assert!(report.record.http[0].url.ends_with("/?k=mine&a=1"));
    assert!(!format!("{report:?}").contains(SECRET));

    let other = case.policy("", "inject = { query = \"k\", value = \"{secret:other}\" }");
    text(&case.exchange(&other, "/", &secrets).await);
    assert!(case.sent().contains("another-secret-value"));

    // A name that nobody has set is a refusal, and nothing is sent.
    let before = case.server.count();
    let missing = case.policy(
        "",
        "inject = { query = \"k\", value = \"{secret:missing}\" }",
    );
    let report = case.exchange(&missing, "/", &secrets).await;
    let Outcome::Denied(denial) = &report.outcome else {
        panic!("{report:?}");
    };
    assert!(
        denial.detail.contains("alcove secret set missing"),
        "{denial:?}"
    );
    assert!(denial.detail.contains("line "), "{denial:?}");
    assert_eq!(case.server.count(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn http_requests() {
    let case = Case::new();
    let probe = case.bench.fixture("probe").await;
    let run = async |policy: &Policy, times: u32| {
        let url = format!("http://127.0.0.1:{}/", case.server.port);
        let request = json!({"authority": &url[7..url.len() - 1], "path": "/", "times": times});
        let arguments = json!({ "request": request.to_string() }).to_string();
        let call = call(policy, "exchange", &arguments);
        case.bench.sandbox.call(&probe, call).await
    };
    let two = case.policy("http_requests = 2", "");
    let three = case.policy("http_requests = 3", "");
    text(&run(&two, 2).await);
    let report = run(&two, 3).await;
    assert_eq!(limit(&report), "http-requests");
    assert_eq!(report.record.http.len(), 3);
    assert!(
        report.record.http[2]
            .error
            .as_ref()
            .unwrap()
            .contains("2 in one call")
    );
    text(&run(&three, 3).await);
    assert_eq!(case.server.count(), 2 + 2 + 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn http_bytes() {
    let case = Case::new();
    let small = case.policy("http_bytes = \"2 KiB\"", "");
    let report = case.exchange(&small, "/", &[]).await;
    assert_eq!(limit(&report), "http-bytes");
    let Outcome::Limit(hit) = &report.outcome else {
        panic!("{report:?}");
    };
    assert_eq!(hit.allowed, "2 KiB in one call");
    text(
        &case
            .exchange(&case.policy("http_bytes = \"8 KiB\"", ""), "/", &[])
            .await,
    );
    // What the guest sends counts as well.
    let report = case
        .exchange(&small, &format!("/{}", "a".repeat(3000)), &[])
        .await;
    assert_eq!(limit(&report), "http-bytes");
    assert_eq!(case.server.count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes() {
    let case = Case::new();
    let slow = case.policy("", "bytes = \"6 KiB/min\"");
    let quick = case.policy("", "bytes = \"60 KiB/min\"");
    text(&case.exchange(&slow, "/", &[]).await);
    let report = case.exchange(&slow, "/", &[]).await;
    assert_eq!(limit(&report), "http-rate");
    assert!(
        matches!(&report.outcome, Outcome::Limit(hit) if hit.allowed.contains("6 KiB/min by the rule in line"))
    );
    for _ in 0..3 {
        text(&case.exchange(&quick, "/", &[]).await);
    }
}
