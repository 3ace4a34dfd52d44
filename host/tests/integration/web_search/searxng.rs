//! A real SearXNG server over a real corpus: the full text of Debian's handbook, served and
//! indexed by Kiwix. `cargo xtask test` installs them and makes the index.

use std::path::{Path, PathBuf};
use std::time::Duration;

use alcove::tools::Verdict;
use alcove_api_types::{Label, ToolOutcome};
use serde_json::json;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::{PYTHON, WEB_FETCH, WEB_SEARCH, a_private_conversation, links, policy};
use crate::flow::Case;

const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// Both servers; they end with it.
struct Searxng {
    origin: String,
    pages: String,
    _children: [Child; 2],
    _folder: TempDir,
}

/// What `cargo xtask test` keeps in the user's cache.
fn kept(name: &str) -> PathBuf {
    let cache = match std::env::var_os("XDG_CACHE_HOME").filter(|folder| !folder.is_empty()) {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(&std::env::var_os("HOME").expect("a home folder")).join(".cache"),
    };
    let path = cache.join("alcove/search").join(name);
    assert!(
        path.exists(),
        "{} is not there: `cargo xtask test` makes it",
        path.display()
    );
    path
}

/// A port that was free a moment ago: neither server can say which one it chose.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

async fn wait_for(port: u16) {
    let is_up = async {
        while tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .is_err()
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(STARTS_WITHIN, is_up)
        .await
        .expect("the server starts");
}

impl Searxng {
    async fn start() -> Searxng {
        let folder = tempfile::tempdir().unwrap();
        let quiet = |command: &mut Command| {
            let log = std::fs::File::create(folder.path().join("log")).unwrap();
            command
                .kill_on_drop(true)
                .stdout(log.try_clone().unwrap())
                .stderr(log)
                .spawn()
                .unwrap()
        };
        let (kiwix_port, port) = (free_port(), free_port());
        let kiwix = quiet(
            Command::new("kiwix-serve")
                .args(["--address", "127.0.0.1", "--port", &kiwix_port.to_string()])
                .arg(kept("handbook.zim")),
        );
        let pages = format!("http://127.0.0.1:{kiwix_port}");
        let settings = include_str!("../../search/settings.yml")
            .replace("KIWIX", &pages)
            .replace("PORT", &port.to_string());
        let file = folder.path().join("settings.yml");
        std::fs::write(&file, settings).unwrap();
        let searxng = quiet(
            Command::new(kept("python/bin/python"))
                .args(["-m", "searx.webapp"])
                .env("SEARXNG_SETTINGS_PATH", file),
        );
        wait_for(kiwix_port).await;
        wait_for(port).await;
        Searxng {
            origin: format!("http://127.0.0.1:{port}"),
            pages,
            _children: [kiwix, searxng],
            _folder: folder,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_found_by_a_real_searxng_and_read_without_asking() {
    let server = Searxng::start().await;
    let mut case = Case::new().await;
    case.grant(WEB_SEARCH, &policy(&server.origin, "")).await;
    let private = "[limits]\nmemory = \"256 MiB\"\n[labels]\noutput = \"private\"\n";
    case.grant(PYTHON, private).await;
    case.grant(
        WEB_FETCH,
        &format!(
            "[limits]\nmemory = \"128 MiB\"\ncpu = \"5 s\"\n[[http]]\norigin = \"{}\"\n\
             addresses = [\"127.0.0.1/32\"]\n[[http]]\nnetwork = \"public\"\n",
            server.pages
        ),
    )
    .await;
    a_private_conversation(&mut case).await;
    let query = json!({"query": "preseed installer debconf", "count": 3});
    let found = case.run(WEB_SEARCH, query).await;
    assert_eq!(found.label, Some(Label::Public), "{found:?}");
    let links = links(&found);
    let page = links
        .iter()
        .find(|url| url.ends_with("/sect.automated-installation.html"))
        .unwrap_or_else(|| panic!("{links:?}"));
    let text = &found.output[0].value;
    assert!(
        text.contains("(handbook)") && text.contains("Automated Installation"),
        "{text}"
    );

    assert!(matches!(case.verdict(page).await, Verdict::Free));
    let made_up = format!("{page}?about=me");
    assert!(matches!(case.verdict(&made_up).await, Verdict::Ask(_)));
    let read = case.request(WEB_FETCH, json!({"url": page})).await;
    let read = case.call(read).await;
    assert_eq!(read.outcome, ToolOutcome::Ok, "{read:?}");
    assert!(
        read.output
            .iter()
            .any(|part| part.value.contains("Falcot Corp"))
    );

    let nothing = json!({"query": "zyxxyqqwv"});
    let nothing = case.run(WEB_SEARCH, nothing).await;
    assert!(
        nothing.output[0]
            .value
            .starts_with("No results for: zyxxyqqwv"),
        "{nothing:?}"
    );
}
