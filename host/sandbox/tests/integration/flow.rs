//! What leaves by an open network while something private is around.

use std::sync::Arc;

use alcove_policies::Policy;
use alcove_sandbox::{Call, Invocation, Outbound, Outcome, Passage, Report};
use url::Url;

use crate::support::{Bench, HELLO, Server, grant, policy, text};

const OPEN: &str = "[[http]]\nnetwork = \"public\"\nmethods = [\"GET\", \"POST\"]\n";

/// Knows one address, and lets another one pass.
#[derive(Debug)]
struct Watch;

impl Outbound for Watch {
    fn passage(&self, url: &Url) -> Passage {
        match (url.path(), url.query()) {
            ("/known", None) => Passage::Bare,
            ("/allowed", None) => Passage::AsIs,
            _ => Passage::Refused,
        }
    }
}

async fn request(policy: &Policy, method: &str, url: &str) -> Report {
    let bench = Bench::new();
    let probe = bench.fixture("probe").await;
    let arguments = format!(r#"{{"do":"http","method":"{method}","url":"{url}"}}"#);
    let invocation = Invocation {
        outbound: Some(Arc::new(Watch)),
        ..Invocation::new("probe", arguments)
    };
    let call = Call {
        invocation,
        grant: grant(policy),
    };
    bench.sandbox.call(&probe, call).await
}

/// The capability that was refused, and why.
#[track_caller]
fn denied(report: &Report) -> (&'static str, &str) {
    match &report.outcome {
        Outcome::Denied(denial) => (denial.capability, &denial.detail),
        other => panic!("not denied: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_network_takes_only_what_is_known_or_allowed() {
    let open = policy(OPEN);
    let server = Server::new(HELLO);
    let url = |path: &str| format!("http://127.0.0.1:{}{path}", server.port);
    for path in ["/made-up", "/known?q=secret", "/?q=secret"] {
        let report = request(&open, "GET", &url(path)).await;
        let (capability, detail) = denied(&report);
        assert_eq!(capability, "flow", "{detail}");
        assert!(
            detail.contains(path) && detail.contains("private"),
            "{detail}"
        );
        assert!(report.record.http[0].error.is_some());
    }
    // These come as far as the address, which is no public one.
    for path in ["/known", "/allowed"] {
        let report = request(&open, "GET", &url(path)).await;
        let (capability, detail) = denied(&report);
        assert_eq!(capability, "http");
        assert!(detail.contains("not a public address"), "{detail}");
    }
    // A known address is read, never written to.
    let report = request(&open, "POST", &url("/known")).await;
    let (capability, detail) = denied(&report);
    assert_eq!(capability, "flow");
    assert!(detail.contains("only GET and HEAD"), "{detail}");
    assert_eq!(
        denied(&request(&open, "POST", &url("/allowed")).await).0,
        "http"
    );
    assert_eq!(server.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_that_the_grant_names_is_trusted() {
    let server = Server::new(HELLO);
    let fixed = policy(&format!(
        "[[http]]\norigin = \"http://127.0.0.1:{}\"\naddresses = [\"127.0.0.1/32\"]\n{OPEN}",
        server.port
    ));
    let url = format!("http://127.0.0.1:{}/?q=secret", server.port);
    let report = request(&fixed, "GET", &url).await;
    assert!(text(&report).contains("hello"), "{report:?}");
    assert_eq!(server.count(), 1);
}
