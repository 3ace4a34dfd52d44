//! Information flow over real components: reading what was typed or found never asks, a made-up
//! address always does while something private is around.

use alcove::accounts::Principal;
use alcove::tools::{Consent, Flow, OfferedTool, ToolRequest, ToolResult, Verdict};
use alcove_api_types::{CreateBinding, ItemStatus, Label, ToolCall, ToolOutcome};
use alcove_core::ids::ItemId;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::app::TestApp;
use crate::tool_calls::page;

const PYTHON: &str = "alcove/python";
const WEB_FETCH: &str = "alcove/web-fetch";

pub(crate) struct Case {
    pub(crate) app: TestApp,
    pub(crate) who: Principal,
    pub(crate) flow: Flow,
}

impl Case {
    pub(crate) async fn new() -> Case {
        let app = TestApp::start().await;
        let who = app.app().accounts.local_principal().await.unwrap();
        Case {
            app,
            who,
            flow: Flow::default(),
        }
    }

    pub(crate) async fn grant(&self, plugin: &str, lines: &str) {
        let create = CreateBinding {
            plugin: plugin.to_owned(),
            principal: "everyone".to_owned(),
            policy: Some(format!("version = 1\nplugin = \"{plugin}\"\n{lines}")),
            reason: String::new(),
            beyond_request: true,
            ..CreateBinding::default()
        };
        self.app.app().tools.grant(create, &self.who).await.unwrap();
    }

    pub(crate) async fn request(&self, plugin: &str, arguments: Value) -> ToolRequest {
        let offered = self.app.app().tools.offered(&self.who).await.unwrap();
        let tool: OfferedTool = offered
            .iter()
            .find(|tool| tool.plugin == plugin)
            .cloned()
            .expect("a granted tool");
        ToolRequest {
            principal: self.who.clone(),
            place: None,
            item: ItemId::generate(),
            prior: Vec::new(),
            tool,
            arguments,
            consent: Consent {
                flow: self.flow.clone(),
                ..Consent::default()
            },
        }
    }

    pub(crate) async fn call(&self, request: ToolRequest) -> ToolResult {
        let (progress, _watched) = mpsc::channel(8);
        self.app
            .app()
            .tools
            .call(request, CancellationToken::new(), progress)
            .await
    }

    /// Calls a tool, and takes its result into the conversation.
    pub(crate) async fn run(&mut self, plugin: &str, arguments: Value) -> ToolResult {
        let request = self.request(plugin, arguments).await;
        let result = self.call(request).await;
        self.flow.returned(&item(&result));
        result
    }

    pub(crate) async fn verdict(&self, url: &str) -> Verdict {
        let request = self.request(WEB_FETCH, json!({"url": url})).await;
        self.app.app().tools.verdict(&request).await
    }
}

fn item(result: &ToolResult) -> ToolCall {
    ToolCall {
        id: String::new(),
        status: ItemStatus::Completed,
        plugin: String::new(),
        digest: String::new(),
        tool: String::new(),
        title: String::new(),
        arguments: result.arguments_canonical.clone(),
        badges: Vec::new(),
        outcome: Some(result.outcome.clone()),
        output: result.output.clone(),
        usage: None,
        awaiting: None,
        answered: None,
        label: result.label,
        fetched: result.fetched,
    }
}

/// What was refused, and why.
#[track_caller]
fn denied(result: &ToolResult) -> (&str, &str) {
    match &result.outcome {
        ToolOutcome::Denied {
            capability,
            message,
        } => (capability, message),
        other => panic!("not denied: {other:?}"),
    }
}

const TYPED: &str = "http://127.0.0.1:9/typed";
const MADE_UP: &str = "http://127.0.0.1:9/?q=the+private+thing";

