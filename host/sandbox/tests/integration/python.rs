//! The Python tool, as far as the sandbox is concerned: that CPython finds what it imports.

use alcove_policies::{DEFAULTS, Policy};
use alcove_sandbox::Invocation;

use crate::support::{Bench, built, grant, text};

#[tokio::test(flavor = "multi_thread")]
async fn cpython_runs_with_everything_refused() {
    let bench = Bench::new();
    let python = bench.load(&built("python.wasm")).await.unwrap();
    let (_, policy) = DEFAULTS
        .iter()
        .find(|(plugin, _)| *plugin == "alcove/python")
        .unwrap();
    let policy = Policy::parse(policy).unwrap();
    let mut session = bench
        .sandbox
        .open_session(&python, grant(&policy))
        .await
        .unwrap();
    for (code, expected) in [
        ("x = 2**200 + 7", ""),
        (
            "x",
            "1606938044258990275541962092341162602522202993782792835301383",
        ),
        (
            "try:\n    open('/etc/passwd')\nexcept OSError as e:\n    print('refused', type(e).__name__)",
            "refused",
        ),
        (
            "import socket\ntry:\n    socket.create_connection(('127.0.0.1', 80), 1)\nexcept OSError as e:\n    print('refused')",
            "refused",
        ),
        ("import os\nprint(dict(os.environ))", "{}"),
        (
            "import random, time\nprint(random.random() < 1, time.time() > 1e9)",
            "True True",
        ),
    ] {
        let arguments = serde_json::json!({ "code": code }).to_string();
        let report = session.call(Invocation::new("python", arguments)).await;
        assert!(text(&report).contains(expected), "{code}: {report:?}");
        assert!(session.is_alive());
    }
}
