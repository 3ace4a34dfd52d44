//! The corpus in `tests/hostile/`, read and served. The sandbox's tests include this file.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How long a server waits for more of a request before it answers.
const PAUSE: Duration = Duration::from_millis(150);

/// One file of the corpus; its README says what each field means.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    #[serde(skip)]
    pub(crate) name: String,
    pub(crate) about: String,
    pub(crate) url: String,
    #[serde(default)]
    pub(crate) scope: Scope,
    #[serde(default)]
    pub(crate) names: Option<Vec<Vec<String>>>,
    #[serde(default)]
    pub(crate) send: Vec<Step>,
    #[serde(default)]
    pub(crate) hold_ms: u64,
    #[serde(default)]
    pub(crate) secret: Option<String>,
    #[serde(default)]
    pub(crate) inject: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) headers: Vec<(String, String)>,
    #[serde(default)]
    pub(crate) body: Vec<String>,
    #[serde(default)]
    pub(crate) trailers: Vec<(String, String)>,
    pub(crate) expect: Expect,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Scope {
    Public,
    #[default]
    Loopback,
}

/// What a server writes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    #[serde(default)]
    pub(crate) text: Option<String>,
    #[serde(default)]
    pub(crate) hex: Option<String>,
    #[serde(default = "once")]
    pub(crate) times: usize,
    #[serde(default)]
    pub(crate) wait_ms: u64,
}

fn once() -> usize {
    1
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    #[serde(default)]
    pub(crate) egress: Option<String>,
    #[serde(default)]
    pub(crate) again: Option<String>,
    #[serde(default)]
    pub(crate) follow: Option<String>,
    pub(crate) guest: String,
    pub(crate) connections: usize,
    #[serde(default)]
    pub(crate) status: Option<u16>,
    #[serde(default)]
    pub(crate) body: Option<String>,
    #[serde(default)]
    pub(crate) body_bytes: Option<usize>,
    #[serde(default)]
    pub(crate) header: Option<String>,
    #[serde(default)]
    pub(crate) lacks_header: Option<String>,
    #[serde(default)]
    pub(crate) trailer: Option<String>,
    #[serde(default)]
    pub(crate) request_has: Option<String>,
    #[serde(default)]
    pub(crate) request_lacks: Option<String>,
    #[serde(default)]
    pub(crate) says: Option<String>,
}

/// All cases, by name.
pub(crate) fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = match folder.join("tests/hostile/README.md").exists() {
        true if folder.ends_with("egress") => folder.join("tests/hostile"),
        _ => folder.join("../egress/tests/hostile"),
    };
    let mut cases: Vec<Case> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let mut case: Case =
                toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            case.name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            check(&case);
            case
        })
        .collect();
    cases.sort_by(|one, other| one.name.cmp(&other.name));
    assert!(cases.len() >= 60, "{} cases", cases.len());
    cases
}

/// A case says what it is about and how it ends; what only a guest can send or see stands in cases
/// for guests.
fn check(case: &Case) {
    let (name, expect) = (&case.name, &case.expect);
    assert!(!case.about.is_empty(), "{name}");
    let outcomes = "ok failed denied refused limit-wall limit-http-bytes";
    assert!(
        outcomes.split(' ').any(|word| word == expect.guest),
        "{name}"
    );
    let is_for_guests = !case.inject.is_empty();
    let needs_none = [
        expect.again.is_some(),
        expect.follow.is_some(),
        expect.body_bytes.is_some(),
    ];
    assert!(!is_for_guests || needs_none == [false; 3], "{name}");
    assert_eq!(expect.egress.is_none(), is_for_guests, "{name}");
    assert!(is_for_guests || case.secret.is_none(), "{name}");
    assert!(
        is_for_guests || (case.headers.is_empty() && case.trailers.is_empty()),
        "{name}"
    );
    assert!(
        is_for_guests || (expect.says.is_none() && expect.lacks_header.is_none()),
        "{name}"
    );
}

/// What a case's server says, on a port of its own.
pub(crate) struct Server {
    pub(crate) port: u16,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<String>>,
}

impl Server {
    pub(crate) async fn of(case: &Case) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Server {
            port: listener.local_addr().unwrap().port(),
            connections: Arc::default(),
            requests: Arc::default(),
        };
        let case = Arc::new(case.clone());
        let connections = Arc::clone(&server.connections);
        let requests = Arc::clone(&server.requests);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, Arc::clone(&case), Arc::clone(&requests)));
            }
        });
        server
    }

    pub(crate) fn url(&self, case: &Case) -> String {
        case.url.replace("{port}", &self.port.to_string())
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Everything that was sent to it.
    pub(crate) fn requests(&self) -> String {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, case: Arc<Case>, requests: Arc<Mutex<String>>) {
    let mut buffer = [0; 4096];
    let mut has_head = false;
    // The head, and of a body what comes without a pause.
    loop {
        let read = match has_head && case.body.is_empty() {
            true => break,
            false => tokio::time::timeout(PAUSE, stream.read(&mut buffer)).await,
        };
        match read {
            Ok(Ok(read)) if read > 0 => {
                let mut requests = requests.lock().unwrap();
                requests.push_str(&String::from_utf8_lossy(&buffer[..read]));
                has_head = requests.contains("\r\n\r\n");
            }
            Err(_) if !has_head => {}
            _ => break,
        }
    }
    // What is not wanted any more ends the server's part, which is no failure.
    let _ = answer(&mut stream, &case).await;
}

async fn answer(stream: &mut TcpStream, case: &Case) -> std::io::Result<()> {
    for step in &case.send {
        let piece = match (&step.text, &step.hex) {
            (Some(text), None) => text.clone().into_bytes(),
            (None, Some(digits)) => hex::decode(digits).unwrap(),
            _ => panic!("{}: a step has `text` or `hex`", case.name),
        };
        if step.wait_ms == 0 {
            stream.write_all(&piece.repeat(step.times)).await?;
            continue;
        }
        for _ in 0..step.times {
            stream.write_all(&piece).await?;
            stream.flush().await?;
            tokio::time::sleep(Duration::from_millis(step.wait_ms)).await;
        }
    }
    tokio::time::sleep(Duration::from_millis(case.hold_ms)).await;
    stream.shutdown().await
}
