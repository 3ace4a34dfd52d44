//! Changes of a text that leave every line where it is, so that an error names the author's line.

use oxc_span::Span;

/// Changes, in any order; they must not overlap but may enclose each other, and the outer one wins.
#[derive(Debug, Default)]
pub(crate) struct Edits(Vec<(Span, String)>);

impl Edits {
    /// Puts a text in the place of another.
    pub(crate) fn replace(&mut self, span: Span, text: impl Into<String>) {
        self.0.push((span, text.into()));
    }

    /// Puts a text before a place.
    pub(crate) fn insert(&mut self, at: u32, text: impl Into<String>) {
        self.replace(Span::new(at, at), text);
    }

    /// Takes a text away.
    pub(crate) fn blank(&mut self, span: Span) {
        self.replace(span, "");
    }

    /// The changed text. What is replaced leaves its line breaks behind, and as many spaces where it
    /// is longer than what takes its place.
    pub(crate) fn apply(mut self, source: &str) -> String {
        self.0
            .sort_by_key(|(span, _)| (span.start, std::cmp::Reverse(span.end)));
        let mut text = String::with_capacity(source.len());
        let mut done = 0;
        for (span, with) in self.0 {
            let (start, end) = (span.start as usize, span.end as usize);
            if start < done {
                continue;
            }
            text.push_str(&source[done..start]);
            text.push_str(&with);
            let length = with.chars().count();
            for (at, char) in source[start..end].chars().enumerate() {
                match char {
                    '\n' | '\r' => text.push(char),
                    _ if at >= length => text.push(' '),
                    _ => {}
                }
            }
            done = end;
        }
        text.push_str(&source[done..]);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_stay() {
        let source = "let x: number = 1\nfoo";
        let mut edits = Edits::default();
        edits.blank(Span::new(5, 13));
        edits.replace(Span::new(0, 3), "var");
        edits.blank(Span::new(7, 13));
        assert_eq!(edits.apply(source), "var x         = 1\nfoo");
    }

    #[test]
    fn line_breaks_are_kept() {
        let mut edits = Edits::default();
        edits.blank(Span::new(1, 6));
        assert_eq!(edits.apply("a{\n\n\u{e9}}b"), "a \n\n }b");
    }
}
