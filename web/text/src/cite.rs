//! Numbers in brackets that cite passages, and the passage within its text.

use crate::markdown::{Block, Inline};

/// Makes a citation of every `[n]` in running text whose number is one of these. Code and the
/// texts of links stay as they are.
pub fn cite(blocks: &mut [Block], numbers: &[u32]) {
    if numbers.is_empty() {
        return;
    }
    for block in blocks {
        match block {
            Block::Paragraph(text) | Block::Heading(_, text) => inlines(text, numbers),
            Block::List { items, .. } => {
                for item in items {
                    cite(&mut item.blocks, numbers);
                }
            }
            Block::Quote(blocks) => cite(blocks, numbers),
            Block::Table { head, rows, .. } => {
                for cell in head.iter_mut().chain(rows.iter_mut().flatten()) {
                    inlines(cell, numbers);
                }
            }
            Block::Code { .. } | Block::Rule => {}
        }
    }
}

fn inlines(text: &mut Vec<Inline>, numbers: &[u32]) {
    for inline in std::mem::take(text) {
        match inline {
            Inline::Text(words) => split(&words, numbers, text),
            Inline::Emphasis(mut inner) => {
                inlines(&mut inner, numbers);
                text.push(Inline::Emphasis(inner));
            }
            Inline::Strong(mut inner) => {
                inlines(&mut inner, numbers);
                text.push(Inline::Strong(inner));
            }
            other => text.push(other),
        }
    }
}

fn split(words: &str, numbers: &[u32], out: &mut Vec<Inline>) {
    let mut rest = words;
    let mut from = 0;
    while let Some(open) = rest[from..].find('[').map(|at| from + at) {
        let number = rest[open + 1..].split_once(']').and_then(|(number, _)| {
            let is_plain = number.bytes().all(|byte| byte.is_ascii_digit());
            number.parse().ok().filter(|_| is_plain)
        });
        let Some(number) = number.filter(|number| numbers.contains(number)) else {
            from = open + 1;
            continue;
        };
        if open > 0 {
            out.push(Inline::Text(rest[..open].to_owned()));
        }
        out.push(Inline::Citation(number));
        let end = rest[open..]
            .find(']')
            .map_or(rest.len(), |at| open + at + 1);
        (rest, from) = (&rest[end..], 0);
    }
    if !rest.is_empty() {
        out.push(Inline::Text(rest.to_owned()));
    }
}

/// A text before, in and behind a passage, whose place counts characters.
pub fn around(document: &str, start: u64, end: u64) -> (&str, &str, &str) {
    let byte = |place: u64| {
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        let found = document.char_indices().nth(place);
        found.map_or(document.len(), |(at, _)| at)
    };
    let start_byte = byte(start);
    let end_byte = byte(end).max(start_byte);
    (
        &document[..start_byte],
        &document[start_byte..end_byte],
        &document[end_byte..],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::markdown::parse;

    fn text(text: &str) -> Inline {
        Inline::Text(text.to_owned())
    }

    #[test]
    fn known_numbers_become_citations() {
        let mut blocks =
            parse("Noon [1], **as [2]** and [3] say.\n\n- `[1]` [1](https://a.example)");
        cite(&mut blocks, &[1, 2]);
        assert_eq!(
            blocks[0],
            Block::Paragraph(vec![
                text("Noon "),
                Inline::Citation(1),
                text(", "),
                Inline::Strong(vec![text("as "), Inline::Citation(2)]),
                text(" and [3] say."),
            ])
        );
        assert!(!format!("{:?}", blocks[1]).contains("Citation"));
        let mut blocks = parse("[[1][2]");
        cite(&mut blocks, &[1, 2]);
        let expected = vec![text("["), Inline::Citation(1), Inline::Citation(2)];
        assert_eq!(blocks, [Block::Paragraph(expected)]);
    }

    #[test]
    fn a_passage_is_found_by_its_characters() {
        assert_eq!(around("Äpfel süß!", 6, 9), ("Äpfel ", "süß", "!"));
        assert_eq!(around("ab", 1, 99), ("a", "b", ""));
        assert_eq!(around("ab", 9, 1), ("ab", "", ""));
    }
}
