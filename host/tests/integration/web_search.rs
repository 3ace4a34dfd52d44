//! Searching through the real components and the real store: what a search found is read without
//! asking, is kept for a while, and leaves out the sites that the person blocked.

mod searxng;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use alcove::tools::{Flow, ToolResult, Verdict};
use alcove_api_types::{Label, ToolOutcome};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::flow::Case;

const PYTHON: &str = "alcove/python";
const WEB_FETCH: &str = "alcove/web-fetch";
const WEB_SEARCH: &str = "alcove/web-search";
const ANSWER: &str = include_str!("../../../plugins/web-search/tests/answers/searxng.json");
/// What is in it.
const FOUND: [&str; 2] = [
    "https://en.wikipedia.example/wiki/Tide",
    "https://sea.example/",
];

/// A server that answers as SearXNG does, and how often it was asked.
async fn engine() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut request = vec![0; 4096];
            let _ = stream.read(&mut request).await;
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                ANSWER.len()
            );
            let _ = stream.write_all(head.as_bytes()).await;
            let _ = stream.write_all(ANSWER.as_bytes()).await;
        }
    });
    (origin, asked)
}

/// The policy of docs/search.md for a server of one's own, with these variables beside its address.
fn policy(origin: &str, env: &str) -> String {
    format!(
        "[env]\nSEARXNG_URL = \"{origin}\"\nENGINES = \"searxng\"\n{env}\n[[http]]\n\
         origin = \"{origin}\"\naddresses = [\"127.0.0.1/32\"]\npaths = [\"/search\"]\n[state]\n\
         [approval.tools]\nsearch_sites = \"always\"\n[labels]\noutput = \"public\"\n"
    )
}

fn links(result: &ToolResult) -> Vec<&str> {
    assert_eq!(result.outcome, ToolOutcome::Ok, "{result:?}");
    let links = result.output.iter().filter(|part| part.kind == "link");
    links.map(|part| part.value.as_str()).collect()
}

/// A conversation with something private in it and nothing known.
async fn a_private_conversation(case: &mut Case) {
    case.flow = Flow::default();
    let result = case.run(PYTHON, json!({"code": "1"})).await;
    assert_eq!(result.label, Some(Label::Private));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_offered_a_search_before_an_engine_is_set_up() {
    let case = Case::new().await;
    let tools = &case.app.app().tools;
    let names = async || {
        let offered = tools.offered(&case.who).await.unwrap();
        offered
            .iter()
            .map(|tool| tool.tool.clone())
            .collect::<Vec<_>>()
    };
    assert!(!names().await.contains(&"web_search".to_owned()));
    let (origin, _) = engine().await;
    case.grant(WEB_SEARCH, &policy(&origin, "")).await;
    assert!(names().await.contains(&"web_search".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_search_found_is_read_without_asking_also_when_it_was_kept() {
    let mut case = Case::new().await;
    let (origin, asked) = engine().await;
    case.grant(WEB_SEARCH, &policy(&origin, "")).await;
    let private = "[limits]\nmemory = \"256 MiB\"\n[labels]\noutput = \"private\"\n";
    case.grant(PYTHON, private).await;
    // The second conversation is answered from what the first one's search found.
    for conversation in ["first", "second"] {
        a_private_conversation(&mut case).await;
        assert!(matches!(case.verdict(FOUND[0]).await, Verdict::Ask(_)));
        let result = case.run(WEB_SEARCH, json!({"query": "tides"})).await;
        assert_eq!(links(&result), FOUND, "{conversation}");
        assert_eq!(result.label, Some(Label::Public), "{conversation}");
        assert_eq!(asked.load(Ordering::SeqCst), 1, "{conversation}");
        for url in FOUND {
            assert!(
                matches!(case.verdict(url).await, Verdict::Free),
                "{conversation}: {url}"
            );
        }
        let made_up = format!("{}?q=the+private+thing", FOUND[0]);
        assert!(
            matches!(case.verdict(&made_up).await, Verdict::Ask(_)),
            "{conversation}"
        );
    }
    // Other words are another question; so are other settings.
    case.run(WEB_SEARCH, json!({"query": "low tides"})).await;
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    let fresh = policy(&origin, "CACHE_MINUTES = \"0\"");
    case.grant(WEB_SEARCH, &fresh).await;
    for count in [3, 4] {
        case.run(WEB_SEARCH, json!({"query": "tides"})).await;
        assert_eq!(asked.load(Ordering::SeqCst), count);
    }
    // A reader of pages is what the addresses are for; its policy is what says no here.
    let request = case.request(WEB_FETCH, json!({"url": FOUND[0]})).await;
    let read = case.call(request).await;
    assert!(
        !matches!(&read.outcome, ToolOutcome::Denied { capability, .. } if capability == "approval")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_blocks_a_site_and_is_asked_first() {
    let mut case = Case::new().await;
    let (origin, asked) = engine().await;
    case.grant(WEB_SEARCH, &policy(&origin, "")).await;
    let query = json!({"query": "tides"});
    let change = async |case: &Case, arguments: serde_json::Value, is_allowed: bool| {
        let mut request = case.request(WEB_SEARCH, arguments).await;
        let offered = case.app.app().tools.offered(&case.who).await.unwrap();
        let tool = offered.iter().find(|tool| tool.tool == "search_sites");
        request.tool = tool.expect("granted").clone();
        let Verdict::Ask(question) = case.app.app().tools.verdict(&request).await else {
            panic!("nobody is asked")
        };
        request.consent.allowance = is_allowed.then(|| question.allow());
        case.call(request).await
    };
    let block = json!({"action": "block", "site": "https://www.sea.example/"});
    let refused = change(&case, block.clone(), false).await;
    assert!(
        matches!(refused.outcome, ToolOutcome::Denied { .. }),
        "{refused:?}"
    );
    assert_eq!(links(&case.run(WEB_SEARCH, query.clone()).await), FOUND);

    let done = change(&case, block, true).await;
    assert_eq!(done.output[0].value, "Searches never show: sea.example");
    assert_eq!(
        links(&case.run(WEB_SEARCH, query.clone()).await),
        FOUND[..1]
    );
    change(
        &case,
        json!({"action": "only", "site": "sea.example"}),
        true,
    )
    .await;
    assert_eq!(
        links(&case.run(WEB_SEARCH, query.clone()).await),
        FOUND[1..]
    );
    change(
        &case,
        json!({"action": "forget", "site": "sea.example"}),
        true,
    )
    .await;
    assert_eq!(links(&case.run(WEB_SEARCH, query).await), FOUND);
    // What a person sees changes; what was kept does not.
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}
