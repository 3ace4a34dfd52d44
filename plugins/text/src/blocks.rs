//! Blocks of Markdown: paragraphs, headings, fenced code.

use std::ops::Range;

/// A block, with what stands between it and the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    /// Its bytes; the blocks of a text follow each other without a gap.
    pub(crate) range: Range<usize>,
    /// The level of a heading.
    pub(crate) level: Option<usize>,
}

/// The blocks of a text: cut at empty lines outside of fenced code, and before headings.
pub(crate) fn blocks(text: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut fence: Option<&str> = None;
    let mut is_new = true;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        let level = fence.is_none().then(|| heading_level(line)).flatten();
        let is_empty = trimmed.is_empty() && fence.is_none();
        match found.last_mut() {
            // An empty line belongs to the block before it.
            Some(last) if is_empty || !(is_new || level.is_some()) => {
                last.range.end = at + line.len();
            }
            _ => found.push(Block {
                range: at..at + line.len(),
                level,
            }),
        }
        match fence {
            Some(mark)
                if trimmed.starts_with(mark) && trimmed.trim_matches(['`', '~']).is_empty() =>
            {
                fence = None;
            }
            Some(_) => {}
            None => {
                fence = ["```", "~~~"]
                    .into_iter()
                    .find(|mark| trimmed.starts_with(mark))
            }
        }
        is_new = is_empty || level.is_some();
        at += line.len();
    }
    found
}

fn heading_level(line: &str) -> Option<usize> {
    let level = line.bytes().take_while(|byte| *byte == b'#').count();
    ((1..=6).contains(&level) && line[level..].starts_with(' ')).then_some(level)
}

/// The words of a heading's line.
pub(crate) fn heading(block: &str) -> &str {
    block
        .lines()
        .next()
        .unwrap_or_default()
        .trim_matches(['#', ' '])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_follow_each_other_and_keep_code_whole() {
        let text = "# A\nfirst\nline\n\nsecond\n\n```\ncode\n\n# no heading\n```\nafter\n\n## B\n";
        let cut: Vec<&str> = blocks(text)
            .into_iter()
            .map(|block| &text[block.range])
            .collect();
        assert_eq!(
            cut,
            [
                "# A\n",
                "first\nline\n\n",
                "second\n\n",
                "```\ncode\n\n# no heading\n```\nafter\n\n",
                "## B\n"
            ]
        );
        assert_eq!(cut.concat(), text);
        assert_eq!(blocks("").len(), 0);
        assert_eq!(heading("## A *b* ##\n"), "A *b*");
    }
}
