//! Passages of sources, and where an answer cites them.

use serde::{Deserialize, Serialize};

use crate::ids::ItemId;

/// The longest number in brackets that is looked at; no turn has so many passages.
const MAX_DIGITS: usize = 4;

/// Where a text stands in its source: what the host checked, never what a tool said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    /// What the answer cites it by; unique in a turn.
    pub number: u32,
    /// Where the text comes from.
    pub source: Source,
    /// What the source calls itself.
    pub title: String,
    /// When the call that brought it ended, in milliseconds since the Unix epoch.
    pub retrieved_at_ms: i64,
    /// sha256 of the whole text that it is a piece of, in hex.
    pub sha256: String,
    /// The asset that holds that text.
    pub asset: String,
    /// Its first character in that text.
    pub start: u64,
    /// The character behind its last one.
    pub end: u64,
}

/// Where the text of a passage comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Source {
    /// An address.
    Url {
        /// In full.
        url: String,
    },
    /// A file of the person's.
    File {
        /// What it is called.
        name: String,
    },
}

/// A place of an answer that cites a passage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Citation {
    /// The character at which `[n]` begins.
    pub start: u64,
    /// The character behind it.
    pub end: u64,
    /// The call that brought the passage.
    pub call: ItemId,
    /// The passage's number.
    pub number: u32,
    /// Its source.
    pub source: Cited,
}

/// The source of a citation, with what is shown of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Cited {
    /// An address.
    Url {
        /// In full.
        url: String,
        /// What the source calls itself.
        title: String,
    },
    /// A file of the person's.
    File {
        /// What it is called.
        name: String,
        /// The asset with its text.
        asset: String,
    },
}

/// Every `[n]` of a text in Markdown outside of code, with the characters it takes. What is the
/// text of a link is none.
pub fn references(text: &str) -> Vec<(std::ops::Range<u64>, u32)> {
    let chars: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    let mut is_line_start = true;
    while at < chars.len() {
        match chars[at] {
            '`' | '~' => {
                let mark = chars[at];
                let run = run(&chars, at, mark);
                let is_fence = run >= 3 && is_line_start;
                if is_fence || mark == '`' {
                    at = closing(&chars, at + run, mark, run, is_fence);
                } else {
                    at += run;
                }
                is_line_start = false;
                continue;
            }
            '\\' => at += 1,
            '[' => {
                if let Some((end, number)) = number(&chars, at)
                    && chars.get(end) != Some(&'(')
                {
                    found.push((at as u64..end as u64, number));
                    at = end;
                    is_line_start = false;
                    continue;
                }
            }
            _ => {}
        }
        is_line_start = match chars.get(at) {
            Some('\n') => true,
            Some(c) => is_line_start && c.is_whitespace(),
            None => false,
        };
        at += 1;
    }
    found
}

fn run(chars: &[char], at: usize, mark: char) -> usize {
    chars[at..].iter().take_while(|&&c| c == mark).count()
}

/// Behind the marks that end code. A fence that nothing ends goes to the end of the text; single
/// marks that nothing ends are no code.
fn closing(chars: &[char], from: usize, mark: char, length: usize, is_fence: bool) -> usize {
    let mut at = from;
    while at < chars.len() {
        if chars[at] != mark {
            at += 1;
            continue;
        }
        let run = run(chars, at, mark);
        if run == length || is_fence && run > length {
            return at + run;
        }
        at += run;
    }
    if is_fence { chars.len() } else { from }
}

/// The number in brackets that begin there, and where they end.
fn number(chars: &[char], at: usize) -> Option<(usize, u32)> {
    let digits: String = chars[at + 1..]
        .iter()
        .take(MAX_DIGITS)
        .take_while(|c| c.is_ascii_digit())
        .collect();
    let end = at + 1 + digits.len();
    let number = digits.parse().ok()?;
    (chars.get(end) == Some(&']')).then_some((end + 1, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(text: &str) -> Vec<u32> {
        references(text).into_iter().map(|(_, n)| n).collect()
    }

    #[test]
    fn numbers_in_brackets_are_references() {
        assert_eq!(references("Ünder [1] and [23]."), [(6..9, 1), (14..18, 23)]);
        assert_eq!(numbers("both [1][2]"), [1, 2]);
        assert_eq!(numbers("a `tick [1]"), [1]);
        assert_eq!(numbers("[3]"), [3]);
    }

    #[test]
    fn code_links_and_words_are_none() {
        for text in [
            "a[0] is `x[1]` and ``y `[2]``",
            "```\nlist[3]\n```",
            "~~~py\nlist[3]",
            "[4](https://a.example/)",
            "[x] [ 1] [1 ] [] [12345] \\[5]",
        ] {
            let found = numbers(text);
            assert!(found.is_empty() || found == [0], "{text}: {found:?}");
        }
        assert_eq!(numbers("```\n[1]\n```\nthen [2]"), [2]);
        assert_eq!(numbers(&"[".repeat(10_000)), [0_u32; 0]);
    }
}
