//! Tools that read a folder of code and its git history.
//!
//! The folder is mounted read-only by a policy that an admin wrote; nothing here can change it, and
//! nothing of a repository is run: not its hooks, not what its configuration names.

mod git;
mod listing;
mod outline;
mod page;
mod place;
mod reading;
mod search;
mod symbols;
mod told;
mod walk;

/// What to list.
#[derive(serde::Deserialize, alcove_sdk::Input)]
pub struct ListArguments {
    /// A folder such as src; everything where it is left out.
    #[input(max_length = 1000)]
    pub path: Option<String>,
    /// Finds files at any depth whose path holds this, such as .py or config.
    #[input(max_length = 200)]
    pub name: Option<String>,
    /// The next page of a long list.
    #[input(min = 1, max = 10_000)]
    pub page: Option<u32>,
}

/// What to read.
#[derive(serde::Deserialize, alcove_sdk::Input)]
pub struct ReadArguments {
    /// The file, such as src/main.rs.
    #[input(min_length = 1, max_length = 1000)]
    pub path: String,
    /// The first line.
    #[input(min = 1, max = 100_000_000)]
    pub from: Option<u32>,
    /// The last line.
    #[input(min = 1, max = 100_000_000)]
    pub to: Option<u32>,
    /// A branch, tag or commit, for the file as it was there.
    #[input(max_length = 250)]
    pub revision: Option<String>,
}

/// What to search for.
#[derive(serde::Deserialize, alcove_sdk::Input)]
pub struct SearchArguments {
    /// Words as they stand in the code.
    #[input(min_length = 1, max_length = 500)]
    pub query: String,
    /// Whether `query` is a regular expression.
    pub regex: Option<bool>,
    /// Only in this folder or file.
    #[input(max_length = 1000)]
    pub path: Option<String>,
    /// The next page of a long list.
    #[input(min = 1, max = 10_000)]
    pub page: Option<u32>,
}

/// What to outline, or which name to find.
#[derive(serde::Deserialize, alcove_sdk::Input)]
pub struct SymbolsArguments {
    /// The function, class or type whose definition is wanted, such as Config; or a file such as
    /// src/app.py, to see all that it defines.
    #[input(min_length = 1, max_length = 1000)]
    pub name: String,
    /// The next page of a long list.
    #[input(min = 1, max = 10_000)]
    pub page: Option<u32>,
}

/// Whose history.
#[derive(serde::Deserialize, alcove_sdk::Input)]
pub struct HistoryArguments {
    /// A file or folder; everything where it is left out.
    #[input(max_length = 1000)]
    pub path: Option<String>,
    /// A branch, tag or commit to begin at.
    #[input(max_length = 250)]
    pub revision: Option<String>,
    /// The next page of a long list.
    #[input(min = 1, max = 10_000)]
    pub page: Option<u32>,
}

#[alcove_sdk::plugin(id = "alcove/repo-browser", requests = "requests.toml")]
mod tools {
    use super::place::Mounted;
    use super::{
        HistoryArguments, ListArguments, ReadArguments, SearchArguments, SymbolsArguments,
    };
    use super::{listing, reading, search, symbols, told, walk};
    use alcove_sdk::{Outcome, Part};

    const HEAD: &str = "HEAD";

    /// Lists a folder of the attached repository, or finds files by name.
    #[tool(
        title = "List files of the repository",
        effects = ["read-files"],
        files = ["*.git/HEAD"],
        example("What is in the folder src?", r#"{"path":"src"}"#),
        example("Where are the tests?", r#"{"name":"test"}"#)
    )]
    pub(crate) fn repo_list(arguments: ListArguments) -> Outcome {
        let (place, path) = Mounted::find(arguments.path.as_deref().unwrap_or_default())?;
        let text = listing::list(&place, &path, arguments.name.as_deref(), arguments.page)?;
        Ok(vec![Part::text(text)])
    }

