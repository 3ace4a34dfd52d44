//! The record of a call: its receipt, and running it again from it.

mod passages;

pub(crate) use passages::a_cited_answer;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use alcove::accounts::Principal;
use alcove::app::App;
use alcove::store::log::Append;
use alcove::store::wire;
use alcove::tools::{
    Consent, KeptCall, OfferedTool, PriorCall, ToolRequest, ToolResult, ToolsError,
};
use alcove::workspaces::Place;
use alcove_api_types::{CreateBinding, ItemStatus, ToolCall, ToolOutcome};
use alcove_core::ids::{BranchId, ConversationId, ItemId};
use alcove_core::item::Payload;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::app::TestApp;

/// A conversation whose calls are kept.
struct Kept {
    app: Arc<App>,
    who: Principal,
    conversation: ConversationId,
    branch: BranchId,
    prior: Vec<PriorCall>,
}

impl Kept {
    async fn new(app: &TestApp) -> Kept {
        let who = app.app().accounts.local_principal().await.unwrap();
        Kept::of(app, who).await
    }

    async fn of(app: &TestApp, who: Principal) -> Kept {
        let app = Arc::clone(app.app());
        let conversation = app.log.create_conversation(&who, "Calls").await.unwrap();
        let view = app.log.conversation(&who, conversation).await.unwrap();
        Kept {
            branch: view.branch.id,
            app,
            who,
            conversation,
            prior: Vec::new(),
        }
    }

    async fn call(&mut self, plugin: &str, arguments: Value) -> (ItemId, ToolResult) {
        self.call_tool((plugin, None), arguments, Consent::default())
            .await
    }

    /// Calls a tool of a plugin; the first one where none is named.
    async fn call_tool(
        &mut self,
        (plugin, name): (&str, Option<&str>),
        arguments: Value,
        consent: Consent,
    ) -> (ItemId, ToolResult) {
        let offered = self.app.tools.offered(&self.who).await.unwrap();
        let is_meant = |tool: &&OfferedTool| {
            tool.plugin == plugin && name.is_none_or(|name| tool.tool == name)
        };
        let tool = offered.iter().find(is_meant).cloned().unwrap();
        let item = ItemId::generate();
        let request = ToolRequest {
            principal: self.who.clone(),
            place: Some(Place {
                conversation: self.conversation,
                branch: BranchId::generate(),
            }),
            item,
            prior: self.prior.clone(),
            tool: tool.clone(),
            arguments,
            consent,
        };
        let (progress, _nobody) = mpsc::channel(8);
        let cancel = CancellationToken::new();
        let result = self.app.tools.call(request, cancel, progress).await;
        let prior = PriorCall {
            item,
            plugin: tool.plugin,
            digest: tool.digest,
            tool: tool.tool,
            arguments: result.arguments_canonical.clone(),
            outcome: result.outcome.clone(),
            output: result.output.clone(),
            record: result.record.clone(),
        };
        self.keep(&prior, item).await;
        self.prior.push(prior);
        (item, result)
    }

    /// Puts a call on the path.
    async fn keep(&self, call: &PriorCall, id: ItemId) {
        let item = ToolCall {
            id: id.to_string(),
            status: ItemStatus::Completed,
            plugin: call.plugin.clone(),
            digest: call.digest.clone(),
            tool: call.tool.clone(),
            title: "A tool".to_owned(),
            arguments: call.arguments.clone(),
            badges: Vec::new(),
            outcome: Some(call.outcome.clone()),
            output: call.output.clone(),
            usage: None,
            awaiting: None,
            answered: None,
            label: None,
            fetched: false,
        };
        let append = Append {
            id,
            conversation: self.conversation,
            branch: self.branch,
            response: None,
            payload: Payload::ToolCall(Box::new(wire::call(&item))),
            record: Some(serde_json::to_vec(&call.record).unwrap()),
            end: None,
        };
        self.app.log.append(&self.who, append).await.unwrap();
    }

    async fn kept(&self, id: ItemId) -> KeptCall {
        KeptCall::read(&self.app.log, &self.who, id).await.unwrap()
    }