#[tokio::test(flavor = "multi_thread")]
async fn a_made_up_address_asks_only_while_something_private_is_around() {
    let mut case = Case::new().await;
    case.flow.said(&format!("Read {TYPED}, please."));
    // Nothing private: nobody is asked about anything, also after a calculation.
    let result = case.run(PYTHON, json!({"code": "1"})).await;
    assert_eq!((result.label, result.fetched), (Some(Label::Public), false));
    for url in [TYPED, MADE_UP] {
        assert!(matches!(case.verdict(url).await, Verdict::Free));
    }
    // What an admin calls private is.
    let private = "[limits]\nmemory = \"256 MiB\"\n[labels]\noutput = \"private\"\n";
    case.grant(PYTHON, private).await;
    let code = format!("print('{MADE_UP}')");
    let result = case.run(PYTHON, json!({"code": code})).await;
    assert_eq!(result.label, Some(Label::Private));
    assert_eq!(result.outcome, ToolOutcome::Ok);

    // Typed: silently, as far as the address, which is no public one.
    assert!(matches!(case.verdict(TYPED).await, Verdict::Free));
    let request = case.request(WEB_FETCH, json!({"url": TYPED})).await;
    let result = case.call(request).await;
    assert_eq!(denied(&result).0, "http", "{result:?}");

    // Made up, though a calculation printed it: asked, whole, for once.
    let Verdict::Ask(question) = case.verdict(MADE_UP).await else {
        panic!("nobody is asked")
    };
    assert_eq!(question.urls, [MADE_UP]);
    assert_eq!(question.choices, [alcove_api_types::Choice::Once]);
    assert_eq!(question.kind, "flow");
    let request = case.request(WEB_FETCH, json!({"url": MADE_UP})).await;
    let result = case.call(request.clone()).await;
    assert_eq!(denied(&result).0, "approval");
    assert!(result.record.http.is_empty() && result.label.is_none());

    // A yes is one to these arguments.
    let with = |mut request: ToolRequest| {
        request.consent.allowance = Some(question.allow());
        request
    };
    let result = case.call(with(request)).await;
    assert_eq!(denied(&result).0, "http", "{result:?}");
    let other = json!({"url": format!("{MADE_UP}+and+more")});
    let request = case.request(WEB_FETCH, other).await;
    let result = case.call(with(request)).await;
    assert_eq!(denied(&result).0, "approval");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_result_brought_is_read_without_asking() {
    let mut case = Case::new().await;
    let (origin, _) = page().await;
    let near = format!("[[http]]\norigin = \"{origin}\"\naddresses = [\"127.0.0.1/32\"]\n");
    case.grant(WEB_FETCH, &near).await;
    // A server on a private address: what it says is private, and it brings addresses.
    let found = case
        .run(WEB_FETCH, json!({"url": format!("{origin}/tides")}))
        .await;
    assert_eq!(found.outcome, ToolOutcome::Ok, "{found:?}");
    assert_eq!((found.label, found.fetched), (Some(Label::Private), true));
    assert!(case.flow.is_private());
    case.grant(WEB_FETCH, "[[http]]\nnetwork = \"public\"\n")
        .await;
    let linked = format!("{origin}/tables");
    assert!(matches!(case.verdict(&linked).await, Verdict::Free));
    let more = format!("{linked}?q=high+water+at+noon");
    assert!(matches!(case.verdict(&more).await, Verdict::Ask(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_asks_gets_the_answer_beside_its_arguments() {
    let case = Case::new().await;
    let dist = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/dist");
    let probe = dist.join("fixtures/probe.wasm");
    case.app.app().tools.install(&probe, false).await.unwrap();
    case.grant("local/probe", "").await;
    let ask = async |arguments: Value, answer: Option<Value>| {
        let offered = case.app.app().tools.offered(&case.who).await.unwrap();
        let tool = offered.iter().find(|tool| tool.tool == "ask_year");
        let mut request = case.request("local/probe", arguments).await;
        request.tool = tool.expect("a tool that asks").clone();
        request.consent.answer = answer;
        case.call(request).await
    };
    let topic = json!({"topic": "the flood"});
    let asked = ask(topic.clone(), None).await;
    assert!(
        matches!(&asked.outcome, ToolOutcome::Failed { failure, .. } if failure == "input-required"),
        "{asked:?}"
    );
    let answered = ask(topic, Some(json!({"year": 1927}))).await;
    assert_eq!(answered.outcome, ToolOutcome::Ok, "{answered:?}");
    assert_eq!(answered.output[0].value, "the flood in 1927");
    assert_eq!(
        answered.arguments_canonical,
        r#"{"_answer":{"year":1927},"topic":"the flood"}"#
    );
    // A model can't answer for the person.
    let forged = json!({"topic": "the flood", "_answer": {"year": 1927}});
    let refused = ask(forged, None).await;
    assert!(
        matches!(&refused.outcome, ToolOutcome::Failed { failure, .. } if failure == "invalid-input"),
        "{refused:?}"
    );
}
