//! The `alcove` program as a person at a terminal meets it.

mod admin;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::app::{PATIENCE, models_dir};

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

#[test]
fn models_are_listed_and_verified() {
    let home = Home::new();
    let list = home.ok(&["model", "list"]);
    let chosen = list
        .lines()
        .find(|line| line.contains("smollm2-135m"))
        .unwrap();
    assert!(chosen.starts_with('*') && chosen.contains("here"), "{list}");
    home.ok(&["model", "verify", "smollm2-135m"]);

    let folder = home.0.path().join("models");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(
        folder.join("SmolLM2-135M-Instruct-Q4_1.gguf"),
        b"GGUF, but cut off",
    )
    .unwrap();
    let verify = home
        .command(&["model", "verify"])
        .env("ALCOVE_MODELS_DIR", &folder)
        .output()
        .unwrap();
    assert_eq!(verify.status.code(), Some(1));
    let text = errors(&verify);
    assert!(
        text.contains("SmolLM2-135M-Instruct-Q4_1.gguf") && text.contains("17 bytes"),
        "{text}"
    );
}

#[test]
fn without_a_model_it_says_how_to_get_one() {
    let home = Home::new();
    let chat = home
        .command(&["chat", "-m", "Hi"])
        .env("ALCOVE_MODELS_DIR", home.0.path())
        .output()
        .unwrap();
    assert_eq!(chat.status.code(), Some(1));
    let text = errors(&chat);
    assert!(text.contains("alcove model fetch smollm2-135m"), "{text}");
}

#[test]
fn plugins_and_grants_go_through_a_running_server() {
    let home = Home::new();
    let serving = home.serve();
    let list = home.ok(&["plugin", "list"]);
    assert!(
        list.contains("alcove/python") && list.contains("alcove/web-fetch"),
        "{list}"
    );
    let inspect = home.ok(&["plugin", "inspect", "alcove/web-fetch"]);
    assert!(
        inspect.contains("wasi:http/outgoing-handler") && inspect.contains("sha256"),
        "{inspect}"
    );
    let grants = home.ok(&["grants"]);
    assert!(
        grants.contains("alcove/python") && grants.contains("everyone"),
        "{grants}"
    );

    // The server really is the one that was started.
    assert!(
        std::fs::read_to_string(home.data().join("server.json"))
            .unwrap()
            .contains(&serving.address)
    );

    let file = write(&home.0.path().join("not-a-component.wasm"), "hello");
    let text = home.fails(1, &["plugin", "install", &file]);
    assert!(text.to_lowercase().contains("component"), "{text}");
    let text = home.fails(1, &["plugin", "remove", "alcove/python"]);
    assert!(text.contains("alcove revoke alcove/python"), "{text}");
    let text = home.fails(1, &["plugin", "inspect", "local/nothing"]);
    assert!(text.contains("alcove plugin list"), "{text}");
    let text = home.fails(1, &["grant", "alcove/python", "--to", "user:nobody"]);
    assert!(
        text.contains("user:nobody") && text.contains("group:NAME"),
        "{text}"
    );

    let text = home.ok(&["revoke", "alcove/python"]);
    assert!(text.contains("no call was running"), "{text}");
    assert!(!home.ok(&["grants"]).contains("alcove/python"));
    let text = home.fails(1, &["revoke", "alcove/python"]);
    assert!(text.contains("alcove grants"), "{text}");
    let policy = home.ok(&[
        "grant",
        "alcove/python",
        "--to",
        "group:admins",
        "--reason",
        "for work",
    ]);
    assert!(policy.contains("plugin  = \"alcove/python\""), "{policy}");
    let grants = home.ok(&["grants"]);
    assert!(
        grants.contains("group:admins") && grants.contains("for work"),
        "{grants}"
    );
}

#[test]
fn what_is_installed_from_a_path_is_granted_nothing() {
    let home = Home::new();
    let echo = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../plugins/dist/fixtures/echo.wasm"
    );
    let install = home.run(&["plugin", "install", echo]);
    assert!(install.status.success(), "{}", errors(&install));
    let text = errors(&install);
    assert!(
        text.contains("Nobody may use it yet") && text.contains("alcove grant local/"),
        "{text}"
    );
    let list = home.ok(&["plugin", "list"]);
    let id = list
        .lines()
        .find(|line| line.starts_with("local/"))
        .unwrap();
    let id = id.split_whitespace().next().unwrap().to_owned();
    assert!(!home.ok(&["grants"]).contains(&id));
    home.ok(&["grant", &id]);
    let text = home.fails(1, &["plugin", "remove", &id]);
    assert!(
        text.contains("everyone") && text.contains("alcove revoke"),
        "{text}"
    );
    home.ok(&["revoke", &id]);
    home.run(&["plugin", "remove", &id]);
    assert!(!home.ok(&["plugin", "list"]).contains(&id));
}

#[test]
fn a_key_made_here_opens_the_door() {
    let home = Home::new();
    let serving = home.serve();
    let secret = home.ok(&["key", "create", "a test", "--expires", "1"]);
    assert!(secret.starts_with("alc_"), "{secret}");
    let list = home.ok(&["key", "list"]);
    assert!(
        list.contains("a test") && !list.contains(secret.trim()),
        "{list}"
    );
    let id = list.split_whitespace().next().unwrap();
    home.ok(&["key", "revoke", id]);
    assert!(!home.ok(&["key", "list"]).contains(id));
    drop(serving);
}