    async fn python(&mut self, code: &str) -> (ItemId, ToolResult) {
        self.call("alcove/python", json!({ "code": code })).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cell_of_a_session_is_run_again_byte_by_byte() {
    let app = TestApp::start().await;
    let mut kept = Kept::new(&app).await;
    kept.python("import random, time, uuid\nx = random.random()")
        .await;
    let (id, first) = kept
        .python("print(x, random.random(), uuid.uuid4(), time.time())")
        .await;
    assert_eq!(first.outcome, ToolOutcome::Ok, "{first:?}");
    let call = kept.kept(id).await;
    for _ in 0..2 {
        let again = kept.app.tools.replay(&call).await.unwrap();
        assert!(again.same, "{again:?}");
        assert_eq!(again.output, first.output);
    }
    let receipt = call.receipt(&kept.who);
    assert_eq!(receipt.call.plugin, "alcove/python");
    assert_eq!(receipt.user, kept.who.username);
    assert!(
        receipt.clock_readings > 0 && receipt.random_bytes > 0,
        "{receipt:?}"
    );

    // What was ended from outside has no end to be compared with.
    let cancelled = PriorCall {
        item: ItemId::generate(),
        outcome: ToolOutcome::Limit {
            limit: "stopped".to_owned(),
            message: String::new(),
        },
        ..kept.prior[1].clone()
    };
    kept.keep(&cancelled, cancelled.item).await;
    let error = kept
        .app
        .tools
        .replay(&kept.kept(cancelled.item).await)
        .await;
    assert!(
        matches!(error, Err(ToolsError::Conflict { .. })),
        "{error:?}"
    );
}

/// A page on this machine; answers how often it was asked for.
async fn page() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let count = counted.fetch_add(1, Ordering::SeqCst);
            let mut request = vec![0; 4096];
            let _ = stream.read(&mut request).await;
            let body = format!("<html><body><p>This is answer {count}.</p></body></html>");
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
async fn a_page_is_read_again_from_the_record_when_its_grant_is_gone() {
    let app = TestApp::start().await;
    let mut kept = Kept::new(&app).await;
    let (origin, asked) = page().await;
    let policy = format!(
        "version = 1\nplugin = \"alcove/web-fetch\"\n\n[[http]]\norigin = \"{origin}\"\naddresses = [\"127.0.0.1/32\"]\n"
    );
    let create = CreateBinding {
        plugin: "alcove/web-fetch".to_owned(),
        principal: "everyone".to_owned(),
        policy: Some(policy),
        beyond_request: true,
        ..CreateBinding::default()
    };
    kept.app.tools.grant(create, &kept.who).await.unwrap();
    let url = format!("{origin}/tides");
    let (id, first) = kept.call("alcove/web-fetch", json!({ "url": url })).await;
    assert_eq!(first.outcome, ToolOutcome::Ok, "{first:?}");
    kept.app
        .tools
        .revoke("alcove/web-fetch", &kept.who)
        .await
        .unwrap();

    let call = kept.kept(id).await;
    let again = kept.app.tools.replay(&call).await.unwrap();
    assert!(again.same, "{again:?}");
    // The site's robots.txt, and the page.
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    let receipt = call.receipt(&kept.who);
    // The policy has no assets, so the text is not kept to be cited.
    let [robots, request, asset] = receipt.host_calls.as_slice() else {
        panic!("{receipt:?}");
    };
    assert!(robots.input.contains("/robots.txt"), "{receipt:?}");
    assert!(request.input.contains("/tides"), "{receipt:?}");
    assert!(asset.function.contains("assets"), "{receipt:?}");
    assert_eq!(receipt.policy_lines, [4]);

    // The same record under other arguments: the request that differs is named.
    let other = PriorCall {
        item: ItemId::generate(),
        arguments: json!({ "url": format!("{origin}/other") }).to_string(),
        ..kept.prior[0].clone()
    };
    kept.keep(&other, other.item).await;
    let again = kept
        .app
        .tools
        .replay(&kept.kept(other.item).await)
        .await
        .unwrap();
    assert!(!again.same);
    let divergence = again.divergence.unwrap();
    assert!(divergence.function.contains("http"), "{divergence:?}");
    assert!(divergence.recorded.contains("/tides") && divergence.now.contains("/other"));
    assert_eq!(asked.load(Ordering::SeqCst), 2);

    // Nobody else's call is there.
    let mut stranger = kept.who.clone();
    stranger.user = alcove_core::ids::UserId::generate();
    let none = KeptCall::read(&kept.app.log, &stranger, id).await.map(drop);
    assert!(matches!(none, Err(ToolsError::NotFound { .. })), "{none:?}");
}

/// What a capability answered is in the record: a replay neither reads nor changes what it stands for.
#[tokio::test(flavor = "multi_thread")]
async fn calls_of_capabilities_and_answers_of_people_are_served_from_the_record() {
    let app = TestApp::start().await;
    let mut kept = Kept::new(&app).await;
    let probe = "local/probe";
    for (fixture, lines) in [
        (
            "probe",
            "[state]\nquota = \"1 KiB\"\n[assets]\nquota = \"1 KiB\"\n[delegate]\ntools = [\"local/echo:echo\"]\n",
        ),
        ("echo", ""),
    ] {
        let path = format!(
            "{}/../plugins/dist/fixtures/{fixture}.wasm",
            env!("CARGO_MANIFEST_DIR")
        );
        let body = json!({ "path": path });
        app.local().post("/api/plugins", &body).await.expect(201);
        let create = CreateBinding {
            plugin: format!("local/{fixture}"),
            principal: "everyone".to_owned(),
            policy: Some(format!(
                "version = 1\nplugin = \"local/{fixture}\"\n{lines}"
            )),
            beyond_request: true,
            ..CreateBinding::default()
        };
        kept.app.tools.grant(create, &kept.who).await.unwrap();
    }
    let answered = Consent {
        answer: Some(json!({"year": 1969})),
        ..Consent::default()
    };
    let count = json!({"do": "increment", "key": "n"});
    let mut calls = Vec::new();
    for (tool, arguments, consent) in [
        ("keep", count.clone(), Consent::default()),
        ("keep", count.clone(), Consent::default()),
        ("asset", json!({"do": "make", "n": 40}), Consent::default()),
        ("asset", json!({"do": "again", "n": 40}), Consent::default()),
        (
            "call",
            json!({"tool": "local/echo:echo", "arguments": "{\"text\":\"hello\"}"}),
            Consent::default(),
        ),
        ("ask_year", json!({"topic": "the moon"}), answered),
    ] {
        let (id, first) = kept
            .call_tool((probe, Some(tool)), arguments, consent)
            .await;
        assert_eq!(first.outcome, ToolOutcome::Ok, "{tool}: {first:?}");
        calls.push((tool, id, first));
    }
    assert!(calls[5].2.output[0].value.contains("1969"));
    kept.app.tools.revoke(probe, &kept.who).await.unwrap();
    kept.app
        .tools
        .revoke("local/echo", &kept.who)
        .await
        .unwrap();
    for (tool, id, first) in calls {
        let again = kept.app.tools.replay(&kept.kept(id).await).await.unwrap();
        assert!(again.same, "{tool}: {again:?}");
        assert_eq!(again.output, first.output, "{tool}");
    }
}
