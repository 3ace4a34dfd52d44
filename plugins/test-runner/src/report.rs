//! What came of each test, in words for model and person.

use serde::Deserialize;

/// What stands before the results in what the tool of a language printed.
const MARK: &str = "\u{1e}TESTS ";
/// How many failures are shown whole.
const MAX_FAILURES: usize = 10;
/// How many tests are named.
const MAX_NAMED: usize = 100;
/// How much of an error, and of what a test printed.
const MAX_TEXT: usize = 1_500;

/// What came of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    Passed,
    Failed,
    Skipped,
    Todo,
}

/// One test.
#[derive(Debug, Deserialize)]
pub(crate) struct Result {
    name: String,
    status: Status,
    ms: f64,
    error: Option<String>,
    output: Option<String>,
}

impl Result {
    /// A run that was ended.
    pub(crate) fn ended(why: String) -> Result {
        Result {
            name: "all tests".to_owned(),
            status: Status::Failed,
            ms: 0.0,
            error: Some(why),
            output: None,
        }
    }
}

/// The results among what was printed.
pub(crate) fn read(printed: &str) -> Option<Vec<Result>> {
    let (_, results) = printed.rsplit_once(MARK)?;
    serde_json::from_str(results.lines().next()?).ok()
}

/// A summary, the failures with their reasons, and every test's name.
pub(crate) fn text(results: &[Result], path: &str) -> String {
    if results.is_empty() {
        return match path {
            "" => "There is no test in it: name functions test_…, or use test(\"…\", () => {…})."
                .to_owned(),
            path => format!(
                "There are no tests at {path} in /workspace: their files are named test_….py, \
                 …_test.py, ….test.js or ….test.ts."
            ),
        };
    }
    let count = |status| results.iter().filter(|one| one.status == status).count();
    let (passed, failed) = (count(Status::Passed), count(Status::Failed));
    let left_out = results.len() - passed - failed;
    let tests = if results.len() == 1 { "test" } else { "tests" };
    let mut text = format!(
        "{} {tests}: {passed} passed, {failed} failed",
        results.len()
    );
    if left_out > 0 {
        text.push_str(&format!(", {left_out} skipped"));
    }
    text.push('\n');
    let failures = results.iter().filter(|one| one.status == Status::Failed);
    for one in failures.take(MAX_FAILURES) {
        text.push_str(&format!("\n✖ {} ({} ms)\n", one.name, one.ms));
        text.push_str(&indented(one.error.as_deref().unwrap_or("it failed")));
        if let Some(output) = &one.output {
            text.push_str(&format!("    It printed:\n{}", indented(output)));
        }
    }
    if failed > MAX_FAILURES {
        text.push_str(&format!("\n… and {} more failed\n", failed - MAX_FAILURES));
    }
    if passed + left_out > 0 {
        text.push('\n');
    }
    let others = results.iter().filter(|one| one.status != Status::Failed);
    for one in others.take(MAX_NAMED) {
        let line = match one.status {
            Status::Passed | Status::Failed => format!("✔ {} ({} ms)\n", one.name, one.ms),
            Status::Skipped => format!("- {} (skipped)\n", one.name),
            Status::Todo => format!("- {} (to do)\n", one.name),
        };
        text.push_str(&line);
    }
    if passed + left_out > MAX_NAMED {
        text.push_str(&format!("… and {} more\n", passed + left_out - MAX_NAMED));
    }
    text
}

fn indented(text: &str) -> String {
    let end = text.floor_char_boundary(MAX_TEXT);
    let cut = if end < text.len() { "\n…" } else { "" };
    let lines = text[..end].trim_end().lines().chain(cut.lines());
    lines
        .filter(|line| !line.is_empty())
        .map(|line| format!("    {line}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_told_failures_first() {
        let printed = "noise\n\u{1e}TESTS [{\"name\":\"a\",\"status\":\"passed\",\"ms\":1.5},\
            {\"name\":\"b\",\"status\":\"failed\",\"ms\":0,\"error\":\"1 is not 2\\n  at x\",\"output\":\"hm\\n\"},\
            {\"name\":\"c\",\"status\":\"skipped\",\"ms\":0}]\n";
        let results = read(printed).unwrap();
        assert_eq!(
            text(&results, ""),
            "3 tests: 1 passed, 1 failed, 1 skipped\n\n✖ b (0 ms)\n    1 is not 2\n      at x\n    \
             It printed:\n    hm\n\n✔ a (1.5 ms)\n- c (skipped)\n"
        );
        assert!(read("no results").is_none());
        assert!(text(&[], "folder").contains("There are no tests at folder"));
    }
}
