//! The web-search tool against search engines on loopback that answer as the real ones document.
//! The answers are ours, in the documented form; `plugins/web-search/src/engines` cites the pages.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use alcove_policies::Policy;
use alcove_sandbox::{Component, Content, Outcome, Report, Secrets};
use serde_json::json;

use crate::support::{Bench, built, call};

const BRAVE: &str = include_str!("../../../../plugins/web-search/tests/answers/brave.json");
const SERPAPI: &str = include_str!("../../../../plugins/web-search/tests/answers/serpapi.json");
const EXA: &str = include_str!("../../../../plugins/web-search/tests/answers/exa.json");
const SEARXNG: &str = include_str!("../../../../plugins/web-search/tests/answers/searxng.json");

/// The engines' secrets, under the names that the default policy has for them.
const SECRETS: [(&str, &str); 3] = [
    ("brave-search", "brave-key-0123456789"),
    ("serpapi", "serpapi-key-0123456789"),
    ("exa", "exa-key-0123456789"),
];

/// A server that answers by path and remembers what it was asked.
struct Engines {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Engines {
    /// `answer` gives status line, further headers and body for a path.
    fn new(answer: impl Fn(&str) -> (String, String) + Send + 'static) -> Engines {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let request = read_request(&mut BufReader::new(stream.try_clone().unwrap()));
                let path = request.split([' ', '?']).nth(1).unwrap_or_default();
                let (head, body) = answer(path);
                seen.lock().unwrap().push(request);
                let _ = write!(
                    stream,
                    "HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
            }
        });
        Engines { port, asked }
    }

    /// All that are set up as documented.
    fn good() -> Engines {
        Engines::new(good)
    }

    fn last(&self) -> String {
        self.asked.lock().unwrap().last().unwrap().clone()
    }

    fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// The default policy, with every engine on this server.
    fn policy(&self, env: &str) -> Policy {
        let port = self.port;
        let rule = |path: &str, inject: &str| {
            format!(
                "[[http]]\norigin = \"http://127.0.0.1:{port}\"\naddresses = [\"127.0.0.1/32\"]\n\
                 methods = [\"GET\", \"POST\"]\npaths = [\"{path}\"]\n{inject}\n"
            )
        };
        let text = format!(
            "version = 1\nplugin = \"alcove/web-search\"\n[env]\n\
             BRAVE_URL = \"http://127.0.0.1:{port}/brave\"\n\
             SERPAPI_URL = \"http://127.0.0.1:{port}/serpapi\"\n\
             EXA_URL = \"http://127.0.0.1:{port}/exa\"\n\
             SEARXNG_URL = \"http://127.0.0.1:{port}\"\n{env}\n{}{}{}{}",
            rule("/search", ""),
            rule(
                "/brave",
                "inject = { header = \"X-Subscription-Token\", value = \"{secret:brave-search}\" }"
            ),
            rule(
                "/serpapi",
                "inject = { query = \"api_key\", value = \"{secret:serpapi}\" }"
            ),
            rule(
                "/exa",
                "inject = { header = \"x-api-key\", value = \"{secret:exa}\" }"
            ),
        );
        Policy::parse(&text).unwrap()
    }
}

/// A request with its body, as text.
fn read_request(stream: &mut impl BufRead) -> String {
    let mut request = String::new();
    while stream.read_line(&mut request).unwrap_or(0) > 2 {}
    let body = |line: &str| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().ok())?
    };
    if let Some(length) = request.lines().find_map(body) {
        let mut bytes = vec![0; length];
        let _ = stream.read_exact(&mut bytes);
        request.push_str(&String::from_utf8_lossy(&bytes));
    } else if request.contains("chunked") {
        // One chunk and the last one: the tool's bodies are short.
        let mut line = String::new();
        while stream.read_line(&mut line).unwrap_or(0) > 0 && !line.ends_with("0\r\n") {}
        request.push_str(&line);
    }
    request
}

const JSON: &str = "200 OK\r\ncontent-type: application/json";

fn good(path: &str) -> (String, String) {
    let body = match path {
        "/brave" => BRAVE,
        "/serpapi" => SERPAPI,
        "/exa" => EXA,
        "/search" => SEARXNG,
        other => panic!("{other} was asked"),
    };
    (JSON.to_owned(), body.to_owned())
}

struct Case {
    bench: Bench,
    tool: Component,
}

