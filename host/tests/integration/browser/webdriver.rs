//! A browser that is driven over the WebDriver protocol: only what the tests need of it.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::client::Client;

/// How long something in the page may take. The machine also runs a model meanwhile.
const PATIENCE: Duration = Duration::from_secs(180);
/// Between two looks at the page.
const LOOK: Duration = Duration::from_millis(50);
/// The name under which WebDriver hands out an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// WebDriver's code for the Enter key.
pub(crate) const ENTER: &str = "\u{e007}";

/// A headless Chromium with a profile of its own.
pub(crate) struct Browser {
    driver: Client,
    session: String,
    process: Child,
    _profile: TempDir,
}

impl Browser {
    /// Starts the driver on a free port, and the browser.
    pub(crate) async fn start() -> Browser {
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("chromedriver (apt-get install chromium chromium-driver)");
        let address = SocketAddr::from(([127, 0, 0, 1], port(&mut process).await));
        let driver = Client::new(address);
        let profile = tempfile::tempdir().expect("a temporary folder");
        let body = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--disable-dev-shm-usage", "--window-size=1280,900",
                format!("--user-data-dir={}", profile.path().display()),
            ]},
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let reply = driver.post("/session", &body).await.expect(200);
        let session = reply["value"]["sessionId"].as_str().expect("a session");
        Browser {
            session: format!("/session/{session}"),
            driver,
            process,
            _profile: profile,
        }
    }

    /// Closes the browser and the driver.
    pub(crate) async fn close(mut self) {
        self.driver.delete(&self.session).await;
        // It may have ended by itself.
        let _ = self.process.kill().await;
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let path = format!("{}/{path}", self.session);
        self.driver.post(&path, body).await.expect(200)["value"].take()
    }

    /// Goes to an address.
    pub(crate) async fn open(&self, url: &str) {
        self.post("url", &json!({"url": url})).await;
    }

    pub(crate) async fn reload(&self) {
        self.post("refresh", &json!({})).await;
    }

    /// The address that is shown.
    pub(crate) async fn url(&self) -> String {
        let path = format!("{}/url", self.session);
        let reply = self.driver.get(&path).await.expect(200);
        reply["value"].as_str().expect("an address").to_owned()
    }

    /// What a JavaScript expression gives.
    pub(crate) async fn value(&self, expression: &str) -> Value {
        let body = json!({"script": format!("return {expression}"), "args": []});
        self.post("execute/sync", &body).await
    }

    /// The text of the first element that matches; empty where there is none.
    pub(crate) async fn text(&self, selector: &str) -> String {
        let expression = format!("document.querySelector({selector:?})?.textContent ?? ''");
        let text = self.value(&expression).await;
        text.as_str().expect("a text").to_owned()
    }

    /// Waits until a JavaScript expression is true.
    pub(crate) async fn until(&self, expression: &str) {
        let began = Instant::now();
        loop {
            if self.value(&format!("!!({expression})")).await == json!(true) {
                return;
            }
            if began.elapsed() > PATIENCE {
                let page = self.text("body").await;
                let log = self.log().await;
                panic!("never true: {expression}\nthe page: {page}\nits log: {log:#?}");
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until an element is there.
    pub(crate) async fn shows(&self, selector: &str) {
        self.until(&format!("document.querySelector({selector:?})"))
            .await;
    }

    /// Waits until no such element is there.
    pub(crate) async fn shows_no(&self, selector: &str) {
        self.until(&format!("!document.querySelector({selector:?})"))
            .await;
    }

    async fn element(&self, selector: &str) -> String {
        let body = json!({"using": "css selector", "value": selector});
        let element = self.post("element", &body).await;
        element[ELEMENT].as_str().expect("an element").to_owned()
    }

    /// A person's click.
    pub(crate) async fn click(&self, selector: &str) {
        let element = self.element(selector).await;
        self.post(&format!("element/{element}/click"), &json!({}))
            .await;
    }

    /// A person's keys.
    pub(crate) async fn type_into(&self, selector: &str, text: &str) {
        let element = self.element(selector).await;
        let body = json!({"text": text});
        self.post(&format!("element/{element}/value"), &body).await;
    }

    /// What the page has logged since the last look.
    pub(crate) async fn log(&self) -> Vec<String> {
        let entries = self.post("se/log", &json!({"type": "browser"})).await;
        let entries = entries.as_array().expect("a log");
        let messages = entries.iter().map(|entry| entry["message"].as_str());
        messages.flatten().map(str::to_owned).collect()
    }
}

/// The port that the driver says it listens on.
async fn port(process: &mut Child) -> u16 {
    let output = process.stdout.take().expect("piped");
    let mut lines = BufReader::new(output).lines();
    let found = async {
        while let Some(line) = lines.next_line().await.expect("text") {
            let said = line.split_once("started successfully on port ");
            if let Some((_, rest)) = said {
                let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
                return digits.parse().expect("a port");
            }
        }
        panic!("chromedriver ended before it listened");
    };
    let port = tokio::time::timeout(PATIENCE, found).await;
    let port = port.expect("chromedriver in time");
    // It goes on writing; a full pipe would stop it.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    port
}
