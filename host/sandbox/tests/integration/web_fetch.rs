//! The web-fetch tool against a site on loopback, which a policy opens for it.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use alcove_policies::Policy;
use alcove_sandbox::{Content, Outcome, Report};

use crate::support::{Bench, built, call};

const PAGE: &str = "<!DOCTYPE html><html><head><title>Tides</title></head><body><nav>Menu</nav>\
    <h1>Tides</h1><p>High water comes <b>twice</b> a day. <a href=\"/moon?a=1&amp;b=2\">The moon</a> \
    pulls.</p><script>alert(1)</script></body></html>";

/// Answers by path; the thread ends with the test's process.
fn site() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let path = path_of(&stream);
            let _ = stream.write_all(&answer(&path));
        }
    });
    port
}

/// The path that a request asks for.
fn path_of(stream: &TcpStream) -> String {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let first = lines.next().and_then(Result::ok).unwrap_or_default();
    // The head is read to its end, or closing the connection would break the answer off.
    for line in lines {
        if line.map_or(true, |line| line.is_empty()) {
            break;
        }
    }
    first.split(' ').nth(1).unwrap_or_default().to_owned()
}

fn answer(path: &str) -> Vec<u8> {
    let (status, headers, body): (&str, String, Vec<u8>) = match path {
        "/page" => ("200 OK", "content-type: text/html".into(), PAGE.into()),
        "/latin" => (
            "200 OK",
            "content-type: text/plain; charset=iso-8859-1".into(),
            b"caf\xe9".to_vec(),
        ),
        "/json" => (
            "200 OK",
            "content-type: application/json".into(),
            b"{\"a\": 1}".to_vec(),
        ),
        "/pdf" => (
            "200 OK",
            "content-type: application/pdf".into(),
            b"%PDF".to_vec(),
        ),
        "/long" => (
            "200 OK",
            "content-type: text/plain".into(),
            "0123456789".repeat(300_000).into(),
        ),
        "/away" => (
            "302 Found",
            "location: http://169.254.169.254/latest/meta-data".into(),
            Vec::new(),
        ),
        "/busy" => ("429 Too Many Requests", "retry-after: 7".into(), Vec::new()),
        other => match other
            .strip_prefix("/hop/")
            .and_then(|hops| hops.parse::<u32>().ok())
        {
            Some(0) => ("301 Moved", "location: /page".into(), Vec::new()),
            Some(hops) => ("302 Found", format!("location: {}", hops - 1), Vec::new()),
            None => (
                "404 Not Found",
                "content-type: text/html".into(),
                Vec::new(),
            ),
        },
    };
    let mut answer = format!(
        "HTTP/1.1 {status}\r\n{headers}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    )
    .into_bytes();
    answer.extend(body);
    answer
}

fn failure(report: &Report) -> &str {
    match &report.outcome {
        Outcome::Failed(failure) => &failure.kind,
        other => panic!("not a failure: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_becomes_markdown_and_every_refusal_has_a_kind() {
    let bench = Bench::new();
    let tool = bench.load(&built("web-fetch.wasm")).await.unwrap();
    let port = site();
    let open = Policy::parse(&format!(
        "version = 1\nplugin = \"alcove/web-fetch\"\n[limits]\ncpu = \"5 s\"\n[[http]]\n\
         origin = \"http://127.0.0.1:{port}\"\naddresses = [\"127.0.0.1/32\"]\n"
    ))
    .unwrap();
    let fetch = async |path: &str, part: u32| {
        let arguments = serde_json::json!({
            "url": format!("http://127.0.0.1:{port}{path}"), "part": part,
        });
        bench
            .sandbox
            .call(&tool, call(&open, "web_fetch", &arguments.to_string()))
            .await
    };
    let last = |report: &Report| match &report.outcome {
        Outcome::Ok(parts) => match &parts.last().unwrap().content {
            Content::Text(text) => text.clone(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };

    for path in ["/page", "/hop/0", "/hop/4"] {
        let report = fetch(path, 1).await;
        let Outcome::Ok(parts) = &report.outcome else {
            panic!("{path}: {:?}", report.outcome);
        };
        assert!(
            matches!(&parts[0].content, Content::Link { title, url }
                if title == "Tides" && *url == format!("http://127.0.0.1:{port}/page")),
            "{parts:?}"
        );
        assert_eq!(
            last(&report),
            format!(
                "# Tides\n\nHigh water comes **twice** a day. \
                 [The moon](http://127.0.0.1:{port}/moon?a=1&b=2) pulls."
            )
        );
    }
    assert_eq!(failure(&fetch("/hop/5", 1).await), "upstream");
    assert_eq!(last(&fetch("/latin", 1).await), "café");
    assert_eq!(last(&fetch("/json", 1).await), "- **a**: 1");
    assert_eq!(failure(&fetch("/pdf", 1).await), "unavailable");
    assert_eq!(failure(&fetch("/nothing", 1).await), "not-found");
    assert_eq!(failure(&fetch("/busy", 1).await), "rate-limited");

    let head = |report: &Report| match &report.outcome {
        Outcome::Ok(parts) => match &parts[1].content {
            Content::Text(text) => text.clone(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    let first = head(&fetch("/long", 1).await);
    assert!(
        first.contains("longer than 2 MiB") && first.contains("[Part 1 of "),
        "{first}"
    );
    assert!(head(&fetch("/long", 2).await).contains("[Part 2 of "));
    let beyond = head(&fetch("/long", 9_999).await);
    let (_, parts) = beyond.split_once("[Part ").unwrap();
    let (part, of) = parts.split_once(" of ").unwrap();
    assert!(of.starts_with(&format!("{part}.")), "{beyond}");

    // A redirect is a request of its own: the policy is asked again, and says no.
    let away = fetch("/away", 1).await;
    assert!(
        matches!(away.outcome, Outcome::Denied(_)),
        "{:?}",
        away.outcome
    );

    // Without the grant nothing is sent.
    let nothing = Policy::nothing("alcove/web-fetch").unwrap();
    let arguments = format!("{{\"url\":\"http://127.0.0.1:{port}/page\"}}");
    let report = bench
        .sandbox
        .call(&tool, call(&nothing, "web_fetch", &arguments))
        .await;
    match &report.outcome {
        Outcome::Denied(denial) => assert_eq!(denial.capability, "http"),
        other => panic!("{other:?}"),
    }
}

/// A site with rules, and a count of how often each path was asked for.
fn site_with_rules(rules: &'static str) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let path = path_of(&stream);
            log.lock().unwrap().push(path.clone());
            let _ = stream.write_all(&match path.as_str() {
                "/robots.txt" => rules.as_bytes().to_vec(),
                path => answer(path),
            });
        }
    });
    (port, asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_site_asks_of_automatic_readers_is_heeded() {
    let bench = Bench::new();
    let tool = bench.load(&built("web-fetch.wasm")).await.unwrap();
    let fetch = async |port: u16, path: &str, grant: &str| {
        let policy = Policy::parse(&format!(
            "version = 1\nplugin = \"alcove/web-fetch\"\n[[http]]\n\
             origin = \"http://127.0.0.1:{port}\"\naddresses = [\"127.0.0.1/32\"]\n{grant}"
        ))
        .unwrap();
        let arguments = serde_json::json!({"url": format!("http://127.0.0.1:{port}{path}")});
        bench
            .sandbox
            .call(&tool, call(&policy, "web_fetch", &arguments.to_string()))
            .await
    };
    let rules = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n\
                 User-agent: *\nDisallow: /\n\nUser-agent: Alcove-web-fetch\nDisallow: /latin\nDisallow: /hop/";
    let (port, asked) = site_with_rules(rules);
    assert!(matches!(
        fetch(port, "/page", "").await.outcome,
        Outcome::Ok(_)
    ));
    let refused = fetch(port, "/latin", "").await;
    let Outcome::Failed(why) = &refused.outcome else {
        panic!("{:?}", refused.outcome);
    };
    assert!(why.message.contains("robots.txt"), "{why:?}");
    assert_eq!(
        *asked.lock().unwrap(),
        ["/robots.txt", "/page", "/robots.txt"],
        "what is not to be read is not asked for"
    );
    // Where the admin opened these paths alone, the rules can't be read, and what may be is said.
    let paths = "paths = [\"/latin\"]\n";
    assert!(matches!(
        fetch(port, "/latin", paths).await.outcome,
        Outcome::Ok(_)
    ));

    let (port, asked) = site_with_rules(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    );
    let report = fetch(port, "/page", "").await;
    assert_eq!(failure(&report), "unavailable");
    assert_eq!(*asked.lock().unwrap(), ["/robots.txt"]);

    // Several steps within a site ask once; the rules hold for every step.
    let nothing = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let (port, asked) = site_with_rules(nothing);
    assert!(matches!(
        fetch(port, "/hop/1", "").await.outcome,
        Outcome::Ok(_)
    ));
    assert_eq!(
        *asked.lock().unwrap(),
        ["/robots.txt", "/hop/1", "/hop/0", "/page"]
    );
}
