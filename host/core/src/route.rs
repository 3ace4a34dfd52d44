//! Who answers: chosen from the words of the question, without asking a model.

use serde::{Deserialize, Serialize};

/// Who can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Specialist {
    /// Conversation and knowledge.
    General,
    /// Programs.
    Code,
}

/// The choice and why it was made: kept with the run, and shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Who answers.
    pub specialist: Specialist,
    /// Why, in words for people.
    pub reason: String,
}

/// Words that name programming; one of them is not proof, two are.
const CODE_WORDS: [&str; 26] = [
    "algorithm",
    "api",
    "bug",
    "c++",
    "class",
    "code",
    "compile",
    "compiler",
    "css",
    "debug",
    "exception",
    "function",
    "html",
    "java",
    "javascript",
    "json",
    "loop",
    "program",
    "python",
    "refactor",
    "regex",
    "rust",
    "script",
    "sql",
    "typescript",
    "variable",
];

/// Chooses who answers this question.
pub fn route(question: &str) -> Route {
    let code = |reason: String| Route {
        specialist: Specialist::Code,
        reason,
    };
    if question.contains("```") {
        return code("the message contains a code block".to_owned());
    }
    let lower = question.to_lowercase();
    let words: Vec<&str> = lower
        .split(|c: char| !(c.is_alphanumeric() || c == '+' || c == '#'))
        .filter(|word| CODE_WORDS.contains(word))
        .collect();
    let mut different: Vec<&str> = words;
    different.sort_unstable();
    different.dedup();
    match different.as_slice() {
        [first, second, ..] => code(format!("the message speaks of `{first}` and `{second}`")),
        _ => Route {
            specialist: Specialist::General,
            reason: "nothing in the message asks for a specialist".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_block_goes_to_code() {
        let route = route("What does this do?\n```rust\nfn main() {}\n```");
        assert_eq!(route.specialist, Specialist::Code);
        assert!(route.reason.contains("code block"));
    }

    #[test]
    fn two_words_of_programming_go_to_code() {
        let route = route("Write a Python function that sorts names.");
        assert_eq!(route.specialist, Specialist::Code);
        assert!(
            route.reason.contains("`function` and `python`"),
            "{}",
            route.reason
        );
    }

    #[test]
    fn one_word_alone_stays_general() {
        assert_eq!(
            route("Which dress code fits a wedding?").specialist,
            Specialist::General
        );
        assert_eq!(route("Python, python!").specialist, Specialist::General);
        assert_eq!(route("Hi!").specialist, Specialist::General);
    }
}
