//! Tool calls below the API: real components, real policies, branches, revocation.

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

use crate::app::TestApp;

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
            .into_iter()
            .find(|tool| tool.plugin == plugin)
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
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
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
    tokio::time::sleep(Duration::from_millis(500)).await;
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
async fn grants_of_one_person_join_under_the_ceiling() {
    let app = TestApp::start().await;
    let mut path = Path::new(&app).await;
    let everyone = path.tool(PYTHON).await.binding;
    let grant = |principal: String, cpu: &str| CreateBinding {
        plugin: PYTHON.to_owned(),
        principal,
        policy: Some(format!(
            "version = 1\nplugin = \"{PYTHON}\"\n[limits]\nmemory = \"256 MiB\"\ncpu = \"{cpu}\"\n"
        )),
        reason: "a test".to_owned(),
        ..CreateBinding::default()
    };
    let own = format!("user:{}", path.who.username);
    let first = path
        .app
        .tools
        .grant(grant(own.clone(), "200 ms"), &path.who)
        .await
        .unwrap();
    assert_eq!(path.tool(PYTHON).await.binding.to_string(), first.id);
    // The grant to everyone is as generous as before, so a second of computing is within it.
    let busy = "import time\nend = time.process_time() + 0.5\nwhile time.process_time() < end: pass\nprint('done')";
    let result = path.python(busy).await;
    assert_printed(&result, "done");

    // The ceiling is above all of them, and calls under the old one end.
    let ceiling = "version = 1\n[limits]\ncpu = \"100 ms\"\n";
    let set = SetCeiling {
        policy: ceiling.to_owned(),
        reason: "a test".to_owned(),
    };
    path.app.tools.set_ceiling(set, &path.who).await.unwrap();
    let result = path.python("while True: pass").await;
    assert!(
        matches!(&result.outcome, ToolOutcome::Limit { limit, .. } if limit == "cpu"),
        "{result:?}"
    );
    assert_eq!(path.app.tools.ceiling().await.unwrap().policy, ceiling);
    let deny = SetCeiling {
        policy: "version = 1\n[[deny]]\nplugin = \"alcove/python\"\n".to_owned(),
        reason: String::new(),
    };
    path.app.tools.set_ceiling(deny, &path.who).await.unwrap();
    let offered = path.app.tools.offered(&path.who).await.unwrap();
    assert!(offered.iter().all(|tool| tool.plugin != PYTHON));
    path.app.tools.clear_ceiling(&path.who).await.unwrap();
    let result = path.python(busy).await;
    assert_printed(&result, "done");

    // Granting again is a new version, and the earlier one stays readable.
    let second = path
        .app
        .tools
        .grant(grant(own.clone(), "9 s"), &path.who)
        .await
        .unwrap();
    assert_eq!((first.version, second.version), (1, 2));
    let all = path.app.tools.bindings().await.unwrap();
    assert!(all.iter().all(|binding| binding.id != first.id), "{all:?}");
    assert!(
        all.iter()
            .any(|binding| binding.id == everyone.to_string() && binding.author == "alcove"),
        "{all:?}"
    );
    let history = path.app.tools.history(PYTHON).await.unwrap();
    let old = history.iter().find(|old| old.id == first.id).unwrap();
    assert!(old.revoked_at_ms.is_some() && old.reason == "a test");
    assert_eq!(old.revoked_by.as_deref(), Some(path.who.username.as_str()));

    path.app.tools.revoke(&second.id, &path.who).await.unwrap();
    assert_eq!(path.tool(PYTHON).await.binding, everyone);

    // What is not for this plugin, or more than it asks for, is refused.
    let other = CreateBinding {
        policy: Some("version = 1\nplugin = \"alcove/web-fetch\"\n".to_owned()),
        ..grant("everyone".to_owned(), "1 s")
    };
    let wider = CreateBinding {
        policy: Some(format!(
            "version = 1\nplugin = \"{PYTHON}\"\n[[http]]\nnetwork = \"public\"\n"
        )),
        ..grant("everyone".to_owned(), "1 s")
    };
    for create in [other, wider.clone()] {
        let error = path.app.tools.grant(create, &path.who).await.unwrap_err();
        assert!(
            matches!(
                &error,
                ToolsError::Invalid {
                    param: "policy",
                    ..
                }
            ),
            "{error}"
        );
    }
    let meant = CreateBinding {
        beyond_request: true,
        ..wider
    };
    path.app.tools.grant(meant, &path.who).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_expires_ends_its_calls_and_is_not_offered() {
    let app = TestApp::start().await;
    let mut path = Path::new(&app).await;
    path.python("1").await;
    path.app.tools.revoke(PYTHON, &path.who).await.unwrap();
    let create = CreateBinding {
        plugin: PYTHON.to_owned(),
        principal: "everyone".to_owned(),
        expires_in_ms: Some(1_500),
        ..CreateBinding::default()
    };
    let binding = path
        .app
        .tools
        .grant(create.clone(), &path.who)
        .await
        .unwrap();
    assert!(binding.expires_at_ms.is_some());
    let began = Instant::now();
    let result = path.python("while True: pass").await;
    assert!(
        matches!(&result.outcome, ToolOutcome::Limit { limit, .. } if limit == "revoked"),
        "{result:?}"
    );
    assert!(began.elapsed() < Duration::from_secs(5));
    let offered = path.app.tools.offered(&path.who).await.unwrap();
    assert!(offered.iter().all(|tool| tool.plugin != PYTHON));
    let never = CreateBinding {
        expires_in_ms: Some(0),
        ..create
    };
    path.app.tools.grant(never, &path.who).await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_explained_by_the_line_that_decides() {
    let app = TestApp::start().await;
    let path = Path::new(&app).await;
    let explain = async |url: &str| {
        let explain = Explain {
            plugin: WEB_FETCH.to_owned(),
            user: None,
            method: "GET".to_owned(),
            url: url.to_owned(),
        };
        path.app.tools.explain(&explain, &path.who).await.unwrap()
    };
    let binding = path.tool(WEB_FETCH).await.binding.to_string();
    let open = explain("https://example.org/page").await;
    assert!(open.allowed && open.why.contains("line "), "{open:?}");
    assert!(open.why.contains(&binding), "{open:?}");
    assert_eq!(open.bindings, [binding]);
    let set = SetCeiling {
        policy: "version = 1\n[[deny]]\nhost = \"*.example.org\"\nreason = \"ours\"\n".to_owned(),
        reason: String::new(),
    };
    path.app.tools.set_ceiling(set, &path.who).await.unwrap();
    assert!(explain("https://example.org/page").await.allowed);
    let closed = explain("https://wiki.example.org/").await;
    assert!(!closed.allowed && closed.grant.is_empty(), "{closed:?}");
    assert!(
        closed.why.contains("line 2") && closed.why.contains("ours"),
        "{closed:?}"
    );
    path.app.tools.revoke(WEB_FETCH, &path.who).await.unwrap();
    assert!(
        explain("https://example.org/")
            .await
            .why
            .contains("not granted")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_is_learnt_from_the_examples() {
    let app = TestApp::start().await;
    let path = Path::new(&app).await;
    let learned = path.app.tools.learn(PYTHON, &path.who).await.unwrap();
    assert!(
        learned.examples > 0 && learned.notes.is_empty(),
        "{learned:?}"
    );
    let policy = alcove_policies::Policy::parse(&learned.policy).unwrap();
    assert!(
        !policy.has_http() && policy.files().is_empty(),
        "{learned:?}"
    );
    // It is enough, and no more than what comes with the program.
    let (_, default) = alcove_policies::DEFAULTS
        .iter()
        .find(|(id, _)| *id == PYTHON)
        .unwrap();
    let default = alcove_policies::Policy::parse(default).unwrap();
    assert!(policy.limits().memory_bytes <= default.limits().memory_bytes);
}

/// Policies that differ only in `[approval]` or `[labels]` end differently; the key test of
/// `host/sandbox` names this one.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_asked_and_what_results_count_as_is_in_the_policy() {
    let app = TestApp::start().await;
    let mut path = Path::new(&app).await;
    let policy = |lines: &str| {
        format!("version = 1\nplugin = \"{PYTHON}\"\n[limits]\nmemory = \"256 MiB\"\n{lines}\n")
    };
    for key in ["default = {}", "tools = { python = {} }"] {
        for (mode, asks) in [("\"never\"", false), ("\"always\"", true)] {
            let lines = format!("[approval]\n{}", key.replace("{}", mode));
            path.grant(PYTHON, &policy(&lines)).await;
            // Nobody can be asked here, so a call that has to be is denied.
            let result = path.python("print(7)").await;
            if asks {
                assert!(
                    matches!(&result.outcome, ToolOutcome::Denied { capability, message }
                        if capability == "approval" && message.contains("line 6")),
                    "{result:?}"
                );
            } else {
                assert_printed(&result, "7");
            }
        }
    }
    for (output, label) in [("private", Label::Private), ("public", Label::Public)] {
        let lines = format!("[labels]\noutput = \"{output}\"");
        path.grant(PYTHON, &policy(&lines)).await;
        assert_eq!(path.python("print(7)").await.label, Some(label));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_ask_and_a_grant_answers() {
    let app = TestApp::start().await;
    let path = Path::new(&app).await;
    let tools = &path.app.tools;
    tools.revoke(PYTHON, &path.who).await.unwrap();
    tools
        .request_grant(PYTHON, " sums ", &path.who)
        .await
        .unwrap();
    let asked = tools.grant_requests(&path.who).await.unwrap();
    assert_eq!(
        (asked[0].plugin.as_str(), asked[0].reason.as_str()),
        (PYTHON, "sums")
    );
    assert!(tools.request_grant("a/b", "", &path.who).await.is_err());
    let create = CreateBinding {
        plugin: PYTHON.to_owned(),
        principal: format!("user:{}", path.who.username),
        ..CreateBinding::default()
    };
    tools.grant(create, &path.who).await.unwrap();
    assert!(tools.grant_requests(&path.who).await.unwrap().is_empty());
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