impl Case {
    async fn new() -> Case {
        let bench = Bench::new();
        let tool = bench.load(&built("web-search.wasm")).await.unwrap();
        Case { bench, tool }
    }

    async fn search(&self, policy: &Policy, arguments: serde_json::Value) -> Report {
        self.with_secrets(policy, arguments, &SECRETS).await
    }

    async fn with_secrets(
        &self,
        policy: &Policy,
        arguments: serde_json::Value,
        secrets: &[(&str, &str)],
    ) -> Report {
        let mut call = call(policy, "web_search", &arguments.to_string());
        let secrets = secrets
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        call.grant.secrets = Secrets::new(secrets).unwrap();
        self.bench.sandbox.call(&self.tool, call).await
    }
}

/// What the model reads, and the addresses that the person sees.
#[track_caller]
fn found(report: &Report) -> (String, Vec<String>) {
    let Outcome::Ok(parts) = &report.outcome else {
        panic!("not ok: {:?}", report.outcome);
    };
    let mut text = String::new();
    let mut urls = Vec::new();
    for part in parts {
        match &part.content {
            Content::Text(part) => text.push_str(part),
            Content::Link { url, .. } => urls.push(url.clone()),
            other => panic!("{other:?}"),
        }
    }
    (text, urls)
}

#[track_caller]
fn failure(report: &Report) -> (&str, &str) {
    match &report.outcome {
        Outcome::Failed(failure) => (&failure.kind, &failure.message),
        other => panic!("not a failure: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_engine_is_asked_with_its_key_and_its_answer_read() {
    let case = Case::new().await;
    let engines = Engines::good();
    let arguments = json!({"query": "when is high water", "recency": "week"});
    for (engine, asked, key, title) in [
        (
            "searxng",
            "GET /search?q=when+is+high+water&format=json&language=en&safesearch=1&time_range=week ",
            None,
            "Tide",
        ),
        (
            "brave",
            "GET /brave?q=when+is+high+water&count=20&safesearch=moderate&",
            Some("x-subscription-token: brave-key-0123456789"),
            "Tides & currents",
        ),
        (
            "serpapi",
            "GET /serpapi?engine=google&q=when+is+high+water&",
            Some("api_key=serpapi-key-0123456789"),
            "Why the moon pulls",
        ),
        (
            "exa",
            "POST /exa ",
            Some("x-api-key: exa-key-0123456789"),
            "The sea",
        ),
    ] {
        let policy = engines.policy(&format!("ENGINES = \"{engine}\""));
        let report = case.search(&policy, arguments.clone()).await;
        let (text, urls) = found(&report);
        assert!(
            text.contains(&format!("1. {title}\n{}\n", urls[0])),
            "{text}"
        );
        assert_eq!(urls.len(), 2, "{engine}: {urls:?}");
        let request = engines.last();
        assert!(request.starts_with(asked), "{engine}: {request}");
        if let Some(key) = key {
            assert!(request.contains(key), "{engine}: {request}");
        }
        // The key is in the request alone.
        assert!(
            !format!("{report:?}").contains("-key-0123456789"),
            "{engine}"
        );
    }
    assert!(engines.last().contains(r#""query":"when is high water""#));
    assert_eq!(engines.count(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_engine_stands_in_for_one_that_gives_no_results() {
    let case = Case::new().await;
    let bad: Vec<(&str, String)> = vec![
        ("401 Unauthorized", r#"{"error":"Invalid API key."}"#.into()),
        ("403 Forbidden", "{}".into()),
        ("422 Unprocessable", r#"{"type":"ErrorResponse","error":{"status":422,"code":"SUBSCRIPTION_TOKEN_INVALID"}}"#.into()),
        ("429 Too Many Requests\r\nretry-after: 7", r#"{"error":"Your account has run out of searches."}"#.into()),
        ("402 Payment Required", "{}".into()),
        ("500 Internal Server Error", "<h1>oops".into()),
        ("302 Found\r\nlocation: http://169.254.169.254/", String::new()),
        ("200 OK\r\ncontent-type: text/html", "<!DOCTYPE html><title>Are you a robot?</title>".into()),
        (JSON, String::new()),
        (JSON, "{\"web\":{\"results\":[{\"title\":".into()),
        (JSON, "{\"web\":{\"results\":\"none\"}}".into()),
        (JSON, format!("{{\"web\":\"{}\"}}", "x".repeat(3 << 20))),
        ("nonsense", String::new()),
    ];
    for (head, body) in bad {
        let (shown, sent) = (head.to_owned(), body.clone());
        let engines = Engines::new(move |path| match path {
            "/brave" => (shown.clone(), sent.clone()),
            other => good(other),
        });
        let both = engines.policy("ENGINES = \"brave, exa\"");
        let report = case.search(&both, json!({"query": "tides"})).await;
        assert_eq!(found(&report).1[0], "https://sea.example/", "{head}");
        assert_eq!(engines.count(), 2, "{head}");
        let alone = engines.policy("ENGINES = \"brave\"");
        let report = case.search(&alone, json!({"query": "tides"})).await;
        let (kind, message) = failure(&report);
        let quota = head.starts_with("429") || head.starts_with("402");
        assert_eq!(
            kind,
            if quota { "rate-limited" } else { "upstream" },
            "{message}"
        );
        assert!(message.contains("brave"), "{message}");
    }
    // An empty list is an answer: nobody else is asked.
    let engines = Engines::new(|path| match path {
        "/brave" => (JSON.to_owned(), r#"{"type":"search"}"#.to_owned()),
        other => good(other),
    });
    let policy = engines.policy("ENGINES = \"brave exa\"");
    let (text, urls) = found(&case.search(&policy, json!({"query": "tides"})).await);
    assert!(
        text.starts_with("No results for: tides.") && urls.is_empty(),
        "{text}"
    );
    assert_eq!(engines.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_set_up_is_passed_over_and_named_where_nothing_else_is() {
    let case = Case::new().await;
    let engines = Engines::good();
    let query = json!({"query": "tides"});
    let policy = engines.policy("ENGINES = \"brave serpapi exa\"");
    let report = case
        .with_secrets(&policy, query.clone(), &SECRETS[2..])
        .await;
    assert_eq!(found(&report).1[0], "https://sea.example/");
    assert_eq!(engines.count(), 1);
    // No key at all: the host says which command sets one.
    let report = case.with_secrets(&policy, query.clone(), &[]).await;
    let Outcome::Denied(denial) = &report.outcome else {
        panic!("{:?}", report.outcome)
    };
    assert!(denial.detail.contains("`alcove secret set "), "{denial:?}");
    let report = case
        .search(&engines.policy("ENGINES = \"\""), query.clone())
        .await;
    assert_eq!(failure(&report).0, "unavailable");
    let report = case
        .search(&engines.policy("ENGINE = \"exa\""), query)
        .await;
    let (kind, message) = failure(&report);
    assert!(
        kind == "unavailable" && message.contains("`ENGINE` is not known"),
        "{message}"
    );
    assert_eq!(engines.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_answers_are_one_list_and_lists_of_sites_hold() {
    let case = Case::new().await;
    let engines = Engines::good();
    let urls = async |env: &str, arguments: serde_json::Value| {
        found(&case.search(&engines.policy(env), arguments).await).1
    };
    let query = json!({"query": "tides", "count": 10});
    let fused = "ENGINES = \"brave serpapi\"\nANSWERS = \"2\"\n";
    let all = urls(fused, query.clone()).await;
    assert_eq!(
        all,
        [
            "https://tides.example/currents",
            "https://moon.example/pull",
            "https://moon.example/"
        ]
    );
    let blocked = format!("{fused}BLOCK_SITES = \"moon.example\"");
    assert_eq!(urls(&blocked, query.clone()).await, all[..1]);
    let only = format!("{fused}ONLY_SITES = \"moon.example\"");
    assert_eq!(urls(&only, query).await, all[1..]);
    let site = json!({"query": "tides", "site": "https://www.moon.example/x"});
    assert_eq!(urls(fused, site).await, all[1..]);
    assert_eq!(
        urls(fused, json!({"query": "tides", "count": 1})).await,
        all[..1]
    );
    let safe = "ENGINES = \"brave\"\nSAFE_SEARCH = \"strict\"";
    urls(safe, json!({"query": "tides"})).await;
    assert!(engines.last().contains("safesearch=strict"));
    let odd = case
        .search(
            &engines.policy(""),
            json!({"query": "tides", "site": "two words"}),
        )
        .await;
    assert_eq!(failure(&odd).0, "invalid-input");
}
