//! Which language, and the program that runs its tests.

use serde_json::json;

/// How long one test may take, in seconds.
const SECONDS: f64 = 5.0;
/// A language whose tests can be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    /// Python.
    Python,
    /// JavaScript, and TypeScript.
    JavaScript,
}

impl Language {
    /// The tool that runs it.
    pub(crate) fn tool(self) -> &'static str {
        match self {
            Language::Python => "alcove/python:python",
            Language::JavaScript => "alcove/javascript:javascript",
        }
    }

    /// What that tool is given.
    pub(crate) fn program(self, code: &str, tests: &str, path: &str) -> String {
        match self {
            Language::Python => {
                // As JSON, so that no text of it ends a string of the program.
                let arguments = json!({"code": code, "tests": tests, "path": path});
                let quoted = json!(arguments.to_string());
                format!(
                    "import json, testing\ntesting.run(**json.loads({quoted}), seconds={SECONDS})\n"
                )
            }
            Language::JavaScript => {
                let milliseconds = SECONDS * 1e3;
                let arguments = json!({
                    "code": code, "tests": tests, "path": path, "timeout": milliseconds,
                });
                format!("await __alcove.runner({arguments})")
            }
        }
    }
}

/// The languages of the code, or of the files at a path: both, where a folder may hold both.
pub(crate) fn of(named: Option<&str>, code: &str, tests: &str, path: &str) -> Vec<Language> {
    match named {
        Some("python") => return vec![Language::Python],
        Some(_) => return vec![Language::JavaScript],
        None => {}
    }
    if !path.is_empty() {
        return match path.rsplit_once('.').map(|(_, ending)| ending) {
            Some("py") => vec![Language::Python],
            Some("js" | "mjs" | "cjs" | "ts" | "mts") => vec![Language::JavaScript],
            _ => vec![Language::Python, Language::JavaScript],
        };
    }
    let is_python = |line: &str| {
        let line = line.trim();
        let begins = ["class ", "if ", "for ", "while ", "with "];
        ["def ", "async def ", "from ", "assert "]
            .iter()
            .any(|word| line.starts_with(word))
            || line.ends_with(':') && begins.iter().any(|word| line.starts_with(word))
            || line.starts_with("import ") && !line.contains(['"', '\''])
    };
    match code.lines().chain(tests.lines()).any(is_python) {
        true => vec![Language::Python],
        false => vec![Language::JavaScript],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_known_by_their_words() {
        for (code, language) in [
            ("def f(a):\n    return a", Language::Python),
            ("import math\nx = math.pi", Language::Python),
            ("def f(a): return a", Language::Python),
            ("export const f = (a) => a", Language::JavaScript),
            ("import x from './x'\nclass A {\n}", Language::JavaScript),
            (
                "function f(a) {\n  if (a) { return 1 }\n}",
                Language::JavaScript,
            ),
        ] {
            assert_eq!(of(None, code, "", ""), [language], "{code}");
        }
        assert_eq!(of(None, "", "", "a/test_x.py"), [Language::Python]);
        assert_eq!(of(None, "", "", "src").len(), 2);
        assert_eq!(
            of(Some("typescript"), "def f():", "", ""),
            [Language::JavaScript]
        );
    }

    #[test]
    fn code_cannot_leave_its_string() {
        let program = Language::Python.program("\"\"\"\\\")\nimport os", "", "");
        let lines: Vec<&str> = program.lines().collect();
        assert!(
            lines.len() == 2 && lines[1].contains("import os"),
            "{program}"
        );
    }
}
