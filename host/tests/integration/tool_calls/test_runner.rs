//! `run_tests`: code and tests in the tools of their languages, by way of `alcove:delegate`.

use super::*;

const TEST_RUNNER: &str = "alcove/test-runner";

async fn tested(path: &Path, arguments: Value) -> ToolResult {
    let cancel = CancellationToken::new();
    path.call_of(TEST_RUNNER, arguments, cancel).await.2
}

#[track_caller]
fn told(result: &ToolResult) -> &str {
    assert_eq!(result.outcome, ToolOutcome::Ok);
    &result.output[0].value
}

#[track_caller]
fn assert_told(result: &ToolResult, lines: &[&str]) {
    let text = told(result);
    for line in lines {
        assert!(text.contains(line), "{line}\n---\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pythons_tests_run_in_the_style_of_pytest_unittest_and_doctest() {
    let app = TestApp::start().await;
    let path = Path::new(&app).await;
    let code = "def half(n):\n    \"\"\"Half of it.\n\n    >>> half(4)\n    2\n    >>> half(3)\n    2\n    \"\"\"\n    return n // 2\n\ndef loop():\n    while True:\n        try:\n            while True: pass\n        except Exception: pass\n";
    let tests = "import unittest, pytest\nfrom half_module import half, loop\n\n\
        class Halves(unittest.TestCase):\n    def setUp(self):\n        self.n = 8\n    def test_it(self):\n        self.assertEqual(half(self.n), 4)\n    def test_wrong(self):\n        self.assertEqual(half(self.n), 5)\n\n\
        @pytest.fixture\ndef ten():\n    yield 10\n\n\
        def test_fixture(ten):\n    assert half(ten) == 5\n\n\
        def test_compared():\n    print('looking')\n    assert half(7) == 4\n\n\
        @pytest.mark.parametrize('n, wanted', [(2, 1), (6, 3)])\ndef test_each(n, wanted):\n    assert half(n) == wanted\n\n\
        def test_raises():\n    with pytest.raises(TypeError):\n        half('x')\n\n\
        @pytest.mark.skip(reason='not now')\ndef test_later():\n    assert False\n\n\
        def test_hangs():\n    loop()\n\n\
        class TestGroup:\n    def test_close(self):\n        assert half(1) == pytest.approx(0.0)\n";
    let result = tested(&path, json!({"code": code, "tests": tests})).await;
    assert_told(
        &result,
        &[
            "12 tests: 7 passed, 4 failed, 1 skipped",
            "✔ half example 1: half(4)",
            "✖ half example 2: half(3)",
            "expected: 2",
            "got:      1",
            "✔ Halves.test_it",
            "✖ Halves.test_wrong",
            "AssertionError: 4 != 5",
            "✔ test_fixture",
            "✖ test_compared",
            "half(7) == 4\n",
            "left:  3",
            "It printed:\n    looking",
            "✔ test_each[2-1]",
            "✔ test_raises",
            "- test_later (skipped)",
            "✖ test_hangs",
            "it took longer than 5 s",
            "✔ TestGroup.test_close",
        ],
    );
    assert!(!told(&result).contains("deadline"), "{}", told(&result));

    let broken = tested(&path, json!({"code": "def f(:\n", "tests": ""})).await;
    assert_told(&broken, &["1 failed", "✖ loading code", "SyntaxError"]);
    let nothing = tested(&path, json!({"code": "x: int = 1\nassert x"})).await;
    assert_told(&nothing, &["There is no test in it"]);
    let neither = tested(&path, json!({})).await;
    assert!(
        matches!(&neither.outcome, ToolOutcome::Failed { failure, .. } if failure == "invalid-input"),
        "{neither:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn javascripts_tests_run_with_types_and_imports_of_the_code() {
    let app = TestApp::start().await;
    let path = Path::new(&app).await;
    let code = "export interface Point { x: number; y: number }\nexport function norm(p: Point): number {\n  return Math.abs(p.x) + p.y\n}\nconst hidden = 1\n";
    let tests = "import { describe, it, expect } from 'vitest'\nimport { norm, type Point } from './geometry'\n\
        describe('norm', () => {\n  it('adds', () => expect(norm({ x: 1, y: 2 })).toBe(3))\n\
        it('takes signs away', () => {\n    console.log('here')\n    expect(norm({ x: -1, y: -2 })).toBe(3)\n  })\n\
        it('sees the code', () => expect(hidden).toBe(1))\n})\n";
    let result = tested(&path, json!({"code": code, "tests": tests})).await;
    assert_told(
        &result,
        &[
            "3 tests: 2 passed, 1 failed",
            "✖ norm > takes signs away",
            "AssertionError: expected -1 to be 3",
            "(/tests:7:",
            "It printed:\n    here",
            "✔ norm > sees the code",
        ],
    );
    let common = "function add(a, b) { return a + b }\nmodule.exports = { add }\n";
    let node = "const test = require('node:test')\nconst assert = require('node:assert')\nconst { add } = require('./add')\n\
        test('adds', () => assert.strictEqual(add(1, 2), 3))\ntest('sub', async (t) => { await t.test('inner', () => assert.ok(add(1, 1) === 2)) })\n";
    let result = tested(&path, json!({"code": common, "tests": node})).await;
    assert_told(&result, &["3 tests: 3 passed, 0 failed", "✔ sub"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_both_languages_is_tested() {
    let app = TestApp::start().await;
    let mut path = Path::new(&app).await;
    let made = path
        .python(
            "import os\nos.makedirs('shop/lib')\nfor name, text in {\n\
             'shop/price.py': 'def price(n):\\n    return n * 2\\n',\n\
             'shop/test_price.py': 'from price import price\\ndef test_price():\\n    assert price(2) == 4\\ndef test_wrong():\\n    assert price(2) == 5\\n',\n\
             'shop/lib/tax.ts': 'export const tax = (n: number): number => n / 5\\n',\n\
             'shop/lib/tax.test.ts': 'import { tax } from \"./tax\"\\ntest(\"tax\", () => expect(tax(10)).toBe(2))\\n',\n\
             }.items():\n    open(name, 'w').write(text)",
        )
        .await;
    assert_eq!(made.outcome, ToolOutcome::Ok, "{made:?}");
    let result = tested(&path, json!({"path": "shop"})).await;
    assert_told(
        &result,
        &[
            "3 tests: 2 passed, 1 failed",
            "✖ test_wrong",
            "test_price.py\", line 5",
            "left:  4",
            "✔ test_price",
            "✔ tax",
        ],
    );
    assert_eq!(result.label, Some(Label::Private), "files were read");
    let one = tested(&path, json!({"path": "/workspace/shop/lib/tax.test.ts"})).await;
    assert_told(&one, &["1 test: 1 passed, 0 failed"]);
    let none = tested(&path, json!({"path": "nowhere"})).await;
    assert_told(&none, &["There are no tests at nowhere"]);
}
