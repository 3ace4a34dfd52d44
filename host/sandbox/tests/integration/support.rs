//! What the tests share: a sandbox, guests written as text, policies, a small HTTP server.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use alcove_egress::{Egress, EgressConfig};
use alcove_policies::Policy;
use alcove_sandbox::{
    Call, Compiler, Component, Content, Grant, Invocation, LoadError, Outcome, Report, Sandbox,
    SandboxConfig, Secrets,
};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// A sandbox, and a folder for its components.
pub(crate) struct Bench {
    pub(crate) sandbox: Sandbox,
    pub(crate) folder: TempDir,
}

pub(crate) fn config(folder: &Path) -> SandboxConfig {
    SandboxConfig {
        cache_dir: folder.join("cache"),
        cache_mac_key: [7; 32],
        cache_bytes: u64::MAX,
        compiler: Compiler::InProcess,
        max_instances: 8,
        egress: Egress::new(EgressConfig::default()).unwrap(),
    }
}

impl Bench {
    pub(crate) fn new() -> Bench {
        let folder = tempfile::tempdir().unwrap();
        // What was compiled by one test, or by an earlier run, is there for all.
        let mut config = config(folder.path());
        config.cache_dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sandbox-cache");
        Bench {
            sandbox: Sandbox::new(config).unwrap(),
            folder,
        }
    }

    /// Loads a component from its text or its bytes.
    pub(crate) async fn load(&self, wasm: &[u8]) -> Result<Component, LoadError> {
        let (path, digest) = self.file(wasm);
        self.sandbox.load(&path, &digest).await
    }

    pub(crate) fn file(&self, wasm: &[u8]) -> (PathBuf, String) {
        let digest = hex::encode(Sha256::digest(wasm));
        let path = self.folder.path().join(&digest);
        std::fs::write(&path, wasm).unwrap();
        (path, digest)
    }

    /// Loads a guest whose core code is `core`.
    pub(crate) async fn guest(&self, core: &str) -> Component {
        self.load(&component(core)).await.unwrap()
    }

    pub(crate) async fn call(
        &self,
        component: &Component,
        policy: &Policy,
        arguments: &str,
    ) -> Report {
        self.sandbox
            .call(component, call(policy, "tool", arguments))
            .await
    }

    pub(crate) async fn fixture(&self, name: &str) -> Component {
        self.load(&fixture(name)).await.unwrap()
    }

    /// Calls the probe.
    pub(crate) async fn probe(&self, policy: &Policy, arguments: &str) -> Report {
        let probe = self.fixture("probe").await;
        self.sandbox
            .call(&probe, call(policy, "probe", arguments))
            .await
    }
}

/// A built component of `plugins/`.
pub(crate) fn fixture(name: &str) -> Vec<u8> {
    built(&format!("fixtures/{name}.wasm"))
}

pub(crate) fn built(name: &str) -> Vec<u8> {
    let dist = std::env::var_os("ALCOVE_PLUGINS_DIST").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/dist"),
        PathBuf::from,
    );
    let path = dist.join(name);
    std::fs::read(&path).unwrap_or_else(|error| {
        panic!(
            "{} cannot be read ({error}); run `cargo xtask build`",
            path.display()
        )
    })
}

pub(crate) fn grant(policy: &Policy) -> Grant {
    Grant {
        plugin: policy.plugin().to_owned(),
        policy: Arc::new(policy.clone().into()),
        mounts: Vec::new(),
        secrets: Secrets::default(),
        lease: CancellationToken::new(),
    }
}

pub(crate) fn call(policy: &Policy, tool: &str, arguments: &str) -> Call {
    Call {
        invocation: Invocation::new(tool, arguments),
        grant: grant(policy),
    }
}

/// A policy with these lines after its head.
pub(crate) fn policy(lines: &str) -> Policy {
    Policy::parse(&format!("version = 1\nplugin = \"local/test\"\n{lines}")).unwrap()
}

/// The defaults.
pub(crate) fn plain() -> Policy {
    policy("")
}

/// The text parts of a good result.
#[track_caller]
pub(crate) fn text(report: &Report) -> String {
    let Outcome::Ok(parts) = &report.outcome else {
        panic!("not ok: {:?}", report.outcome);
    };
    parts
        .iter()
        .map(|part| match &part.content {
            Content::Text(text) | Content::Json(text) => text.as_str(),
            other => panic!("not text: {other:?}"),
        })
        .collect::<Vec<_>>()
        .join("\n")
}

/// The name of the limit that was hit.
#[track_caller]
pub(crate) fn limit(report: &Report) -> &'static str {
    match &report.outcome {
        Outcome::Limit(hit) => hit.name,
        other => panic!("not a limit: {other:?}"),
    }
}

