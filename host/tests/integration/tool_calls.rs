//! Tool calls below the API: real components, real policies, branches, revocation.

mod grants;

use std::sync::Arc;
use std::time::{Duration, Instant};

use alcove::accounts::Principal;
use alcove::app::App;
use alcove::tools::{
    Consent, NOTE_TITLE, OfferedTool, PriorCall, ToolRequest, ToolResult, ToolsError,
};
use alcove_api_types::{CreateBinding, Explain, Label, SetCeiling, ToolOutcome};
use alcove_core::ids::{ConversationId, ItemId};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::app::{TestApp, until_leases_held};

const PYTHON: &str = "alcove/python";
const WEB_FETCH: &str = "alcove/web-fetch";

/// A path of calls in one conversation.
#[derive(Clone)]
struct Path {
    app: Arc<App>,
    who: Principal,
    conversation: ConversationId,
    calls: Vec<PriorCall>,
}

impl Path {
    async fn new(app: &TestApp) -> Path {
        Path {
            app: Arc::clone(app.app()),
            who: app.app().accounts.local_principal().await.unwrap(),
            conversation: ConversationId::generate(),
            calls: Vec::new(),
        }
    }

    async fn tool(&self, plugin: &str) -> OfferedTool {
        let offered = self.app.tools.offered(&self.who).await.unwrap();
        offered
            .iter()
            .find(|tool| tool.plugin == plugin)
            .cloned()
            .expect("a granted tool")
    }

    async fn call_of(
        &self,
        plugin: &str,
        arguments: Value,
        cancel: CancellationToken,
    ) -> (ItemId, OfferedTool, ToolResult) {
        let tool = self.tool(plugin).await;
        let item = ItemId::generate();
        let request = ToolRequest {
            principal: self.who.clone(),
            conversation: Some(self.conversation),
            item,
            prior: self.calls.clone(),
            tool: tool.clone(),
            arguments,
            consent: Consent::default(),
        };
        let (progress, _watched) = mpsc::channel(8);
        (
            item,
            tool,
            self.app.tools.call(request, cancel, progress).await,
        )
    }

    /// A call of a tool as it was offered at some time.
    async fn call_with(&self, tool: OfferedTool, arguments: Value) -> ToolResult {
        let request = ToolRequest {
            principal: self.who.clone(),
            conversation: Some(self.conversation),
            item: ItemId::generate(),
            prior: Vec::new(),
            tool,
            arguments,
            consent: Consent::default(),
        };
        let (progress, _watched) = mpsc::channel(8);
        let cancel = CancellationToken::new();
        self.app.tools.call(request, cancel, progress).await
    }

    /// Runs code, and puts the call on the path.
    async fn python(&mut self, code: &str) -> ToolResult {
        self.python_until(code, CancellationToken::new()).await
    }

    async fn python_until(&mut self, code: &str, cancel: CancellationToken) -> ToolResult {
        let (item, tool, result) = self.call_of(PYTHON, json!({"code": code}), cancel).await;
        self.calls.push(PriorCall {
            item,
            plugin: tool.plugin,
            digest: tool.digest,
            tool: tool.tool,
            arguments: result.arguments_canonical.clone(),
            outcome: result.outcome.clone(),
            output: result.output.clone(),
            record: result.record.clone(),
        });
        result
    }

    async fn fetch(&self, url: &str) -> ToolResult {
        let cancel = CancellationToken::new();
        self.call_of(WEB_FETCH, json!({"url": url}), cancel).await.2
    }

    async fn grant(&self, plugin: &str, policy: &str) {
        let create = CreateBinding {
            plugin: plugin.to_owned(),
            principal: "everyone".to_owned(),
            policy: Some(policy.to_owned()),
            beyond_request: true,
            ..CreateBinding::default()
        };
        self.app.tools.grant(create, &self.who).await.unwrap();
    }
}

/// What the tool itself printed.
fn printed(result: &ToolResult) -> String {
    let own = result
        .output
        .iter()
        .filter(|part| part.title.as_deref() != Some(NOTE_TITLE));
    own.map(|part| part.value.trim())
        .collect::<Vec<_>>()
        .join("\n")
}

