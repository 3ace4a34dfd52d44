//! The Python tool as its user sees it: what a cell prints, keeps and says when it fails.

use alcove_policies::{DEFAULTS, Policy};
use alcove_sandbox::{Invocation, Outcome, Session};

use crate::support::{Bench, built, grant, text};

fn policy() -> Policy {
    let (_, policy) = DEFAULTS
        .iter()
        .find(|(plugin, _)| *plugin == "alcove/python")
        .unwrap();
    Policy::parse(policy).unwrap()
}

async fn run(session: &mut Session, code: &str) -> String {
    let arguments = serde_json::json!({ "code": code }).to_string();
    let report = session.call(Invocation::new("python", arguments)).await;
    match &report.outcome {
        Outcome::Failed(failure) if failure.kind == "raised" => failure.message.clone(),
        _ => text(&report),
    }
}

/// One interpreter for all cells: compiling CPython takes seconds.
#[tokio::test(flavor = "multi_thread")]
async fn a_cell_behaves_as_in_a_repl() {
    let bench = Bench::new();
    let python = bench.load(&built("python.wasm")).await.unwrap();
    let mut session = bench
        .sandbox
        .open_session(&python, grant(&policy()))
        .await
        .unwrap();
    let one = &mut session;

    // Printed is what is printed, and the value of a last expression.
    assert_eq!(run(one, "x = 5").await, "(no output)");
    assert_eq!(run(one, "print('a')\nx += 1\nx").await, "a\n6\n");
    assert_eq!(run(one, "None").await, "(no output)");
    assert_eq!(run(one, "_ * 2").await, "12\n");
    assert_eq!(run(one, "  y = 3\n  y * x").await, "18\n");
    assert_eq!(run(one, "len(str(7**100000))").await, "84510\n");
    assert_eq!(
        run(one, "import sys\nsys.stdout.close()\nprint('still here')").await,
        "still here\n"
    );
    assert_eq!(
        run(
            one,
            "print('out'); print('err', file=sys.stderr); print('out')"
        )
        .await,
        "out\nerr\nout\n"
    );

    // An exception fails with the frames of the author's own code.
    assert_eq!(
        run(
            one,
            "import json\ndef f(text):\n    return json.loads(text)\nf('{')"
        )
        .await,
        "Traceback (most recent call last):\n  File \"<cell 9>\", line 4, in <module>\n    f('{')\n    \
         ~^^^^^\n  File \"<cell 9>\", line 3, in f\n    return json.loads(text)\n           \
         ~~~~~~~~~~^^^^^^\njson.decoder.JSONDecodeError: Expecting property name enclosed in double \
         quotes: line 1 column 2 (char 1)\n"
    );
    assert!(
        run(one, "1 +")
            .await
            .ends_with("SyntaxError: invalid syntax\n")
    );
    assert_eq!(run(one, "x").await, "6\n");
    assert!(
        run(one, "import numpy")
            .await
            .contains("Packages cannot be installed")
    );
    assert_eq!(
        run(one, "exit_code = 3\nsys.exit(exit_code)").await,
        "The code ended itself with status 3."
    );
    assert!(
        run(one, "input('name? ')")
            .await
            .contains("EOFError: input() cannot ask anybody here")
    );
    // A host that gives it no place for charts.
    assert!(
        run(one, "plot([1, 2], [3, 4])")
            .await
            .starts_with("The chart cannot be shown: ")
    );
    let missing = run(one, "import matplotlib.pyplot as plt\nplt.imshow([[1]])").await;
    assert!(
        missing.contains("charts here have no `imshow`"),
        "{missing}"
    );
    let deep = run(one, "def again(): return again()\nagain()").await;
    assert!(deep.contains("RecursionError"), "{deep}");

    // Too much output is cut and counted.
    let long = run(one, "print('x' * 250_000)").await;
    assert!(long.len() < 110_000 && long.contains("[150001 more bytes of output were dropped]"));

    // What models write without thinking about where it runs.
    assert_eq!(
        run(one, "import asyncio\nasync def g(i):\n    await asyncio.sleep(0.01)\n    return i\n\
                  async def main():\n    return await asyncio.gather(g(1), g(2))\nasyncio.run(main())")
            .await,
        "[1, 2]\n"
    );
    assert_eq!(
        run(
            one,
            "from dataclasses import dataclass\nimport pickle\n@dataclass\nclass P:\n    a: int\n\
                  pickle.loads(pickle.dumps(P(3)))"
        )
        .await,
        "P(a=3)\n"
    );
    assert_eq!(
        run(
            one,
            "import datetime, zoneinfo\ndatetime.datetime(2026, 7, 1, tzinfo=\
                  zoneinfo.ZoneInfo('Asia/Tokyo')).isoformat()"
        )
        .await,
        "'2026-07-01T00:00:00+09:00'\n"
    );
    assert_eq!(
        run(
            one,
            "import sqlite3\nsqlite3.connect(':memory:').execute('select 6*7').fetchone()"
        )
        .await,
        "(42,)\n"
    );
    let tests = run(
        one,
        "import unittest\nclass T(unittest.TestCase):\n    def test_it(self):\n        \
         self.assertEqual(1, 2)\nunittest.main()",
    )
    .await;
    assert!(tests.contains("AssertionError: 1 != 2") && tests.contains("FAILED (failures=1)"));

    // Misuse is a failure, not a result.
    let report = one.call(Invocation::new("python", "{}")).await;
    assert!(
        matches!(&report.outcome, Outcome::Failed(failure) if failure.kind == "invalid-input"),
        "{:?}",
        report.outcome
    );

    // Another interpreter knows nothing of this one, and draws other numbers.
    let random = "import random\n[random.random() for _ in range(3)]";
    let drawn = run(one, random).await;
    let mut other = bench
        .sandbox
        .open_session(&python, grant(&policy()))
        .await
        .unwrap();
    assert_ne!(run(&mut other, random).await, drawn);
    assert!(run(&mut other, "x").await.contains("NameError"));
}