/// A tool whose core module holds `core`: functions that may call `$text` (pointer, length: an
/// answer), `$fail` (a failure of kind `not-found`), the imports `$log` and `$remaining`, and define
/// `$invoke` (tool, its length, arguments, their length: where the result lies).
pub(crate) fn component(core: &str) -> Vec<u8> {
    let text = component_text(core);
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn component_text(core: &str) -> String {
    TEMPLATE.replace("CORE", core)
}

const TEMPLATE: &str = r#"
(component
  (import "alcove:tool/types@0.1.0" (instance $types
    (type $a (enum "model" "user" "both"))
    (export "audience" (type $audience (eq $a)))
    (type $c (variant (case "text" string) (case "json" string) (case "asset" string)
      (case "link" (tuple string string))))
    (export "content" (type $content (eq $c)))
    (type $p (record (field "content" $content) (field "audience" $audience)))
    (export "part" (type (eq $p)))
    (type $f (record (field "kind" string) (field "message" string)
      (field "retry-after-ms" (option u64))))
    (export "failure" (type (eq $f)))))
  (alias export $types "part" (type $part))
  (alias export $types "failure" (type $failure))
  (import "alcove:tool/session@0.1.0" (instance $session
    (type $l (enum "debug" "info" "warn" "error"))
    (export "level" (type $level (eq $l)))
    (export "log" (func (param "level" $level) (param "message" string)))
    (export "progress" (func (param "permille" (option u32)) (param "note" string)))
    (export "remaining-ms" (func (result u64)))))
  (core module $heap
    (memory (export "memory") 1)
    (global $next (mut i32) (i32.const 32768))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $next) (i32.const 15)) (i32.const -16)))
      (global.set $next (i32.add (local.get $at) (local.get 3)))
      (block $enough
        (br_if $enough (i32.le_u (global.get $next) (i32.mul (memory.size) (i32.const 65536))))
        (drop (memory.grow (i32.add (i32.shr_u (local.get 3) (i32.const 16)) (i32.const 1)))))
      (local.get $at)))
  (core instance $heap (instantiate $heap))
  (alias core export $heap "memory" (core memory $memory))
  (core func $log (canon lower (func $session "log") (memory $memory)))
  (core func $progress (canon lower (func $session "progress") (memory $memory)))
  (core func $remaining (canon lower (func $session "remaining-ms")))
  (core module $tool
    (import "heap" "memory" (memory 1))
    (import "host" "log" (func $log (param i32 i32 i32)))
    (import "host" "progress" (func $progress (param i32 i32 i32 i32)))
    (import "host" "remaining" (func $remaining (result i64)))
    ;; The result lies at 1024, its one part at 2048.
    (func $text (param $at i32) (param $length i32) (result i32)
      (i32.store8 (i32.const 1024) (i32.const 0))
      (i32.store (i32.const 1032) (i32.const 2048))
      (i32.store (i32.const 1036) (i32.const 1))
      (i32.store8 (i32.const 2048) (i32.const 0))
      (i32.store (i32.const 2052) (local.get $at))
      (i32.store (i32.const 2056) (local.get $length))
      (i32.store8 (i32.const 2068) (i32.const 2))
      (i32.const 1024))
    (data (i32.const 512) "not-found")
    (data (i32.const 544) "nothing here")
    (func $fail (result i32)
      (i32.store8 (i32.const 1024) (i32.const 1))
      (i32.store (i32.const 1032) (i32.const 512))
      (i32.store (i32.const 1036) (i32.const 9))
      (i32.store (i32.const 1040) (i32.const 544))
      (i32.store (i32.const 1044) (i32.const 12))
      (i32.store8 (i32.const 1048) (i32.const 1))
      (i64.store (i32.const 1056) (i64.const 1500))
      (i32.const 1024))
    CORE
    (export "invoke" (func $invoke)))
  (core instance $tool (instantiate $tool
    (with "heap" (instance $heap))
    (with "host" (instance
      (export "log" (func $log))
      (export "progress" (func $progress))
      (export "remaining" (func $remaining))))))
  (func $invoke (param "tool" string) (param "arguments" string)
    (result (result (list $part) (error $failure)))
    (canon lift (core func $tool "invoke") (memory $memory) (realloc (core func $heap "realloc"))))
  (instance $handler
    (export "part" (type $part))
    (export "failure" (type $failure))
    (export "invoke" (func $invoke)))
  (export "alcove:tool/handler@0.1.0" (instance $handler)))
"#;

/// The head of a function that answers a call.
pub(crate) const INVOKE: &str = "(func $invoke (param $tool i32) (param $tool_length i32) (param $at i32) (param $length i32) (result i32)";

/// Answers with its arguments.
pub(crate) fn echo() -> String {
    format!("{INVOKE} (call $text (local.get $at) (local.get $length)))")
}

/// Computes for ever.
pub(crate) fn endless() -> String {
    format!("{INVOKE} (loop $again (br $again)) (unreachable))")
}

/// A server on loopback that answers every request with `answer` and remembers the requests.
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) fn new(answer: &'static str) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let mut bytes = vec![0; 65536];
                let read = stream.read(&mut bytes).unwrap_or(0);
                seen.lock()
                    .unwrap()
                    .push(String::from_utf8_lossy(&bytes[..read]).into_owned());
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Server { port, requests }
    }

    pub(crate) fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

pub(crate) const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
