//! A whole server for one test.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use alcove::app::{App, Options, Server, StartError};
use alcove::config::{Config, ConfigSources};
use serde_json::json;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::sync::OnceCell;

use crate::client::Client;
use crate::compiled;

/// How long a test waits for something that must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
pub(crate) const PASSWORD: &str = "correct horse battery";

/// A server on a port of its own, with a data folder of its own.
pub(crate) struct TestApp {
    server: Option<Server>,
    home: TempDir,
    settings: Vec<(String, String)>,
    /// The text of a configuration file.
    pub(crate) file: Option<String>,
}

impl TestApp {
    /// Starts with the test model.
    pub(crate) async fn start() -> TestApp {
        TestApp::start_with(&[]).await
    }

    /// Starts with further settings.
    pub(crate) async fn start_with(settings: &[(&str, &str)]) -> TestApp {
        let mut app = TestApp::unstarted(settings);
        app.start_again().await;
        app
    }

    /// Starts without a model, with a configuration file.
    pub(crate) async fn start_with_file(text: &str) -> TestApp {
        let mut app = TestApp::unstarted(&[("model", "/nowhere/none.gguf")]);
        app.file = Some(text.to_owned());
        app.start_again().await;
        app
    }

    /// Only the folder and the settings.
    pub(crate) fn unstarted(settings: &[(&str, &str)]) -> TestApp {
        let owned = settings
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        TestApp {
            server: None,
            home: tempfile::tempdir().expect("a temporary folder"),
            settings: owned.collect(),
            file: None,
        }
    }

    /// Gives the new data folder what earlier tests compiled.
    async fn prepare(&self) {
        static COMPILED: OnceCell<()> = OnceCell::const_new();
        COMPILED
            .get_or_init(|| async {
                let first = TestApp::unstarted(&[("model", "/nowhere/none.gguf")]);
                compiled::take(&first.data());
                let server = first.boot().await.expect("a server that starts");
                server.app().warm_up().await;
                let plugins = server.app().tools.list().await.expect("plugins");
                let digests: Vec<String> = plugins.into_iter().map(|p| p.digest).collect();
                server.shut_down().await;
                compiled::keep(&first.data(), &digests);
            })
            .await;
        compiled::take(&self.data());
    }

    /// Starts, claims the server and signs in.
    pub(crate) async fn signed_in() -> (TestApp, Client) {
        let app = TestApp::start().await;
        let admin = app.claim().await;
        (app, admin)
    }

    pub(crate) async fn boot(&self) -> Result<Server, StartError> {
        let file = self.home.path().join("alcove.toml");
        if let Some(text) = &self.file {
            std::fs::write(&file, text).expect("a folder to write to");
        }
        let config = Config::load(&ConfigSources {
            file: self.file.is_some().then_some(file),
            flags: self.flags(),
            ..ConfigSources::default()
        });
        let program = PathBuf::from(env!("CARGO_BIN_EXE_alcove"));
        Server::start_with(config.expect("valid settings"), Options { program }).await
    }

