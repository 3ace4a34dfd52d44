//! Tool calls below the API: real components, real policies, branches, revocation.

mod charts;
mod documents;
mod files;
mod grants;
mod meshes;
mod narrowed;
mod network;
mod repositories;
mod sessions;
mod test_runner;

pub(crate) use narrowed::with_key;
pub(crate) use network::page;

use std::sync::Arc;
use std::time::{Duration, Instant};

use alcove::accounts::Principal;
use alcove::app::App;
use alcove::tools::{
    Consent, NOTE_TITLE, OfferedTool, PriorCall, ToolRequest, ToolResult, ToolsError,
};
use alcove::workspaces::Place;
use alcove_api_types::{CreateBinding, Explain, Label, SetCeiling, ToolOutcome};
use alcove_core::ids::{BranchId, ConversationId, ItemId};
use serde_json::{Value, json};
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

    fn place(&self) -> Place {
        Place {
            conversation: self.conversation,
            branch: BranchId::generate(),
        }
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
            place: Some(self.place()),
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
            place: Some(self.place()),
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

/// What code that raised printed, with its error.
#[track_caller]
fn raised(result: &ToolResult) -> &str {
    match &result.outcome {
        ToolOutcome::Failed { failure, message } if failure == "raised" => message,
        _ => panic!("{result:?}"),
    }
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
        place: None,
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
