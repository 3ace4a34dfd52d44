//! A file is a test: `tests/cases/NAME.toml` beside `NAME.json` (what it means) or `NAME.err` (why
//! it is refused). A comment `#? GET https://…` in the policy is a request that is decided.
//! With `UPDATE_CASES=1` the expected files are written; read the difference before you keep it.

use std::fs;
use std::path::{Path, PathBuf};

use alcove_policies::{AddressScope, HttpDecision, Policy};
use serde_json::{Map, Value, json};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

#[test]
fn every_case_means_what_is_written_beside_it() {
    let update = std::env::var_os("UPDATE_CASES").is_some();
    let mut seen = 0;
    let mut wrong = Vec::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        seen += 1;
        let text = fs::read_to_string(&path).unwrap();
        let (actual, extension, other) = match Policy::parse(&text) {
            Ok(policy) => (meaning(&policy), "json", "err"),
            Err(error) => (format!("{error}\n"), "err", "json"),
        };
        let expected = path.with_extension(extension);
        if update {
            fs::write(&expected, &actual).unwrap();
            let _ = fs::remove_file(path.with_extension(other));
        } else if fs::read_to_string(&expected).ok().as_deref() != Some(&actual) {
            wrong.push(format!("{} should hold:\n{actual}", expected.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen >= 50, "only {seen} cases were found");
}

fn meaning(policy: &Policy) -> String {
    let limits = policy.limits();
    let files: Vec<Value> = policy
        .files()
        .iter()
        .map(|grant| {
            json!({
                "line": grant.line,
                "mount": grant.mount,
                "source": grant.source.to_string(),
                "access": format!("{:?}", grant.access),
            })
        })
        .collect();
    let requests: Map<String, Value> = policy
        .text()
        .lines()
        .filter_map(|line| line.strip_prefix("#? "))
        .map(|request| (request.to_owned(), decision(policy, request)))
        .collect();
    let value = json!({
        "plugin": policy.plugin(),
        "limits": {
            "memory_bytes": limits.memory_bytes,
            "cpu_ms": u64::try_from(limits.cpu.as_millis()).unwrap(),
            "wall_ms": u64::try_from(limits.wall.as_millis()).unwrap(),
            "output_bytes": limits.output_bytes,
            "calls": limits.calls.to_string(),
            "concurrency": limits.concurrency,
        },
        "files": files,
        "requests": requests,
    });
    serde_json::to_string_pretty(&value).unwrap() + "\n"
}

fn decision(policy: &Policy, request: &str) -> Value {
    let (method, url) = request.split_once(' ').unwrap();
    match policy.http(method, &url.parse().unwrap()) {
        HttpDecision::Allow {
            line,
            addresses,
            rate,
        } => json!({
            "allowed by line": line,
            "addresses": match addresses {
                AddressScope::Public => json!("public"),
                AddressScope::Listed(nets) => {
                    nets.iter().map(ToString::to_string).collect::<Vec<_>>().into()
                }
            },
            "rate": rate.map(|rate| rate.to_string()),
        }),
        HttpDecision::Deny(denial) => {
            assert_eq!(denial.capability, "http");
            check_grant(policy, method, url, &denial.grant);
            json!({ "denied": denial.detail, "grant": denial.grant })
        }
    }
}

/// The lines that a denial offers do grant the request, and not the whole origin with it.
fn check_grant(policy: &Policy, method: &str, url: &str, grant: &str) {
    if grant.is_empty() {
        return;
    }
    let widened = format!("{}\n{grant}", policy.text());
    let widened = Policy::parse(&widened).unwrap();
    let url: url::Url = url.parse().unwrap();
    assert!(
        matches!(widened.http(method, &url), HttpDecision::Allow { .. }),
        "{grant} does not grant {method} {url}"
    );
}
