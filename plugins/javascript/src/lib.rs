//! The tool `javascript`: runs JavaScript and TypeScript as a REPL does, in QuickJS inside a
//! component. Types are taken away, not checked.

mod cell;
mod clock;
mod disk;
mod edits;
mod interpreter;
mod lines;
mod modules;
mod repl;
mod types;

/// What to run.
#[derive(serde::Deserialize, alcove_sdk::Input)]
pub struct Arguments {
    /// The code to run.
    #[input(min_length = 1, max_length = 200_000)]
    pub code: String,
}

#[alcove_sdk::plugin(id = "alcove/javascript", requests = "requests.toml", session = true)]
mod tools {
    use super::{Arguments, repl};
    use alcove_sdk::Outcome;

    /// Runs JavaScript or TypeScript, when the person asks for one of the two.
    ///
    /// Returns what it prints; the value of a last expression is printed as well. Variables,
    /// functions and classes stay for the next call. No network, no packages, no DOM. Files are kept
    /// in /workspace.
    #[tool(
        title = "Run JavaScript",
        effects = ["compute"],
        example("Sort these names in JavaScript: Bo, Al, Cy", r#"{"code":"[\"Bo\", \"Al\", \"Cy\"].sort()"}"#),
        code(argument = "code", language = "javascript")
    )]
    pub(crate) fn javascript(arguments: Arguments) -> Outcome {
        repl::run(&arguments.code)
    }
}
