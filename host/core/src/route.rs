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

/// Chooses who answers this question. Where it gives no hint itself, the message before it does:
/// "and now with a docstring" stays with whom it goes on from.
pub fn route(question: &str, before: Option<&str>) -> Route {
    let hint = |text: Option<&str>, which| {
        let programs = about_programs(text?)?;
        Some(format!("the message {which}{programs}"))
    };
    match hint(Some(question), "").or_else(|| hint(before, "before ")) {
        Some(reason) => Route {
            specialist: Specialist::Code,
            reason,
        },
        None => Route {
            specialist: Specialist::General,
            reason: "nothing in the message asks for a specialist".to_owned(),
        },
    }
}

/// What in a message speaks of programs.
fn about_programs(text: &str) -> Option<String> {
    if text.contains("```") {
        return Some("contains a code block".to_owned());
    }
    let lower = text.to_lowercase();
    let mut words: Vec<&str> = lower
        .split(|c: char| !(c.is_alphanumeric() || c == '+' || c == '#'))
        .filter(|word| CODE_WORDS.contains(word))
        .collect();
    words.sort_unstable();
    words.dedup();
    match words.as_slice() {
        [first, second, ..] => Some(format!("speaks of `{first}` and `{second}`")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_block_goes_to_code() {
        let route = route("What does this do?\n```rust\nfn main() {}\n```", None);
        assert_eq!(route.specialist, Specialist::Code);
        assert!(route.reason.contains("code block"));
    }

    #[test]
    fn two_words_of_programming_go_to_code() {
        let route = route("Write a Python function that sorts names.", None);
        assert_eq!(route.specialist, Specialist::Code);
        assert!(
            route.reason.contains("`function` and `python`"),
            "{}",
            route.reason
        );
    }

    #[test]
    fn one_word_alone_stays_general() {
        for question in ["Which dress code fits a wedding?", "Python, python!", "Hi!"] {
            assert_eq!(route(question, None).specialist, Specialist::General);
        }
    }

    #[test]
    fn a_message_that_goes_on_stays_with_code_and_the_one_after_does_not() {
        let programs = "Write a Python function that sorts names.";
        let on = route("And now with a docstring.", Some(programs));
        assert_eq!(on.specialist, Specialist::Code);
        assert!(
            on.reason.starts_with("the message before "),
            "{}",
            on.reason
        );
        let off = route("Thanks!", Some("And now with a docstring."));
        assert_eq!(off.specialist, Specialist::General);
    }
}