fn notes(result: &ToolResult) -> Vec<&str> {
    let notes = result
        .output
        .iter()
        .filter(|part| part.title.as_deref() == Some(NOTE_TITLE));
    notes.map(|part| part.value.as_str()).collect()
}

#[track_caller]
fn assert_printed(result: &ToolResult, text: &str) {
    assert_eq!(result.outcome, ToolOutcome::Ok, "{result:?}");
    assert_eq!(printed(result), text);
}

#[tokio::test(flavor = "multi_thread")]
async fn python_computes_and_says_what_it_used() {
    let app = TestApp::start().await;
    let mut path = Path::new(&app).await;
    let result = path.python("2**200 + 7").await;
    assert_printed(
        &result,
        "1606938044258990275541962092341162602522202993782792835301383",
    );
    assert_eq!(result.arguments_canonical, r#"{"code":"2**200 + 7"}"#);
    assert!(
        result.usage.wall_us > 0 && result.usage.peak_memory_bytes > 1 << 20,
        "{:?}",
        result.usage
    );
    assert!(path.app.log.verify_audit().await.unwrap() >= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_live_on_one_path_and_forks_never_meet() {
    let app = TestApp::start().await;
    let mut trunk = Path::new(&app).await;
    assert_printed(
        &trunk
            .python("import random\nx = 1\nr = random.random()\nr")
            .await,
        &{
            let first = trunk.calls[0].output.clone();
            first
                .iter()
                .map(|part| part.value.trim().to_owned())
                .collect::<Vec<_>>()
                .join("\n")
        },
    );
    let drawn = printed_of(&trunk.calls[0]);
    let mut fork = trunk.clone();
    // The trunk takes the living instance; the fork finds none and makes one of its own.
    trunk.python("x += 10\ny = 'trunk'").await;
    let result = fork.python("x += 100\nprint(x, r, 'y' in globals())").await;
    assert_printed(&result, &format!("101 {drawn} False"));
    assert_eq!(
        notes(&result),
        [""; 0],
        "restored exactly, with the same random number"
    );
    assert_printed(
        &trunk.python("print(x, r, y)").await,
        &format!("11 {drawn} trunk"),
    );
    assert_printed(&fork.python("x").await, "101");
    // Another conversation begins with nothing.
    let mut other = Path::new(&app).await;
    assert_printed(&other.python("'x' in globals()").await, "False");
}

fn printed_of(call: &PriorCall) -> String {
    call.output
        .iter()
        .map(|part| part.value.trim())
        .collect::<Vec<_>>()
        .join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_cell_is_left_out_and_told() {
    let app = TestApp::start().await;
    let mut path = Path::new(&app).await;
    path.python("kept = 'yes'").await;
    let cancel = CancellationToken::new();
    let stopping = cancel.clone();
    let running = Arc::clone(app.app());
    tokio::spawn(async move {
        until_leases_held(&running, 1).await;
        stopping.cancel();
    });
    let began = Instant::now();
    let result = path
        .python_until("lost = 'no'\nwhile True: pass", cancel)
        .await;
    assert!(
        matches!(&result.outcome, ToolOutcome::Limit { limit, .. } if limit == "stopped"),
        "{result:?}"
    );
    assert!(began.elapsed() < Duration::from_secs(10));
    let result = path.python("print(kept, 'lost' in globals())").await;
    assert_printed(&result, "yes False");
    assert!(
        notes(&result)[0].contains("1 earlier call had been stopped"),
        "{result:?}"
    );
    // Told once: the instance that was made lives on.
    assert_eq!(notes(&path.python("kept").await), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_that_do_not_fit_never_reach_the_component() {
    let app = TestApp::start().await;
    let mut path = Path::new(&app).await;
    path.python("x = 5").await;
    let (item, tool, result) = path
        .call_of(PYTHON, json!({"code": 7}), CancellationToken::new())
        .await;
    assert!(
        matches!(&result.outcome, ToolOutcome::Failed { failure, .. } if failure == "invalid-input"),
        "{result:?}"
    );
    path.calls.push(PriorCall {
        item,
        plugin: tool.plugin,
        digest: tool.digest,
        tool: tool.tool,
        arguments: result.arguments_canonical.clone(),
        outcome: result.outcome.clone(),
        output: result.output.clone(),
        record: result.record.clone(),
    });
    let result = path.python("x").await;
    assert_printed(&result, "5");
    assert_eq!(notes(&result), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn revoking_stops_what_runs_and_says_how_much() {
    let app = TestApp::start().await;
    let mut path = Path::new(&app).await;
    // Compiling is not part of what is timed.
    path.python("1").await;
    let offered = path.tool(PYTHON).await;
    let mut running = path.clone();
    let call = tokio::spawn(async move { running.python("while True: pass").await });
    app.until_leases_held(1).await;
    let began = Instant::now();
    let revoked = path.app.tools.revoke(PYTHON, &path.who).await.unwrap();
    let result = call.await.unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(revoked.stopped_calls, 1);
    assert!(
        matches!(&result.outcome, ToolOutcome::Limit { limit, .. } if limit == "revoked"),
        "{result:?}"
    );

    // What was offered before is refused now.
    let request = ToolRequest {
        principal: path.who.clone(),
        conversation: None,
        item: ItemId::generate(),
        prior: Vec::new(),
        tool: offered,
        arguments: json!({"code": "1"}),
        consent: Consent::default(),
    };
    let (progress, _watched) = mpsc::channel(1);
    let result = path
        .app
        .tools
        .call(request, CancellationToken::new(), progress)
        .await;
    assert!(
        matches!(&result.outcome, ToolOutcome::Denied { message, .. } if message.contains("alcove grant")),
        "{result:?}"
    );
    let offered = path.app.tools.offered(&path.who).await.unwrap();
    assert!(offered.iter().all(|tool| tool.plugin != PYTHON));
    let again = path.app.tools.revoke(PYTHON, &path.who).await.unwrap_err();
    assert!(matches!(again, ToolsError::NotFound { .. }), "{again}");
}

/// A page on this machine; answers how often it was asked for.
pub(crate) async fn page() -> (String, Arc<std::sync::atomic::AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let mut request = vec![0; 4096];
            let _ = stream.read(&mut request).await;
            let body = "<html><head><title>Tides</title></head><body><main><h1>Tides</h1><p>High water at noon, as every <a href=\"/tables\">table</a> says.</p></main></body></html>";
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (url, asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_on_this_machine_needs_its_address_in_the_policy() {
    let app = TestApp::start().await;
    let path = Path::new(&app).await;
    let (origin, asked) = page().await;
    let url = format!("{origin}/tides");

    // Under the default policy, any public host, the address is refused before it is connected.
    let result = path.fetch(&url).await;
    let ToolOutcome::Denied {
        capability,
        message,
    } = &result.outcome
    else {
        panic!("{result:?}");
    };
    assert_eq!(capability, "http");
    assert!(message.contains("127.0.0.1"), "{message}");
    assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), 0);

    let open = format!(
        "version = 1\nplugin = \"{WEB_FETCH}\"\n\n[[http]]\norigin = \"{origin}\"\naddresses = [\"127.0.0.1/32\"]\nmethods = [\"GET\"]\npaths = [\"/tides\"]\n"
    );
    path.grant(WEB_FETCH, &open).await;
    let result = path.fetch(&url).await;
    assert_eq!(result.outcome, ToolOutcome::Ok, "{result:?}");
    let text = printed(&result);
    assert!(
        text.contains("High water at noon") && !text.contains("<p>"),
        "{text}"
    );
    assert_eq!(result.record.http.len(), 1);
    // Another path of the same origin is not in it.
    let result = path.fetch(&format!("{origin}/other")).await;
    assert!(
        matches!(result.outcome, ToolOutcome::Denied { .. }),
        "{result:?}"
    );
    assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), 1);
}

/// A page that repeats the whole request; answers with what was sent to it.
async fn mirror() -> (String, Arc<std::sync::Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let sent = Arc::new(std::sync::Mutex::new(String::new()));
    let seen = Arc::clone(&sent);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            let read = stream.read(&mut request).await.unwrap_or(0);
            let text = String::from_utf8_lossy(&request[..read]).into_owned();
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n{text}",
                text.len()
            );
            seen.lock().unwrap().push_str(&text);
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (origin, sent)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_reaches_the_server_and_never_the_tool() {
    const SECRET: &str = "key-0123456789-abcdef";
    let app = TestApp::start().await;
    let path = Path::new(&app).await;
    let (origin, sent) = mirror().await;
    let url = format!("{origin}/page");
    path.grant(WEB_FETCH, &format!(
        "version = 1\nplugin = \"{WEB_FETCH}\"\n\n[[http]]\norigin = \"{origin}\"\naddresses = [\"127.0.0.1/32\"]\ninject = {{ header = \"X-Key\", value = \"{{secret:page-key}}\" }}\n"
    )).await;

    // Not set: a refusal that says how to set it, and nothing is sent.
    let result = path.fetch(&url).await;
    assert!(
        matches!(&result.outcome, ToolOutcome::Denied { message, .. } if message.contains("alcove secret set page-key")),
        "{result:?}"
    );
    assert_eq!(*sent.lock().unwrap(), "");

    let secrets = &path.app.secrets;
    let scope = alcove_api_types::SecretScope::Organisation;
    let value = alcove::config::Secret::new(SECRET);
    secrets
        .set(&path.who, scope, "page-key", &value)
        .await
        .unwrap();
    let result = path.fetch(&url).await;
    assert_eq!(result.outcome, ToolOutcome::Ok, "{result:?}");
    let sent = sent.lock().unwrap().clone();
    assert!(sent.contains(&format!("x-key: {SECRET}\r\n")), "{sent}");
    let seen = format!("{result:?}");
    assert!(
        !seen.contains(SECRET) && seen.contains("*********************"),
        "{seen}"
    );
    assert!(seen.contains("header x-key = {secret:page-key}"), "{seen}");

    // Removed: refused again with the next call.
    secrets.remove(&path.who, scope, "page-key").await.unwrap();
    let result = path.fetch(&url).await;
    assert!(
        matches!(result.outcome, ToolOutcome::Denied { .. }),
        "{result:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_revoked_stays_revoked_over_a_restart() {
    let mut app = TestApp::start().await;
    let path = Path::new(&app).await;
    path.app.tools.revoke(PYTHON, &path.who).await.unwrap();
    drop(path);
    app.restart().await;
    let path = Path::new(&app).await;
    let offered = path.app.tools.offered(&path.who).await.unwrap();
    assert!(offered.iter().all(|tool| tool.plugin != PYTHON) && !offered.is_empty());
    drop(path);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_from_a_folder_waits_for_its_grant() {
    let app = TestApp::start().await;
    let path = Path::new(&app).await;
    let echo =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/dist/fixtures/echo.wasm");
    let plugin = path.app.tools.install(&echo, false).await.unwrap();
    assert!(plugin.id.starts_with("local/"), "{}", plugin.id);
    let offered = path.app.tools.offered(&path.who).await.unwrap();
    assert!(offered.iter().all(|tool| tool.plugin != plugin.id));
    let create = CreateBinding {
        plugin: plugin.id.clone(),
        principal: "everyone".to_owned(),
        ..CreateBinding::default()
    };
    path.app.tools.grant(create, &path.who).await.unwrap();
    let (_, tool, result) = path
        .call_of(
            &plugin.id,
            json!({"text": "hello"}),
            CancellationToken::new(),
        )
        .await;
    assert_eq!(printed(&result), "hello", "{result:?}");
    assert!(
        tool.badges
            .iter()
            .any(|badge| badge.text.contains("network")),
        "{:?}",
        tool.badges
    );
    let error = path.app.tools.remove(&plugin.id).await.unwrap_err();
    assert!(matches!(error, ToolsError::Conflict { .. }), "{error}");
    path.app.tools.revoke(&plugin.id, &path.who).await.unwrap();
    path.app.tools.remove(&plugin.id).await.unwrap();
    assert!(matches!(
        path.app.tools.inspect(&plugin.id).await,
        Err(ToolsError::NotFound { .. })
    ));
}
