//! A file is a test: `tests/cases/NAME.toml` beside `NAME.json` (what it means) or `NAME.err` (why
//! it is refused). A comment `#? GET https://…` in the policy is a request that is decided, and
//! `#! approval NAME` a tool whose approval is shown.
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
                "quota_bytes": grant.quota_bytes,
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
            "logs": limits.logs,
            "handles": limits.handles,
            "http_requests": limits.http_requests,
            "http_bytes": limits.http_bytes,
        },
        "files": files,
        "requests": requests,
    });
    let Value::Object(mut value) = value else {
        unreachable!()
    };
    value.append(&mut capabilities(policy));
    serde_json::to_string_pretty(&Value::Object(value)).unwrap() + "\n"
}

/// What is there only where the policy says so.
fn capabilities(policy: &Policy) -> Map<String, Value> {
    let mut found = Map::new();
    let mut add = |name: &str, value: Value| {
        found.insert(name.to_owned(), value);
    };
    if let Some(state) = policy.state() {
        add(
            "state",
            json!({"line": state.line, "quota_bytes": state.quota_bytes}),
        );
    }
    if let Some(assets) = policy.assets() {
        add(
            "assets",
            json!({"line": assets.line, "quota_bytes": assets.quota_bytes}),
        );
    }
    if let Some(inference) = policy.inference() {
        add(
            "inference",
            json!({
                "line": inference.line,
                "models": inference.models,
                "tokens_per_call": inference.tokens_per_call,
                "tokens_per_day": inference.tokens_per_day,
            }),
        );
    }
    if let Some(delegate) = policy.delegate() {
        let tools: Vec<String> = delegate.tools.iter().map(ToString::to_string).collect();
        add(
            "delegate",
            json!({"line": delegate.line, "tools": tools, "depth": delegate.depth}),
        );
    }
    for variable in policy.env() {
        add(
            &format!("env {}", variable.name),
            json!({"line": variable.line, "value": variable.value}),
        );
    }
    // A comment `#! approval TOOL` asks when a person is asked.
    for tool in policy
        .text()
        .lines()
        .filter_map(|line| line.strip_prefix("#! approval "))
    {
        let approval = policy.approval(tool);
        add(
            &format!("approval {tool}"),
            json!({"line": approval.line, "mode": approval.mode.as_str()}),
        );
    }
    if let Some(labels) = policy.labels() {
        add(
            "labels",
            json!({"line": labels.line, "output": format!("{:?}", labels.output)}),
        );
    }
    found
}

fn decision(policy: &Policy, request: &str) -> Value {
    let (method, url) = request.split_once(' ').unwrap();
    match policy.http(method, &url.parse().unwrap()) {
        HttpDecision::Allow {
            line,
            addresses,
            rate,
            bytes,
            inject,
            open: _,
            grant: None,
            also: _,
        } => json!({
            "allowed by line": line,
            "addresses": match addresses {
                AddressScope::Public => json!("public"),
                AddressScope::Listed(nets) => {
                    nets.iter().map(ToString::to_string).collect::<Vec<_>>().into()
                }
                AddressScope::Except { .. } => panic!("a policy alone has no ceiling"),
            },
            "rate": rate.map(|rate| rate.to_string()),
            "bytes": bytes.map(|rate| rate.to_string()),
            "inject": inject.map(|inject| json!({
                "line": inject.line,
                "place": format!("{:?}", inject.place),
                "value": format!("{:?}", inject.value),
                "secrets": inject.secrets().collect::<Vec<_>>(),
            })),
        }),
        HttpDecision::Allow { .. } => panic!("a policy alone names no grant"),
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