#[test]
fn a_secret_is_piped_in_and_never_shown() {
    let home = Home::new();
    let serving = home.serve();
    let set = |arguments: &[&str], value: &str| {
        let mut child = home
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(value.as_bytes()).unwrap();
        drop(stdin);
        child.wait_with_output().unwrap()
    };
    let output = set(&["secret", "set", "search-key"], "a-long-enough-value\n");
    assert!(output.status.success(), "{}", errors(&output));
    assert!(errors(&output).contains("{secret:search-key}"));
    let output = set(&["secret", "set", "own", "--user"], "another-value");
    assert!(output.status.success(), "{}", errors(&output));
    let list = home.ok(&["secret", "list"]);
    assert!(list.contains("search-key") && list.contains("the organisation"));
    assert!(list.contains("own") && list.contains("you alone"), "{list}");
    assert!(!list.contains("value"), "{list}");
    home.ok(&["secret", "remove", "own", "--user"]);
    assert!(!home.ok(&["secret", "list"]).contains("own"));
    assert!(
        home.fails(1, &["secret", "remove", "own"])
            .contains("secret list")
    );
    for (value, says) in [("", "no value was given"), ("short", "8 to 2048")] {
        let output = set(&["secret", "set", "key"], value);
        assert!(!output.status.success() && errors(&output).contains(says));
    }
    // A value on the command line is no argument that there is.
    home.fails(2, &["secret", "set", "key", "a-long-enough-value"]);
    drop(serving);
}

#[test]
fn one_message_answers_and_ends() {
    let home = Home::new();
    let _serving = home.serve();
    let text = answered(&home.run(&["chat", "-m", "Say hello.", "--json"]));
    let events = events(&text);
    assert_eq!(events[0]["type"], "response.created");
    for (index, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], index);
    }
    let last = events.last().unwrap();
    assert!(
        ["response.completed", "response.incomplete"].contains(&last["type"].as_str().unwrap()),
        "{last}"
    );
    let conversation = last["response"]["conversation"].clone();
    let conversation = conversation
        .as_str()
        .or_else(|| conversation["id"].as_str())
        .unwrap();

    // It can be gone on with, and an unknown one is told.
    answered(&home.run(&["chat", "-m", "Again.", "--conversation", conversation]));
    let text = home.fails(
        1,
        &[
            "chat",
            "-m",
            "x",
            "--conversation",
            "conv_00000000000070008000000000000000",
        ],
    );
    assert!(text.contains("conversation"), "{text}");
}

#[test]
fn a_server_is_started_where_none_runs() {
    let home = Home::new();
    answered(&home.run(&["chat", "-m", "Say hello."]));
    assert!(
        !home.data().join("server.json").exists(),
        "it is gone with the command"
    );
    // One that was killed leaves its file, which fools nobody.
    write(
        &home.data().join("server.json"),
        r#"{"address":"http://127.0.0.1:9","pid":1}"#,
    );
    home.ok(&["grants"]);
}

#[test]
fn a_signal_stops_the_answer() {
    let home = Home::new();
    let _serving = home.serve_with(&["--limits.output-tokens", "2048"]);
    let mut child = home
        .command(&[
            "chat",
            "-m",
            "Count from one to ten thousand, one number a line.",
            "--json",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = Vec::new();
    while !seen
        .iter()
        .any(|event: &Value| event["type"] == "response.output_text.delta")
    {
        seen.push(serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap());
    }
    interrupt(&child);
    let stopped = Instant::now();
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    let last: Value = serde_json::from_str(rest.last().unwrap()).unwrap();
    assert_eq!(last["type"], "alcove:response.cancelled", "{last}");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(stopped.elapsed() < PATIENCE.min(Duration::from_secs(10)));
}

/// Asks `alcove mcp --stdio`, which is a server itself where none runs, for one call of Python.
fn one_python_call(home: &Home) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut child = home
        .command(&["mcp", "--stdio"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let message = serde_json::json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
        "name": "python", "arguments": {"code": "6 * 7"},
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        },
    }});
    writeln!(child.stdin.as_mut().unwrap(), "{message}").unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    (child, output)
}

#[test]
fn a_server_killed_while_it_compiles_compiles_again() {
    let home = Home::new();
    let compiled = || -> Vec<String> {
        let entries = std::fs::read_dir(home.data().join("cache"))
            .into_iter()
            .flatten();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(".cwasm")).collect()
    };
    // Python takes seconds: it is under way a moment after the process has begun with it.
    let (mut child, _output) = one_python_call(&home);
    let began = Instant::now();
    while !home.data().join("cache").exists() {
        assert!(began.elapsed() < PATIENCE, "it never began");
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(500));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(compiled().is_empty(), "it was too fast to be killed at it");

    let (mut child, mut output) = one_python_call(&home);
    let mut answer = String::new();
    output.read_line(&mut answer).unwrap();
    assert!(answer.contains("42"), "{answer}");
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    assert!(compiled().iter().any(|name| !name.starts_with('.')));
}