    /// Reads lines of a file of the attached repository, also as an older commit has it.
    #[tool(
        title = "Read a file of the repository",
        effects = ["read-files"],
        files = ["*.git/HEAD"],
        example("Show lines 10 to 40 of src/main.rs", r#"{"path":"src/main.rs","from":10,"to":40}"#)
    )]
    pub(crate) fn repo_read(arguments: ReadArguments) -> Outcome {
        let (place, path) = Mounted::find(&arguments.path)?;
        let (from, to) = (arguments.from, arguments.to);
        let text = match &arguments.revision {
            Some(revision) => told::read(&place, &path, revision, from, to)?,
            None => {
                let path = walk::nearest(&place, &path)?.unwrap_or(path);
                reading::read(&place, &path, from, to)?
            }
        };
        Ok(vec![Part::text(text)])
    }

    /// Searches the code of the attached repository: lines with words or an expression.
    #[tool(
        title = "Search the repository",
        effects = ["read-files"],
        files = ["*.git/HEAD"],
        example("Where is parse_config called?", r#"{"query":"parse_config("}"#),
        example("Find all functions that begin with test", r#"{"query":"fn test\\w*","regex":true}"#)
    )]
    pub(crate) fn repo_search(arguments: SearchArguments) -> Outcome {
        let (place, path) = Mounted::find(arguments.path.as_deref().unwrap_or_default())?;
        let is_regex = arguments.regex.unwrap_or(false);
        let text = search::search(&place, &path, &arguments.query, is_regex, arguments.page)?;
        Ok(vec![Part::text(text)])
    }

    /// Finds where a function, class or type of the attached repository is defined, or outlines a file.
    ///
    /// It knows Python, JavaScript, TypeScript, HTML, CSS and Rust.
    #[tool(
        title = "Symbols of the repository",
        effects = ["read-files"],
        files = ["*.git/HEAD"],
        example("Where is the class Config defined?", r#"{"name":"Config"}"#),
        example("Which functions does src/app.py have?", r#"{"name":"src/app.py"}"#)
    )]
    pub(crate) fn repo_symbols(arguments: SymbolsArguments) -> Outcome {
        let (place, path) = Mounted::find(&arguments.name)?;
        // A name of code is rarely the path of a file, and then the file is what is meant.
        let text = match walk::nearest(&place, &path)? {
            Some(file) => symbols::symbols(&place, &file, None, arguments.page)?,
            None => {
                let name = path.rsplit('/').next();
                symbols::symbols(&place, "", name, arguments.page)?
            }
        };
        Ok(vec![Part::text(text)])
    }

    /// Says which commits of the attached repository changed a file: day, author, title.
    #[tool(
        title = "History of the repository",
        effects = ["read-files"],
        files = ["*.git/HEAD"],
        example("Who changed README.md last?", r#"{"path":"README.md"}"#)
    )]
    pub(crate) fn repo_history(arguments: HistoryArguments) -> Outcome {
        let (place, path) = Mounted::find(arguments.path.as_deref().unwrap_or_default())?;
        let revision = arguments.revision.as_deref().unwrap_or(HEAD);
        let text = told::history(&place, &path, revision, arguments.page)?;
        Ok(vec![Part::text(text)])
    }

    /// Says which commit each line of a file of the attached repository comes from.
    #[tool(
        title = "Blame a file of the repository",
        effects = ["read-files"],
        files = ["*.git/HEAD"],
        example("Who wrote line 12 of app.py?", r#"{"path":"app.py","from":12,"to":12}"#)
    )]
    pub(crate) fn repo_blame(arguments: ReadArguments) -> Outcome {
        let (place, path) = Mounted::find(&arguments.path)?;
        let revision = arguments.revision.as_deref().unwrap_or(HEAD);
        let text = told::blame(&place, &path, revision, arguments.from, arguments.to)?;
        Ok(vec![Part::text(text)])
    }
}

#[cfg(test)]
mod tests;
