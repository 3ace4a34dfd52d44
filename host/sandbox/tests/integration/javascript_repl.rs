//! The JavaScript tool as its user sees it: what a cell prints, keeps and says when it fails.

use alcove_policies::{DEFAULTS, Policy};
use alcove_sandbox::{Grant, Invocation, Mount, Outcome, Report, Session};

use crate::support::{Bench, built, grant, limit, text};

fn policy() -> Policy {
    let (_, policy) = DEFAULTS
        .iter()
        .find(|(plugin, _)| *plugin == "alcove/javascript")
        .unwrap();
    Policy::parse(policy).unwrap()
}

/// With a folder at `/workspace`.
fn granted(bench: &Bench) -> Grant {
    let host = bench.folder.path().join("workspace");
    std::fs::create_dir_all(&host).unwrap();
    let mut grant = grant(&policy());
    grant.mounts = vec![Mount {
        guest: "/workspace".to_owned(),
        host,
        writable: true,
    }];
    grant
}

async fn called(session: &mut Session, code: &str) -> Report {
    let arguments = serde_json::json!({ "code": code }).to_string();
    session.call(Invocation::new("javascript", arguments)).await
}

async fn run(session: &mut Session, code: &str) -> String {
    let report = called(session, code).await;
    match &report.outcome {
        Outcome::Failed(failure) if failure.kind == "raised" => format!("!{}", failure.message),
        _ => text(&report),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cell_behaves_as_in_a_repl() {
    let bench = Bench::new();
    let javascript = bench.load(&built("javascript.wasm")).await.unwrap();
    let session = bench.sandbox.open_session(&javascript, granted(&bench));
    let mut session = session.await.unwrap();
    let one = &mut session;

    for (code, printed) in [
        // Printed is what is printed, and the value of a last expression; declarations stay, and
        // may be made again.
        ("const x = 5", "(no output)"),
        ("console.log('a'); const x = 6; x", "a\n6\n"),
        ("_ * 2", "12\n"),
        (
            "class P { constructor(n) { this.n = n } }\nnew P(x)",
            "P { n: 6 }\n",
        ),
        (
            "new P([1, 'two', { three: null }])",
            "P { n: [ 1, 'two', { three: null } ] }\n",
        ),
        ("{ a: 1 }", "{ a: 1 }\n"),
        ("let { a, ...rest } = { a: 1, b: 2 }; rest", "{ b: 2 }\n"),
        ("2n ** 70n", "1180591620717411303424n\n"),
        ("[...'añ'].map(c => c.codePointAt(0))", "[ 97, 241 ]\n"),
        (
            "new Map([['k', new Set([1])]])",
            "Map(1) { 'k' => Set(1) { 1 } }\n",
        ),
        (
            "console.log('%s is %d', 'x', 1, [undefined])",
            "x is 1 [ undefined ]\n",
        ),
        (
            "const loop = {}; loop.self = loop; loop",
            "{ self: [Circular] }\n",
        ),
        // Types are taken away.
        (
            "interface Q { n: number }\nenum E { A = 1, B }\nconst q: Q = { n: E.B };\nq.n as number",
            "2\n",
        ),
        (
            "function twice<T>(f: (t: T) => T): (t: T) => T { return (t) => f(f(t)) }\ntwice((n: number) => n * 3)(1)",
            "9\n",
        ),
        // Waiting.
        ("await Promise.resolve(7)", "7\n"),
        (
            "setTimeout(() => console.log('later'), 20); console.log('now')",
            "now\nlater\n",
        ),
        (
            "const slept = await new Promise(done => setTimeout(done, 10, 'woken')); slept",
            "'woken'\n",
        ),
        // What Node has.
        (
            "import { join } from 'node:path'\njoin('a', '../b')",
            "'b'\n",
        ),
        (
            "const assert = require('assert'); assert.deepStrictEqual({ a: [1] }, { a: [1] })",
            "(no output)",
        ),
        (
            "new TextDecoder().decode(new TextEncoder().encode('héé €𝄞'))",
            "'héé €𝄞'\n",
        ),
        (
            "structuredClone(new Date(0)).toISOString()",
            "'1970-01-01T00:00:00.000Z'\n",
        ),
    ] {
        assert_eq!(run(one, code).await, printed, "{code}");
    }

    // An exception fails with the author's own frames, and the line.
    let raised = run(one, "function f(t) {\n  return JSON.parse(t)\n}\nf('{')").await;
    assert!(raised.starts_with("!SyntaxError: "), "{raised}");
    assert!(raised.contains("at f (<cell 22>:2:"), "{raised}");
    assert!(
        raised.contains("\n        return JSON.parse(t)\n"),
        "{raised}"
    );
    assert!(!raised.contains("alcove:"), "{raised}");
    for (code, says) in [
        (
            "let y = = 2",
            "at <cell 23>:1:9\n    let y = = 2\n            ^",
        ),
        ("throw 'words'", "Uncaught 'words'"),
        ("null.x", "TypeError: "),
        ("const f2 = (n) => f2(n + 1); f2(0)", "call stack"),
        (
            "Promise.reject(new Error('lost')); 1",
            "rejected with: Error: lost",
        ),
        (
            "setTimeout(() => { throw new Error('late') }, 1)",
            "Error: late",
        ),
        (
            "await new Promise(() => {})",
            "waits for something that cannot happen",
        ),
        ("prompt('name?')", "cannot ask anybody here"),
        ("await fetch('https://example.com')", "no network"),
        ("import _ from 'lodash'", "packages cannot be installed"),
        ("require('left-pad')", "packages cannot be installed"),
        ("process.exit(3)", "ended itself with status 3"),
    ] {
        let raised = run(one, code).await;
        assert!(
            raised.starts_with('!') && raised.contains(says),
            "{code}: {raised}"
        );
    }
    assert_eq!(run(one, "x").await, "6\n");

    // Too much output is cut and counted.
    let long = run(one, "console.log('x'.repeat(250_000))").await;
    assert!(long.len() < 110_000 && long.contains("[150001 more bytes of output were dropped]"));

    // Misuse is a failure, not a result.
    let report = one.call(Invocation::new("javascript", "{}")).await;
    assert!(
        matches!(&report.outcome, Outcome::Failed(failure) if failure.kind == "invalid-input"),
        "{:?}",
        report.outcome
    );

    // Another interpreter knows nothing of this one, and draws other numbers.
    let drawn = run(one, "Math.random()").await;
    let other = bench.sandbox.open_session(&javascript, granted(&bench));
    let mut other = other.await.unwrap();
    assert_ne!(run(&mut other, "Math.random()").await, drawn);
    assert!(run(&mut other, "x").await.contains("ReferenceError"));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_modules_are_the_conversations() {
    let bench = Bench::new();
    let javascript = bench.load(&built("javascript.wasm")).await.unwrap();
    let session = bench.sandbox.open_session(&javascript, granted(&bench));
    let mut session = session.await.unwrap();
    let one = &mut session;
    for (code, printed) in [
        (
            "import fs from 'fs'\nfs.mkdirSync('lib/deep', { recursive: true })\nfs.writeFileSync('lib/sum.ts', 'export const sum = (a: number, b: number): number => a + b\\nexport default sum')\nfs.readdirSync('.')",
            "[ 'lib' ]\n",
        ),
        (
            "fs.appendFileSync('lib/a.txt', 'añ'); fs.appendFileSync('lib/a.txt', 'b'); fs.readFileSync('lib/a.txt', 'utf8')",
            "'añb'\n",
        ),
        ("fs.statSync('lib/a.txt').size", "4\n"),
        ("`${fs.readFileSync('/workspace/lib/a.txt')}`", "'añb'\n"),
        (
            "import add, { sum } from './lib/sum.js'\nsum(1, 2) + add(3, 4)",
            "10\n",
        ),
        (
            "fs.writeFileSync('c.cjs', 'module.exports = { n: require(\"./d.json\").n + 1 }'); fs.writeFileSync('d.json', '{\"n\": 1}'); require('./c.cjs').n",
            "2\n",
        ),
        ("(await import('./d.json')).default", "{ n: 1 }\n"),
        (
            "fs.rmSync('lib', { recursive: true }); fs.existsSync('lib')",
            "false\n",
        ),
        (
            "try { fs.readFileSync('none') } catch (error) { error.code }",
            "'ENOENT'\n",
        ),
        (
            "try { fs.readFileSync('/etc/passwd') } catch (error) { error.code }",
            "'EACCES'\n",
        ),
        (
            "try { fs.readFileSync('../../etc/passwd') } catch (error) { error.code }",
            "'EACCES'\n",
        ),
    ] {
        assert_eq!(run(one, code).await, printed, "{code}");
    }
    let raised = run(
        one,
        "fs.writeFileSync('bad.ts', 'let a: number = 1\\n\\nnull.x'); await import('./bad.ts')",
    )
    .await;
    assert!(raised.contains("/workspace/bad.ts:3:"), "{raised}");
    let raised = run(
        one,
        "fs.writeFileSync('worse.ts', 'let a: = 1'); await import('./worse.ts')",
    )
    .await;
    assert!(raised.contains("/workspace/worse.ts:1:8"), "{raised}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tests_run_when_the_cell_ends() {
    let bench = Bench::new();
    let javascript = bench.load(&built("javascript.wasm")).await.unwrap();
    let session = bench.sandbox.open_session(&javascript, granted(&bench));
    let mut session = session.await.unwrap();
    let one = &mut session;
    let good = run(
        one,
        "import test from 'node:test'\nimport assert from 'node:assert/strict'\n\
         test('adds', () => assert.equal(1 + 1, 2))\n\
         test('waits', async () => { await new Promise(r => setTimeout(r, 5)) })",
    )
    .await;
    assert!(
        good.contains("✔ adds") && good.ends_with("2 tests: 2 passed, 0 failed\n"),
        "{good}"
    );
    let bad = run(
        one,
        "import { describe, it, expect, vi } from 'vitest'\n\
         describe('math', () => {\n  let n: number\n  beforeEach(() => { n = 1 })\n\
         it('adds', () => { n += 1; expect(n).toBe(2) })\n\
         it('is new each time', () => expect(n).toEqual(1))\n\
         it('fails', () => expect({ a: n }).toEqual({ a: 2 }))\n\
         it('throws', () => { expect(() => { throw new TypeError('no') }).toThrow(/no/) })\n\
         it.each([[1, 2], [2, 4]])('doubles %d', (a, b) => expect(a * 2).toBe(b))\n\
         it('remembers', () => { const f = vi.fn(); f(1); expect(f).toHaveBeenCalledWith(1) })\n\
         it('never ends', () => { for (;;) { try { while (true) {} } catch {} } }, 50)\n\
         it('waits too long', () => new Promise(() => {}), 30)\n\
         it.skip('is left out', () => { throw 1 })\n})",
    )
    .await;
    assert!(bad.starts_with('!'), "{bad}");
    for line in [
        "✔ math > adds",
        "✔ math > is new each time",
        "✖ math > fails",
        "AssertionError: expected { a: 1 } to equal { a: 2 }",
        "✔ math > doubles 2",
        "✔ math > remembers",
        "✖ math > never ends",
        "it took longer than 50 ms",
        "it took longer than 30 ms",
        "﹣ math > is left out (skipped)",
        "10 tests: 6 passed, 3 failed",
    ] {
        assert!(bad.contains(line), "{line}: {bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_too_much_ends_as_the_limit_it_hit() {
    let bench = Bench::new();
    let javascript = bench.load(&built("javascript.wasm")).await.unwrap();
    for (limits, code, name) in [
        ("cpu = \"100 ms\"", "for (;;) {}", "cpu"),
        ("wall = \"200 ms\"", "setInterval(() => {}, 5)", "wall"),
    ] {
        let policy = Policy::parse(&format!(
            "version = 1\nplugin = \"alcove/javascript\"\n[limits]\nmemory = \"64 MiB\"\n{limits}\n"
        ))
        .unwrap();
        let mut session = bench
            .sandbox
            .open_session(&javascript, grant(&policy))
            .await
            .unwrap();
        let report = called(&mut session, code).await;
        assert_eq!(limit(&report), name, "{code}");
    }
}
