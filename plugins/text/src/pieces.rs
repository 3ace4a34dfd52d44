//! Pieces of a text that an answer can cite: a paragraph or a few short ones.

use crate::blocks::blocks;
use crate::parts::cut;

/// Short blocks are joined up to this many characters.
const TARGET_CHARS: usize = 700;
/// No piece is longer.
const MAX_CHARS: usize = 1_400;

/// The pieces of a text in their order, without the white space around them.
#[must_use]
pub fn pieces(text: &str) -> Vec<&str> {
    let mut ranges: Vec<std::ops::Range<usize>> = Vec::new();
    let mut chars = 0;
    for block in blocks(text) {
        for range in cut(text, block.range.clone(), MAX_CHARS) {
            let more = text[range.clone()].chars().count();
            // A heading stands with what follows it.
            let joins = block.level.is_none() && chars + more <= TARGET_CHARS
                || chars < TARGET_CHARS / 4 && chars + more <= MAX_CHARS;
            match ranges.last_mut() {
                Some(last) if joins => {
                    last.end = range.end;
                    chars += more;
                }
                _ => {
                    ranges.push(range);
                    chars = more;
                }
            }
        }
    }
    ranges
        .into_iter()
        .map(|range| text[range].trim())
        .filter(|piece| !piece.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_paragraphs_with_their_headings() {
        let long = "Tides follow the moon. ".repeat(30);
        let text = format!("# Tides\n\nShort.\n\n{long}\n\n## Moon\n\n{long}\n\n- a\n\n- b\n");
        let cut = pieces(&text);
        assert_eq!(cut.len(), 3, "{cut:#?}");
        assert!(cut[0].starts_with("# Tides\n\nShort."));
        assert!(cut[1].starts_with("## Moon") && cut[2] == "- a\n\n- b");
        assert!(cut.iter().all(|piece| text.contains(piece)));
    }

    #[test]
    fn no_piece_is_too_long() {
        for text in [
            "x".repeat(10_000),
            "wörter und ".repeat(1_000),
            "\n\n\n".to_owned(),
        ] {
            let cut = pieces(&text);
            assert!(cut.iter().all(|piece| piece.chars().count() <= MAX_CHARS));
        }
    }
}
