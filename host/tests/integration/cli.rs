//! The `alcove` program as a person at a terminal meets it.

mod admin;
mod calls;
mod chat;
mod checkpoints;
mod keys;
mod kills;
mod models;
mod plugins;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::app::{PATIENCE, models_dir};
use crate::client::Client;

/// A data folder of its own.
struct Home(TempDir);

impl Home {
    fn new() -> Home {
        Home(tempfile::tempdir().unwrap())
    }

    fn data(&self) -> std::path::PathBuf {
        self.0.path().join("data")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_alcove"));
        command
            .args(arguments)
            .env_clear()
            .envs(
                ["PATH", "HOME"]
                    .into_iter()
                    .filter_map(|name| Some((name, std::env::var_os(name)?))),
            )
            .env("XDG_CONFIG_HOME", self.0.path())
            .env("ALCOVE_DATA_DIR", self.data())
            .env("ALCOVE_MODELS_DIR", models_dir())
            .env("ALCOVE_MODEL", "smollm2-135m")
            .env("ALCOVE_THREADS", "1")
            .env("ALCOVE_CONTEXT_TOKENS", "2048")
            .env("ALCOVE_LIMITS__OUTPUT_TOKENS", "160")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What it prints, where it succeeds.
    #[track_caller]
    fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            errors(&output)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// A client of the server with the key of the data folder.
    fn client(&self, serving: &Serving) -> Client {
        let key = std::fs::read_to_string(self.data().join("local.key")).unwrap();
        let address = serving.address.strip_prefix("http://").unwrap();
        Client::new(address.parse().unwrap()).with_key(key.trim())
    }

    /// What it says, where it fails.
    #[track_caller]
    fn fails(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let text = errors(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        assert!(!text.contains("panicked"), "{text}");
        text
    }

    fn serve(&self) -> Serving {
        self.serve_with(&[])
    }

    fn serve_with(&self, flags: &[&str]) -> Serving {
        crate::compiled::take(&self.data());
        let mut child = self
            .command(&["serve", "--listen", "127.0.0.1:0"])
            .args(flags)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        let address = first.strip_prefix("Alcove answers at ").unwrap().to_owned();
        let link = lines.next().unwrap().unwrap();
        assert!(link.contains(&format!("{address}/setup#token=")), "{link}");
        // Its pipe must stay open for what it says later.
        std::thread::spawn(move || lines.count());
        Serving { child, address }
    }
}

/// A server in a process of its own.
struct Serving {
    child: Child,
    address: String,
}

impl Drop for Serving {
    fn drop(&mut self) {
        interrupt(&self.child);
        self.child.wait().unwrap();
    }
}

/// What Ctrl-C does.
fn interrupt(child: &Child) {
    let status = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(status.unwrap().success());
}

fn errors(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// What it printed, where the answer came to its end or to its limit. A small model that spends
/// its tokens on a tool says nothing, and that is told by the status.
#[track_caller]
fn answered(output: &Output) -> String {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    match output.status.code() {
        Some(0) => assert!(!text.is_empty(), "{}", errors(output)),
        Some(3) => {
            assert!(errors(output).contains("Cut short") || text.contains("response.incomplete"))
        }
        code => panic!("{code:?}: {}", errors(output)),
    }
    text
}

fn events(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn write(path: &Path, text: &str) -> String {
    std::fs::write(path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn wrong_input_is_told_with_what_to_do() {
    let home = Home::new();
    let text = home.fails(1, &["model", "fetch", "no-such-model"]);
    assert!(
        text.contains("no-such-model") && text.contains("smollm2-135m"),
        "{text}"
    );
    let text = home.fails(1, &["model", "fetch", "/no/such.gguf"]);
    assert!(text.contains("/no/such.gguf"), "{text}");
    let text = home.fails(1, &["plugin", "install", "/no/such.wasm"]);
    assert!(text.contains("/no/such.wasm"), "{text}");
    let policy = write(
        &home.0.path().join("policy.toml"),
        "version = 1\nplugin = \"alcove/python\"\n\n[limits]\nmemroy = \"1 MiB\"\n",
    );
    let text = home.fails(1, &["grant", "alcove/python", "--policy", &policy]);
    assert!(
        text.contains("policy.toml") && text.contains("memroy") && text.contains('5'),
        "{text}"
    );
    let text = home.fails(1, &["config", "explain", "lisen"]);
    assert!(text.contains("`listen`"), "{text}");
    let text = home.fails(1, &["serve", "--threads", "many"]);
    assert!(text.contains("threads"), "{text}");
    home.fails(2, &["no-such-command"]);
    assert!(!home.data().exists(), "nothing of this needs a server");
}

#[test]
fn settings_are_explained() {
    let home = Home::new();
    let text = home.ok(&["config", "explain", "model"]);
    assert!(
        text.contains("smollm2-135m") && text.contains("ALCOVE_MODEL"),
        "{text}"
    );
    let all = home.ok(&["config", "explain"]);
    assert!(
        all.lines().count() > 20 && all.contains("limits.body"),
        "{all}"
    );
}
