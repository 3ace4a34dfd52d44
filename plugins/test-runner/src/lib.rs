//! The tool `run_tests`: tests of Python, JavaScript and TypeScript.
//!
//! It runs nothing itself. It hands code and tests to the tool of their language, which starts
//! afresh, and says what came of each test.

mod language;
mod report;

use alcove_sdk::delegate::Error;
use alcove_sdk::{Failure, Outcome, Part, delegate};

use language::Language;

/// What to test.
#[derive(serde::Deserialize, alcove_sdk::Input)]
pub struct Arguments {
    /// The code under test; what its docstrings show is tested as well.
    #[input(max_length = 80_000)]
    pub code: Option<String>,
    /// The tests, in the style of pytest, unittest, node:test or vitest.
    #[input(max_length = 80_000)]
    pub tests: Option<String>,
    /// Instead of both: a file or folder with tests in /workspace.
    #[input(max_length = 1000)]
    pub path: Option<String>,
    /// Where it is not clear from the code.
    #[input(choices = ["python", "javascript", "typescript"])]
    pub language: Option<String>,
}

#[alcove_sdk::plugin(id = "alcove/test-runner", requests = "requests.toml")]
mod tools {
    use super::{Arguments, run};
    use alcove_sdk::Outcome;

    /// Runs unit tests, when the person asks for tests, and says which failed and why.
    ///
    /// Of Python, JavaScript or TypeScript: give the code and its tests, or the path of a file or
    /// folder in /workspace.
    #[tool(
        title = "Run tests",
        effects = ["compute"],
        example("Run the tests in my project folder", r#"{"path":"project"}"#)
    )]
    pub(crate) fn run_tests(arguments: Arguments) -> Outcome {
        run(&arguments)
    }
}

fn run(arguments: &Arguments) -> Outcome {
    let code = arguments.code.as_deref().unwrap_or_default();
    let tests = arguments.tests.as_deref().unwrap_or_default();
    let path = arguments.path.as_deref().unwrap_or_default();
    if path.trim().is_empty() && code.trim().is_empty() && tests.trim().is_empty() {
        return Err(Failure::invalid_input(
            "give `code` and `tests`, or the `path` of a file or folder in /workspace",
        ));
    }
    let named = arguments.language.as_deref();
    // Code that is given counts; a path beside it would be a guess.
    let path = match code.trim().is_empty() && tests.trim().is_empty() {
        true => path,
        false => "",
    };
    let languages = language::of(named, code, tests, path);
    let mut results = Vec::new();
    for language in &languages {
        results.extend(in_language(*language, code, tests, path)?);
    }
    Ok(vec![Part::text(report::text(&results, path))])
}

/// The results of one language's tool.
fn in_language(
    language: Language,
    code: &str,
    tests: &str,
    path: &str,
) -> Result<Vec<report::Result>, Failure> {
    let program = language.program(code, tests, path);
    let arguments = serde_json::json!({ "code": program }).to_string();
    let printed = match delegate::call(language.tool(), &arguments) {
        Ok(parts) => delegate::text(&parts),
        // What ends the whole run is a result: the model has to read which limit it was.
        Err(Error::Limit((name, allowed))) => {
            return Ok(vec![report::Result::ended(format!(
                "the tests reached the limit `{name}` ({allowed}) and were ended: \
                 make them smaller, or look for a loop that never ends"
            ))]);
        }
        Err(Error::Failed(failure)) if failure.kind == "raised" => failure.message,
        Err(other) => return Err(other.into()),
    };
    report::read(&printed).ok_or_else(|| {
        Failure::internal(format!(
            "the tool of the language gave no results: {}",
            printed.chars().take(400).collect::<String>()
        ))
    })
}