    fn flags(&self) -> Vec<(String, String)> {
        let mut flags: Vec<(String, String)> = [
            ("data_dir", self.data().display().to_string()),
            ("models_dir", models_dir().display().to_string()),
            ("model", "smollm2-135m".to_owned()),
            ("listen", "127.0.0.1:0".to_owned()),
            ("threads", "1".to_owned()),
            ("context_tokens", "2048".to_owned()),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect();
        flags.extend(self.settings.iter().cloned());
        flags
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    pub(crate) fn server(&self) -> &Server {
        self.server.as_ref().expect("running")
    }

    pub(crate) fn is_running(&self) -> bool {
        self.server.is_some()
    }

    pub(crate) fn app(&self) -> &Arc<App> {
        self.server().app()
    }

    /// Somebody who is not signed in.
    pub(crate) fn visitor(&self) -> Client {
        Client::new(self.server().address())
    }

    /// The command line of this machine.
    pub(crate) fn local(&self) -> Client {
        let key = std::fs::read_to_string(self.data().join("local.key")).expect("a key");
        self.visitor().with_key(key.trim())
    }

    /// The token of the one-time link.
    pub(crate) fn setup_token(&self) -> String {
        let link = self.server().setup_link().expect("not claimed yet");
        link.split_once("#token=").expect("a token").1.to_owned()
    }

    /// Creates the first account, and signs in as it.
    pub(crate) async fn claim(&self) -> Client {
        let body = json!({"token": self.setup_token(), "username": "ada", "password": PASSWORD});
        let reply = self.visitor().post("/api/setup", &body).await;
        reply.expect(200);
        self.visitor().signed_in_by(&reply)
    }

    /// A second person, who is no administrator, signed in.
    pub(crate) async fn another_user(&self, name: &str) -> Client {
        let accounts = &self.app().accounts;
        let admin = accounts.local_principal().await.expect("the first account");
        let made = accounts.create_user(&admin, name, PASSWORD).await;
        made.expect("a second account");
        let body = json!({"username": name, "password": PASSWORD});
        let reply = self.visitor().post("/api/session", &body).await;
        reply.expect(200);
        self.visitor().signed_in_by(&reply)
    }

    /// Waits until the model answers.
    pub(crate) async fn ready(&self) {
        wait_until_ready(&self.visitor()).await;
    }

    /// Starts the server as a process of its own; it dies with what is returned.
    pub(crate) async fn boot_process(&self) -> Child {
        self.prepare().await;
        let mut command = Command::new(env!("CARGO_BIN_EXE_alcove"));
        command.arg("serve");
        for (key, value) in self.flags() {
            let variable = format!("ALCOVE_{}", key.to_uppercase().replace('.', "__"));
            command.env(variable, value);
        }
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.kill_on_drop(true).spawn().expect("a process")
    }

    /// The command line's client of a server that is a process of its own.
    pub(crate) async fn client_of_process(&self) -> Client {
        let file = self.data().join("server.json");
        let address = async {
            loop {
                if let Ok(text) = std::fs::read_to_string(&file) {
                    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
                    let url = json["address"].as_str().expect("an address").to_owned();
                    return url.strip_prefix("http://").expect("a URL").parse();
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let address = tokio::time::timeout(PATIENCE, address).await;
        let client = Client::new(address.expect("a server in time").expect("an address"));
        let key = std::fs::read_to_string(self.data().join("local.key")).expect("a key");
        client.with_key(key.trim())
    }

    /// Waits until calls hold so many leases, and a moment more, in which they begin to compute.
    pub(crate) async fn until_leases_held(&self, count: u32) {
        until_leases_held(self.app(), count).await;
    }

    /// Shuts down and starts again on the same folder.
    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        self.start_again().await;
    }

    /// Starts on the same folder.
    pub(crate) async fn start_again(&mut self) {
        if !self.data().exists() {
            self.prepare().await;
        }
        self.server = Some(self.boot().await.expect("a server that starts"));
    }

    pub(crate) async fn stop(&mut self) {
        let server = self.server.take().expect("running");
        server.shut_down().await;
    }
}

/// The same for a test that holds the app alone.
pub(crate) async fn until_leases_held(app: &App, count: u32) {
    let held = async {
        while app.tools.leases_held() != count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, held).await;
    waited.expect("calls that run in time");
    tokio::time::sleep(Duration::from_millis(200)).await;
}

/// Waits until the model answers.
pub(crate) async fn wait_until_ready(client: &Client) {
    let ready = async {
        loop {
            let reply = client.get("/readyz").await;
            if reply.status == 200 {
                return;
            }
            let state = reply.json();
            assert!(
                state["model"] == "loading",
                "the test model does not load: {state} (cargo xtask model fetch smollm2-135m)"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, ready).await;
    waited.expect("a model in time");
}

/// Where the test model lies: a user's own folder, so that it is fetched once.
pub(crate) fn models_dir() -> PathBuf {
    if let Some(folder) = std::env::var_os("ALCOVE_MODELS_DIR") {
        return folder.into();
    }
    let home = std::env::var_os("HOME").expect("a home folder");
    Path::new(&home).join(".local/share/alcove/models")
}
