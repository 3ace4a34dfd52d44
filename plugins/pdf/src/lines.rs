//! Glyphs that follow each other, as lines.

use crate::page::Placed;

/// A gap of so much of the font's size is a space between words.
const SPACE: f64 = 0.16;
/// And of so much, one between columns of a table.
const COLUMN: f64 = 1.6;
/// Glyphs whose base lines differ by less are of one line: raised and lowered ones are.
const SAME_LINE: f64 = 0.5;

/// A line of text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    pub(crate) text: String,
    pub(crate) x: f64,
    pub(crate) end: f64,
    pub(crate) y: f64,
    /// The size that most of its glyphs have.
    pub(crate) size: f64,
}

/// The lines of a page, in the order in which they are drawn; files are nearly always drawn as they
/// are read, column by column.
pub(crate) fn lines(glyphs: &[Placed]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut counts: Vec<usize> = Vec::new();
    for glyph in glyphs {
        let is_blank = glyph.text.trim().is_empty();
        let size = glyph.size.max(1.0);
        if let (Some(line), Some(count)) = (lines.last_mut(), counts.last_mut()) {
            let gap = glyph.x - line.end;
            let is_same = (glyph.y - line.y).abs() < SAME_LINE * line.size.max(size)
                && gap > -line.size.max(size);
            if is_same {
                if is_blank {
                    line.end = line.end.max(glyph.x);
                    continue;
                }
                if gap > COLUMN * size && !line.text.is_empty() {
                    line.text.push_str(" | ");
                } else if gap > SPACE * size && !line.text.ends_with(' ') {
                    line.text.push(' ');
                }
                line.text.push_str(&glyph.text);
                line.end = glyph.end;
                *count += 1;
                // A raised note is smaller; the line keeps the size of the larger.
                if size > line.size && *count < 4 {
                    (line.size, line.y) = (size, glyph.y);
                }
                continue;
            }
        }
        if is_blank {
            continue;
        }
        lines.push(Line {
            text: glyph.text.clone(),
            x: glyph.x,
            end: glyph.end,
            y: glyph.y,
            size,
        });
        counts.push(1);
    }
    for line in &mut lines {
        line.text = leaders(ligatures(line.text.trim()));
    }
    lines.retain(|line| !line.text.is_empty());
    lines
}

/// A row of dots to a page's number is one dot.
fn leaders(mut text: String) -> String {
    while text.contains(". . .") || text.contains("....") {
        text = text.replace(". . .", ".").replace("....", ".");
    }
    text
}

/// Letters that were set as one, and soft hyphens.
fn ligatures(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\u{fb00}' => plain.push_str("ff"),
            '\u{fb01}' => plain.push_str("fi"),
            '\u{fb02}' => plain.push_str("fl"),
            '\u{fb03}' => plain.push_str("ffi"),
            '\u{fb04}' => plain.push_str("ffl"),
            '\u{ad}' => plain.push('-'),
            '\u{a0}' => plain.push(' '),
            char if char.is_control() => {}
            char => plain.push(char),
        }
    }
    plain
}
