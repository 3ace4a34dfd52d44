//! The capabilities of ours through a whole server: the probe is installed and granted as an admin
//! does it, and called on the one path that every call takes.

mod assets;
mod delegate;
mod inference;
mod quota;
mod state;

use std::path::Path;

use alcove::accounts::Principal;
use alcove::tools::{Consent, ToolRequest, ToolResult};
use alcove_api_types::ToolOutcome;
use alcove_core::ids::ItemId;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::app::TestApp;

/// The probe, as it is called when it is installed from a file.
const PROBE: &str = "local/probe";

/// A server with the probe, and the person who calls it.
struct Bench {
    app: TestApp,
    person: Principal,
}

impl Bench {
    /// The probe is granted to everyone under these lines.
    async fn new(lines: &str) -> Bench {
        Bench::with_settings(lines, &[]).await
    }

    async fn with_settings(lines: &str, settings: &[(&str, &str)]) -> Bench {
        // Later settings take the place of earlier ones: most tests need no model.
        let mut all = vec![("model", "/nowhere/none.gguf")];
        all.extend_from_slice(settings);
        let app = TestApp::start_with(&all).await;
        let person = app.app().accounts.local_principal().await.unwrap();
        let bench = Bench { app, person };
        bench.install("probe").await;
        bench.grant(PROBE, lines).await;
        bench
    }

    async fn install(&self, fixture: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(format!("../plugins/dist/fixtures/{fixture}.wasm"));
        let path = path.canonicalize().expect("built by `cargo xtask build`");
        let body = json!({"path": path.display().to_string()});
        self.app
            .local()
            .post("/api/plugins", &body)
            .await
            .expect(201);
    }

    async fn grant(&self, plugin: &str, lines: &str) {
        let policy = format!("version = 1\nplugin = \"{plugin}\"\n{lines}");
        let grant = json!({"plugin": plugin, "principal": "everyone", "policy": policy, "beyond_request": true, "reason": "a test"});
        self.app
            .local()
            .post("/api/bindings", &grant)
            .await
            .expect(201);
    }

    async fn revoke(&self, plugin: &str) -> Value {
        let bindings = self.app.local().get("/api/bindings").await.expect(200);
        let binding = bindings.as_array().unwrap().iter();
        let binding = binding.clone().find(|binding| binding["plugin"] == plugin);
        let path = format!("/api/bindings/{}", binding.unwrap()["id"].as_str().unwrap());
        self.app.local().delete(&path).await.expect(200)
    }

    /// A call of a tool of the probe.
    async fn call(&self, tool: &str, arguments: Value) -> ToolResult {
        self.call_as(&self.person, tool, arguments).await
    }

    async fn call_as(&self, person: &Principal, tool: &str, arguments: Value) -> ToolResult {
        let tools = &self.app.app().tools;
        let offered = tools.offered(person).await.unwrap();
        let tool = offered
            .iter()
            .find(|offered| offered.plugin == PROBE && offered.tool == tool)
            .cloned()
            .expect("the probe is granted");
        let request = ToolRequest {
            principal: person.clone(),
            place: None,
            item: ItemId::generate(),
            prior: Vec::new(),
            tool,
            arguments,
            consent: Consent::default(),
        };
        let (progress, _) = mpsc::channel(1);
        tools
            .call(request, CancellationToken::new(), progress)
            .await
    }

    /// The same, which must go well: its texts.
    async fn text(&self, tool: &str, arguments: Value) -> String {
        text(&self.call(tool, arguments).await)
    }
}

#[track_caller]
fn text(result: &ToolResult) -> String {
    assert_eq!(result.outcome, ToolOutcome::Ok, "{result:?}");
    let texts: Vec<&str> = result
        .output
        .iter()
        .map(|part| part.value.as_str())
        .collect();
    texts.join("\n")
}

/// The capability and the words of a denial.
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

/// The name of the limit that was reached.
#[track_caller]
fn limit(result: &ToolResult) -> &str {
    match &result.outcome {
        ToolOutcome::Limit { limit, .. } => limit,
        other => panic!("not a limit: {other:?}"),
    }
}
