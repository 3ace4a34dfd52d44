//! What must hold for any bytes. The fuzzer calls these functions (`policies/fuzz`), and so does
//! every run of the tests, with the seeds and what comes of changing them.

use alcove_policies::manifest::Manifest;
use alcove_policies::{HttpDecision, Policy};
use url::Url;

/// A policy that a decision is asked of.
const POLICY: &str = r#"
version = 1
plugin = "local/fuzz"
[[http]]
origin = "https://api.example"
methods = ["GET"]
paths = ["/v1/**", "/exact", "/*/one"]
[[http]]
origin = "http://10.0.0.5:8080"
addresses = ["10.0.0.5/32"]
methods = ["POST"]
"#;

/// A policy is read or refused; what was read says the same when it is read again.
pub(crate) fn policy(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match Policy::parse(text) {
        Ok(policy) => {
            assert_eq!(policy.text(), text);
            assert!(policy.plugin().contains('/'));
            let limits = policy.limits();
            assert!(limits.memory_bytes > 0 && limits.concurrency > 0);
            for url in [
                "https://api.example/v1/x",
                "http://127.0.0.1/",
                "https://a.b.c/%2e/",
            ] {
                let url: Url = url.parse().expect("a URL");
                if let HttpDecision::Deny(denial) = policy.http("GET", &url) {
                    assert!(!denial.detail.is_empty());
                }
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A URL that is let through is one that a rule names, whatever it looks like.
pub(crate) fn url(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (method, text) = text.split_once(' ').unwrap_or(("GET", text));
    let Ok(url) = Url::parse(text) else { return };
    let policy = Policy::parse(POLICY).expect("a policy");
    match policy.http(method, &url) {
        HttpDecision::Deny(denial) => {
            assert!(!denial.detail.is_empty());
            // What the denial offers to grant is a policy, and it grants this request.
            if !denial.grant.is_empty() {
                let text = format!("version = 1\nplugin = \"local/fuzz\"\n{}", denial.grant);
                let offered =
                    Policy::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
                let decision = offered.http(method, &url);
                assert!(matches!(decision, HttpDecision::Allow { .. }), "{text}");
            }
        }
        HttpDecision::Allow { .. } => {
            assert!(url.username().is_empty() && url.password().is_none());
            let place = (url.scheme(), url.host_str(), url.port_or_known_default());
            match method {
                "GET" => {
                    assert_eq!(place, ("https", Some("api.example"), Some(443)));
                    let path = url.path();
                    assert!(
                        path.starts_with("/v1/") || path == "/exact" || path.ends_with("/one"),
                        "{path}"
                    );
                    let lower = path.to_ascii_lowercase();
                    for segment in lower.replace("%2e", ".").split('/') {
                        assert!(segment != "." && segment != "..", "{path}");
                    }
                    for trick in ["\\", "%5c", "%2f", "\0"] {
                        assert!(!lower.contains(trick), "{path}");
                    }
                }
                "POST" => assert_eq!(place, ("http", Some("10.0.0.5"), Some(8080))),
                other => panic!("{other} is in no rule"),
            }
        }
    }
}

/// A manifest is read or refused; what was read is the same after writing and reading it.
pub(crate) fn manifest(data: &[u8]) {
    match Manifest::parse(data) {
        Ok(manifest) => {
            let written = manifest.to_json();
            let again = Manifest::parse(&written).expect("what was written can be read");
            assert_eq!(again.to_json(), written);
            let _ = manifest.requested_policy();
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
