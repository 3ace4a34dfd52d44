//! A server that is killed at its work.

use super::*;

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
