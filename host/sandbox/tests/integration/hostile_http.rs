//! The egress's corpus of hostile URLs, names and servers, through a real component that makes the
//! requests, with secrets put in by the host.

#[path = "../../../egress/tests/integration/corpus.rs"]
mod corpus;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alcove_egress::{Egress, EgressConfig, Needles, Resolver, Resolving, Roots};
use alcove_policies::Policy;
use alcove_sandbox::{Outcome, Report, Sandbox, Secrets};
use serde_json::{Value, json};

use crate::support::{self, Bench};
use corpus::{Case, Scope, Server};

/// What the policies of the cases call the secret.
const SECRET: &str = "api-key";
/// How many calls run at once.
const AT_ONCE: usize = 6;

/// Answers for the names of the cases, each its own.
#[derive(Default)]
struct Names {
    answers: Mutex<HashMap<String, Answers>>,
}

/// What is answered the first time, the second time, …
struct Answers {
    list: Vec<Vec<IpAddr>>,
    asked: usize,
}

impl Resolver for Names {
    fn resolve<'a>(&'a self, name: &'a str) -> Resolving<'a> {
        let mut answers = self.answers.lock().unwrap();
        let answer = answers.get_mut(name).map(|answers| {
            let answer = answers.list[answers.asked.min(answers.list.len() - 1)].clone();
            answers.asked += 1;
            answer
        });
        let unknown = || std::io::Error::other("no such name");
        Box::pin(async move { answer.ok_or_else(unknown) })
    }
}

impl Names {
    fn add(&self, case: &Case) {
        let (Some(names), Ok(url)) = (
            &case.names,
            url::Url::parse(&case.url.replace("{port}", "1")),
        ) else {
            return;
        };
        let list = names
            .iter()
            .map(|answer| answer.iter().map(|text| text.parse().unwrap()).collect())
            .collect();
        let name = url.host_str().unwrap().to_owned();
        let before = self
            .answers
            .lock()
            .unwrap()
            .insert(name, Answers { list, asked: 0 });
        assert!(
            before.is_none(),
            "{}: each case has a name of its own",
            case.name
        );
    }
}

fn policy(case: &Case, url: &str) -> Policy {
    let target = match case.scope {
        Scope::Public => "network = \"public\"".to_owned(),
        Scope::Loopback => {
            let origin = url::Url::parse(url).unwrap().origin().ascii_serialization();
            format!("origin = \"{origin}\"\naddresses = [\"127.0.0.0/8\"]")
        }
    };
    let inject = case
        .inject
        .iter()
        .next()
        .map_or_else(String::new, |(kind, name)| {
            format!("inject = {{ {kind} = \"{name}\", value = \"{{secret:{SECRET}}}\" }}\n")
        });
    // Whatever else ends a case has time to, on a machine that does other things too.
    let wall = if case.expect.guest == "limit-wall" {
        "2 s"
    } else {
        "20 s"
    };
    support::policy(&format!(
        "[limits]\nwall = \"{wall}\"\nhttp_bytes = \"64 KiB\"\n[[http]]\n{target}\n\
         methods = [\"GET\", \"POST\"]\n{inject}"
    ))
}

/// What the guest is to send; the URL is cut apart by hand, also where it is a bad one.
fn order(case: &Case, url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let (authority, path) = match rest.find(['/', '?', '#']) {
        Some(at) => rest.split_at(at),
        None => (rest, "/"),
    };
    let request = json!({
        "method": if case.body.is_empty() { "GET" } else { "POST" },
        "scheme": scheme,
        "authority": authority,
        "path": path,
        "headers": case.headers,
        "body": case.body,
        "trailers": case.trailers,
    });
    json!({ "request": request.to_string() }).to_string()
}

fn word(report: &Report) -> String {
    match &report.outcome {
        Outcome::Limit(hit) => format!("limit-{}", hit.name),
        Outcome::Failed(failure) if failure.kind == "invalid-input" => "refused".to_owned(),
        other => other.name().to_owned(),
    }
}

