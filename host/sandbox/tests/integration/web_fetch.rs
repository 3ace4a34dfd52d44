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
        other if other.starts_with("/to/") => (
            "302 Found",
            format!("location: http://127.0.0.1:{}", &other["/to/".len()..]),
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

const NO_RULES: &str = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// The answer that holds these rules.
fn rules(text: &str) -> String {
    let length = text.len();
    format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{text}")
}

/// A site that answers so when it is asked for its `/robots.txt`, and the paths it was asked for.
fn site_with(robots: impl Into<String>) -> (u16, Arc<Mutex<Vec<String>>>) {
    let robots = robots.into();
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
                "/robots.txt" => robots.clone().into_bytes(),
                path => answer(path),
            });
        }
    });
    (port, asked)
}

/// Reads an address of the first of these ports, where a policy opens all of them.
async fn fetch(ports: &[u16], path: &str, narrowed: &str) -> Report {
    let bench = Bench::new();
    let tool = bench.load(&built("web-fetch.wasm")).await.unwrap();
    let grants: String = ports
        .iter()
        .map(|port| {
            format!(
                "[[http]]\norigin = \"http://127.0.0.1:{port}\"\n\
                 addresses = [\"127.0.0.1/32\"]\n{narrowed}"
            )
        })
        .collect();
    let policy = Policy::parse(&format!(
        "version = 1\nplugin = \"alcove/web-fetch\"\n[limits]\ncpu = \"5 s\"\n{grants}"
    ))
    .unwrap();
    let arguments = serde_json::json!({"url": format!("http://127.0.0.1:{}{path}", ports[0])});
    bench
        .sandbox
        .call(&tool, call(&policy, "web_fetch", &arguments.to_string()))
        .await
}

#[track_caller]
fn assert_read(report: &Report) {
    assert!(
        matches!(report.outcome, Outcome::Ok(_)),
        "{:?}",
        report.outcome
    );
}

/// The kind and the words of a failure that names the site's rules.
#[track_caller]
fn refused(report: &Report) -> (&str, &str) {
    let Outcome::Failed(why) = &report.outcome else {
        panic!("{:?}", report.outcome);
    };
    assert!(why.message.contains("robots.txt"), "{why:?}");
    (&why.kind, &why.message)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_site_asks_of_automatic_readers_is_heeded() {
    let general = rules("User-agent: *\nDisallow: /\nAllow: /page$\n");
    let (port, asked) = site_with(general);
    assert_read(&fetch(&[port], "/page", "").await);
    let report = fetch(&[port], "/latin", "").await;
    assert_eq!(refused(&report).0, "denied");
    assert_eq!(
        *asked.lock().unwrap(),
        ["/robots.txt", "/page", "/robots.txt"],
        "what is not to be read is not asked for"
    );
    let own = rules("User-agent: *\nDisallow: /\n\nUser-agent: alcove-web-fetch\nDisallow: /latin");
    let (port, _) = site_with(own);
    assert_read(&fetch(&[port], "/page", "").await);
    assert_eq!(
        refused(&fetch(&[port], "/latin", "").await).0,
        "denied",
        "also without a new line at the end"
    );
    // Where the admin opened these paths alone, the rules can't be read, and what may be is said.
    let paths = "paths = [\"/latin\", \"/nothing\"]\n";
    assert_read(&fetch(&[port], "/latin", paths).await);
    let report = fetch(&[port], "/nothing", paths).await;
    assert_eq!(failure(&report), "not-found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_cannot_say_what_it_asks_is_not_read() {
    let (port, asked) = site_with(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    );
    let report = fetch(&[port], "/page", "").await;
    assert_eq!(
        refused(&report),
        (
            "unavailable",
            "the site's robots.txt could not be read (status 503), which counts as a no; \
             try again later"
        )
    );
    assert_eq!(*asked.lock().unwrap(), ["/robots.txt"]);
    // Cut short, compressed, and no HTTP at all.
    for robots in [
        "HTTP/1.1 200 OK\r\ncontent-length: 99\r\nconnection: close\r\n\r\nUser-agent: *\n",
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        "nothing",
    ] {
        let (port, asked) = site_with(robots);
        let report = fetch(&[port], "/page", "").await;
        assert_eq!(refused(&report).0, "unavailable", "{robots}");
        assert_eq!(*asked.lock().unwrap(), ["/robots.txt"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_site_on_the_way_is_asked_once() {
    // Several steps within a site ask once.
    let (port, asked) = site_with(NO_RULES);
    assert_read(&fetch(&[port], "/hop/1", "").await);
    assert_eq!(
        *asked.lock().unwrap(),
        ["/robots.txt", "/hop/1", "/hop/0", "/page"]
    );
    // The rules hold for every step of the way, and another site has its own.
    let (here, _) = site_with(rules("User-agent: *\nDisallow: /page"));
    assert_eq!(refused(&fetch(&[here], "/hop/0", "").await).0, "denied");
    let (there, asked) = site_with(rules("User-agent: *\nDisallow: /page"));
    let ports = [port, there];
    let report = fetch(&ports, &format!("/to/{there}/page"), "").await;
    assert_eq!(refused(&report).0, "denied");
    assert_read(&fetch(&ports, &format!("/to/{there}/latin"), "").await);
    assert_eq!(
        *asked.lock().unwrap(),
        ["/robots.txt", "/robots.txt", "/latin"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_moved_are_followed() {
    let moved = |to: &str| {
        format!(
            "HTTP/1.1 301 Moved\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        )
    };
    let (there, _) = site_with(rules("User-agent: *\nDisallow: /page"));
    let (here, _) = site_with(moved(&format!("http://127.0.0.1:{there}/robots.txt")));
    let ports = [here, there];
    assert_eq!(refused(&fetch(&ports, "/page", "").await).0, "denied");
    assert_read(&fetch(&ports, "/latin", "").await);
    // In a circle: that is as if there were none.
    let (port, asked) = site_with(moved("/robots.txt"));
    assert_read(&fetch(&[port], "/page", "").await);
    assert_eq!(asked.lock().unwrap().len(), 7);
}
