//! Parts of a long text, cut at its headings: what one call gives back.

use std::ops::Range;

use crate::blocks::{blocks, heading};

/// So much text is given back at once: about what a small model reads of a result.
pub(crate) const MAX_PART_CHARS: usize = 6_000;
/// A heading up to this level begins a new part where the one before it is long enough.
const CUTTING_LEVEL: usize = 3;

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Its bytes.
    pub range: Range<usize>,
    /// The first heading in it; empty where it has none.
    pub heading: String,
}

/// Cuts a text into sections of at most 6,000 characters, at headings where there are some, or
/// else between blocks; a block that is longer is cut between lines or words.
#[must_use]
pub fn sections(text: &str) -> Vec<Section> {
    let mut found: Vec<Section> = Vec::new();
    let mut chars = 0;
    for block in blocks(text) {
        for range in cut(text, block.range.clone(), MAX_PART_CHARS) {
            let more = text[range.clone()].chars().count();
            let is_cut = block.level.is_some_and(|level| level <= CUTTING_LEVEL)
                && chars > MAX_PART_CHARS / 2;
            match found.last_mut() {
                Some(last) if !is_cut && chars + more <= MAX_PART_CHARS => {
                    last.range.end = range.end;
                    chars += more;
                }
                _ => {
                    found.push(Section {
                        range: range.clone(),
                        heading: String::new(),
                    });
                    chars = more;
                }
            }
            if let Some(last) = found.last_mut()
                && block.level.is_some()
                && last.heading.is_empty()
            {
                heading(&text[range]).clone_into(&mut last.heading);
            }
        }
    }
    found
}

/// Cuts a range into pieces of at most so many characters: behind a line, else a word, else
/// anywhere.
pub(crate) fn cut(text: &str, range: Range<usize>, max_chars: usize) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let mut start = range.start;
    while start < range.end {
        let rest = &text[start..range.end];
        let end = match rest.char_indices().nth(max_chars) {
            None => rest.len(),
            Some((limit, _)) => {
                let window = &rest[..limit];
                let behind =
                    |place: Option<usize>| place.map(|at| at + 1).filter(|at| *at > limit / 2);
                behind(window.rfind('\n'))
                    .or_else(|| {
                        window
                            .rfind(". ")
                            .map(|at| at + 2)
                            .filter(|at| *at > limit / 2)
                    })
                    .or_else(|| behind(window.rfind(' ')))
                    .unwrap_or(limit)
            }
        };
        pieces.push(start..start + end);
        start += end;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_at_its_headings() {
        let paragraph = "word ".repeat(900);
        let text = format!("# One\n\n{paragraph}\n\n## Two\n\n{paragraph}\n\n## Three\n\nshort\n");
        let cut = sections(&text);
        let headings: Vec<&str> = cut.iter().map(|part| part.heading.as_str()).collect();
        assert_eq!(headings, ["One", "Two", "Three"]);
        assert!(text[cut[1].range.clone()].starts_with("## Two"));
        let whole: String = cut.iter().map(|part| &text[part.range.clone()]).collect();
        assert_eq!(whole, text);
    }

    #[test]
    fn a_text_without_any_place_to_cut_is_cut_all_the_same() {
        for text in [
            "ä".repeat(20_000),
            "a\n".repeat(10_000),
            "wo rd. ".repeat(4_000),
        ] {
            let cut = sections(&text);
            assert!(
                cut.iter()
                    .all(|part| text[part.range.clone()].chars().count() <= MAX_PART_CHARS)
            );
            let whole: String = cut.iter().map(|part| &text[part.range.clone()]).collect();
            assert_eq!(whole, text);
        }
        assert!(sections("").is_empty());
    }
}