async fn check(case: Case, sandbox: Sandbox, probe: alcove_sandbox::Component) {
    let name = &case.name;
    let expect = &case.expect;
    let server = Server::of(&case).await;
    let url = server.url(&case);
    let secrets = case
        .secret
        .iter()
        .map(|value| (SECRET.to_owned(), value.clone()));
    let mut call = support::call(&policy(&case, &url), "exchange", &order(&case, &url));
    call.grant.secrets = Secrets::new(secrets).unwrap();
    let report = sandbox.call(&probe, call).await;

    let outcome = word(&report);
    let is_expected = match expect.guest.as_str() {
        // A guest may be unable to write such a URL, or be told that it is none.
        "refused" => matches!(outcome.as_str(), "denied" | "refused" | "failed"),
        expected => outcome == expected,
    };
    assert!(
        is_expected,
        "{name}: {outcome}, not {}: {:?}",
        expect.guest, report.outcome
    );
    let (least, most) = match (expect.guest.as_str(), outcome.as_str()) {
        ("refused", _) => (0, 0),
        // A body that is refused on its way may be so before or after the connection is there.
        ("denied", "denied") if !case.body.is_empty() => (0, expect.connections),
        _ => (expect.connections, expect.connections),
    };
    let connections = server.connections();
    assert!((least..=most).contains(&connections), "{name}: {report:#?}");
    // Whatever reached the host is written down.
    assert!(
        expect.guest == "refused" || !report.record.http.is_empty(),
        "{name}"
    );
    if let Outcome::Ok(_) = &report.outcome {
        let answer: Value = serde_json::from_str(&support::text(&report)).unwrap();
        if let Some(status) = expect.status {
            assert_eq!(answer["status"], status, "{name}");
        }
        if let Some(body) = &expect.body {
            assert_eq!(answer["body"], **body, "{name}");
        }
        for (list, header) in [("headers", &expect.header), ("trailers", &expect.trailer)] {
            if let Some((own, value)) = header.as_ref().and_then(|text| text.split_once(": ")) {
                let list = answer[list].as_array().unwrap();
                assert!(list.contains(&json!([own, value])), "{name}: {list:?}");
            }
        }
        if let Some(lacks) = &expect.lacks_header {
            assert!(!answer["headers"].to_string().contains(lacks), "{name}");
        }
        if let Some(part) = &expect.request_has {
            let sent = server.requests();
            assert!(sent.contains(part), "{name}: {sent}");
        }
    }
    if let Some(part) = &expect.request_lacks {
        let sent = server.requests();
        assert!(!sent.contains(part), "{name}: {sent}");
    }
    if let Some(says) = &expect.says {
        assert!(
            format!("{:?}", report.outcome).contains(says),
            "{name}: {report:#?}"
        );
    }
    if let Some(secret) = &case.secret {
        let needles = Needles::new(&[secret.as_str()], true).unwrap();
        let seen = format!(
            "{report:?} {}",
            serde_json::to_string(&report.record).unwrap()
        );
        assert_eq!(needles.find(seen.as_bytes()), None, "{name}: {report:#?}");
        if outcome == "ok" {
            assert!(seen.contains("{secret:api-key}"), "{name}: {report:#?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_corpus_ends_as_it_says_through_a_guest() {
    let bench = Bench::new();
    let names = Arc::new(Names::default());
    let mut config = support::config(bench.folder.path());
    config.cache_dir = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("sandbox-cache");
    config.egress = Egress::new(EgressConfig {
        resolver: Arc::clone(&names) as Arc<dyn Resolver>,
        roots: Roots::System,
    })
    .unwrap();
    let sandbox = Sandbox::new(config).unwrap();
    let (path, digest) = bench.file(&support::fixture("probe"));
    let probe = sandbox.load(&path, &digest).await.unwrap();
    let permits = Arc::new(tokio::sync::Semaphore::new(AT_ONCE));
    let mut running = Vec::new();
    for case in corpus::cases() {
        names.add(&case);
        let (sandbox, probe, permits) = (sandbox.clone(), probe.clone(), Arc::clone(&permits));
        let name = case.name.clone();
        let task = tokio::spawn(async move {
            let _permit = permits.acquire().await.unwrap();
            let checked = check(case, sandbox, probe);
            tokio::time::timeout(Duration::from_secs(20), checked)
                .await
                .unwrap();
        });
        running.push((name, task));
    }
    let mut wrong = Vec::new();
    for (name, case) in running {
        if let Err(error) = case.await {
            wrong.push(format!("{name}: {error}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
