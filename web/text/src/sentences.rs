//! Whole sentences out of a growing text, for screen readers: a live region that changed with
//! every token would be read as noise.

/// Hands out text once it ends in a sentence.
#[derive(Debug, Default, Clone)]
pub struct Sentences {
    /// How many bytes have been handed out.
    told: usize,
}

impl Sentences {
    /// What is new and whole in `text`, which only ever grows.
    pub fn next(&mut self, text: &str) -> Option<String> {
        let rest = text.get(self.told..)?;
        let end = rest
            .char_indices()
            .filter(|(at, c)| {
                let after = rest[at + c.len_utf8()..].chars().next();
                *c == '\n'
                    || (matches!(c, '.' | '!' | '?' | ':')
                        && after.is_some_and(char::is_whitespace))
            })
            .map(|(at, c)| at + c.len_utf8())
            .next_back()?;
        self.take(&rest[..end])
    }

    /// All that has not been handed out: the text is whole.
    pub fn rest(&mut self, text: &str) -> Option<String> {
        let rest = text.get(self.told..)?;
        self.take(rest)
    }

    fn take(&mut self, piece: &str) -> Option<String> {
        self.told += piece.len();
        let piece = piece.trim();
        (!piece.is_empty()).then(|| piece.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_each_sentence_once() {
        let mut sentences = Sentences::default();
        assert_eq!(sentences.next("The answer"), None);
        assert_eq!(sentences.next("The answer is 3.1"), None);
        assert_eq!(
            sentences.next("The answer is 3.1. It"),
            Some("The answer is 3.1.".into())
        );
        assert_eq!(sentences.next("The answer is 3.1. It is"), None);
        assert_eq!(
            sentences.rest("The answer is 3.1. It is über"),
            Some("It is über".into())
        );
        assert_eq!(sentences.rest("The answer is 3.1. It is über"), None);
    }
}
