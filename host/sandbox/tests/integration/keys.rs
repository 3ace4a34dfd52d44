//! A file is a key: `tests/keys/PATH.case` holds two policies that differ in that key alone, and how
//! the same call ends under each, through the real sandbox. A key of the language without its file
//! fails here.
//!
//! ```text
//! call: {"do":"sleep","n":300}      what the probe is asked; `{port}` is a server's on this machine
//! times: 2                          so often, one after the other; the last one counts
//! together: 2                       or so many at once; one that does not end well counts
//! --- ok                            what the outcome begins with under the first policy
//! [limits]
//! wall = "10 s"
//! --- limit wall                    and under the second; after ` ~ `, what it holds besides
//! [limits]
//! wall = "100 ms"
//! ```
//!
//! What the sandbox alone does not decide (whether a person is asked, say) is shown by a test of the
//! crate that does: `elsewhere: FILE FUNCTION`, which must exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use alcove_policies::language::KEYS;
use alcove_policies::{FileSource, Policy};
use alcove_sandbox::{Content, Mount, Outcome, Report};

use crate::support::{Bench, HELLO, Server, call};

struct Case {
    arguments: String,
    times: usize,
    together: usize,
    /// Expectation and policy, twice.
    sides: Vec<(String, String)>,
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys"))
}

#[test]
fn every_key_of_the_language_has_its_case() {
    let keys: BTreeSet<String> = KEYS
        .iter()
        .map(alcove_policies::language::Key::path)
        .collect();
    let cases: BTreeSet<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "case")
        })
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let missing: Vec<&String> = keys.difference(&cases).collect();
    assert!(missing.is_empty(), "keys without a case: {missing:?}");
    let unknown: Vec<&String> = cases.difference(&keys).collect();
    assert!(unknown.is_empty(), "cases of no key: {unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_policies_that_differ_in_one_key_end_differently() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut wrong = Vec::new();
    for key in KEYS {
        let path = folder().join(format!("{}.case", key.path()));
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        if let Some(elsewhere) = text.strip_prefix("elsewhere: ") {
            let (file, function) = elsewhere.trim().split_once(' ').unwrap();
            let code = fs::read_to_string(root.join(file)).unwrap_or_default();
            if !code.contains(&format!("fn {function}(")) {
                wrong.push(format!("{}: {file} has no test {function}", key.path()));
            }
            continue;
        }
        let case = read(&text);
        differ_in(key.name, key.section, &case.sides);
        let mut ended = Vec::new();
        for (expected, rules) in &case.sides {
            let outcome = run(&case, rules).await;
            let (begin, part) = expected.split_once(" ~ ").unwrap_or((expected, ""));
            if !outcome.starts_with(begin) || !outcome.contains(part) {
                wrong.push(format!(
                    "{}: expected {expected}, was {outcome}",
                    key.path()
                ));
            }
            ended.push(outcome);
        }
        if ended[0] == ended[1] {
            wrong.push(format!("{}: both end with {}", key.path(), ended[0]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn read(text: &str) -> Case {
    let mut case = Case {
        arguments: String::new(),
        times: 1,
        together: 1,
        sides: Vec::new(),
    };
    for line in text.lines() {
        if let Some(expected) = line.strip_prefix("--- ") {
            case.sides.push((expected.to_owned(), String::new()));
        } else if let Some((_, rules)) = case.sides.last_mut() {
            rules.push_str(line);
            rules.push('\n');
        } else if let Some(arguments) = line.strip_prefix("call: ") {
            case.arguments = arguments.to_owned();
        } else if let Some(times) = line.strip_prefix("times: ") {
            case.times = times.parse().unwrap();
        } else if let Some(together) = line.strip_prefix("together: ") {
            case.together = together.parse().unwrap();
        }
    }
    assert_eq!(case.sides.len(), 2, "{text}");
    case
}

/// Lines that one policy has and the other does not are of this key, or the table that it is in.
#[track_caller]
fn differ_in(name: &str, section: &str, sides: &[(String, String)]) {
    let lines = |at: usize| sides[at].1.lines().collect::<BTreeSet<&str>>();
    let (one, other) = (lines(0), lines(1));
    // A table within another is written on its line: `inject = { … }`.
    let inner = section.split_once(' ').map(|(_, inner)| inner);
    for line in one.symmetric_difference(&other) {
        let key = line.split('=').next().unwrap_or_default().trim();
        assert!(
            name == "NAME" || key == name || Some(key) == inner || *line == section,
            "{section} {name}: the policies differ in `{line}`"
        );
    }
    assert_ne!(one, other, "{section} {name}");
}

/// How a case's call ends under a policy, in words.
async fn run(case: &Case, rules: &str) -> String {
    let bench = Bench::new();
    let server = Server::new(HELLO);
    let fill = |text: &str| {
        text.replace("{port}", &server.port.to_string())
            .replace("{folder}", &bench.folder.path().display().to_string())
    };
    let rules = fill(rules);
    let text = if rules.contains("version =") {
        rules
    } else if rules.contains("plugin  =") {
        format!("version = 1\n{rules}")
    } else {
        format!("version = 1\nplugin = \"local/test\"\n{rules}")
    };
    let policy = match Policy::parse(&text) {
        Ok(policy) => policy,
        Err(error) => return format!("refused: {error}"),
    };
    let mut mounts = Vec::new();
    for file in policy.files() {
        let host = match &file.source {
            FileSource::ConversationWorkspace => bench.folder.path().join("workspace"),
            FileSource::Folder(path) => path.clone(),
        };
        fs::create_dir_all(&host).unwrap();
        let name = host.file_name().unwrap().to_str().unwrap().to_owned();
        fs::write(host.join("name.txt"), name).unwrap();
        mounts.push(Mount {
            guest: file.mount.clone(),
            host,
            writable: true,
        });
    }
    let probe = bench.fixture("probe").await;
    let one = || {
        let mut call = call(&policy, "probe", &fill(&case.arguments));
        call.grant.mounts.clone_from(&mounts);
        let (sandbox, probe) = (bench.sandbox.clone(), probe.clone());
        async move { sandbox.call(&probe, call).await }
    };
    let mut last = String::new();
    for _ in 1..case.times {
        one().await;
    }
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..case.together {
        running.spawn(one());
    }
    for report in running.join_all().await {
        let words = in_words(&report);
        if last.is_empty() || !words.starts_with("ok") {
            last = words;
        }
    }
    last
}

fn in_words(report: &Report) -> String {
    match &report.outcome {
        Outcome::Ok(parts) => {
            let texts: Vec<&str> = parts
                .iter()
                .filter_map(|part| match &part.content {
                    Content::Text(text) | Content::Json(text) => Some(text.as_str()),
                    _ => None,
                })
                .collect();
            format!("ok: {}", texts.join(" "))
        }
        Outcome::Failed(failure) => format!("failed {}: {}", failure.kind, failure.message),
        Outcome::Denied(denial) => format!("denied {}: {}", denial.capability, denial.detail),
        Outcome::Limit(hit) => format!("limit {}: {}", hit.name, hit.allowed),
        Outcome::Trapped(message) => format!("trapped: {message}"),
    }
}
