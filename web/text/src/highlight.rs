//! Code into coloured spans.
//!
//! A lexer of our own, since what a chat needs is small (comments, strings, numbers, keywords,
//! calls), must never fail on half-written code, must yield spans rather than HTML, and must not
//! weigh more than the rest of the client: the grammar-based highlighters bring a regular
//! expression engine and several hundred kilobytes of grammars.

use crate::languages::{self, Language};

/// What a span is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Everything that has no colour.
    Plain,
    /// A comment.
    Comment,
    /// A string or a character.
    Text,
    /// A number.
    Number,
    /// A word that the language reserves.
    Keyword,
    /// A constant such as `true`.
    Constant,
    /// A name that is called or defined.
    Function,
    /// A type, or a tag's name.
    Type,
    /// A key, an attribute or a property.
    Key,
}

impl Kind {
    /// The class that the style sheet colours.
    pub fn class(self) -> Option<&'static str> {
        Some(match self {
            Kind::Plain => return None,
            Kind::Comment => "hl-comment",
            Kind::Text => "hl-text",
            Kind::Number => "hl-number",
            Kind::Keyword => "hl-keyword",
            Kind::Constant => "hl-constant",
            Kind::Function => "hl-function",
            Kind::Type => "hl-type",
            Kind::Key => "hl-key",
        })
    }
}

/// A piece of the code.
pub type Span<'a> = (Kind, &'a str);

/// Longer code stays uncoloured: it would be cut into spans again with every frame while it
/// streams.
pub const MAX_BYTES: usize = 64 * 1024;

/// The spans of `code`, in order and without gaps. An unknown language has one plain span.
pub fn highlight<'a>(language: &str, code: &'a str) -> Vec<Span<'a>> {
    if code.is_empty() {
        return Vec::new();
    }
    let Some(language) = languages::find(language) else {
        return vec![(Kind::Plain, code)];
    };
    if code.len() > MAX_BYTES {
        return vec![(Kind::Plain, code)];
    }
    let mut lexer = Lexer {
        language,
        code,
        at: 0,
        plain_from: 0,
        spans: Vec::new(),
    };
    if language.markup {
        lexer.markup();
    } else {
        lexer.code();
    }
    lexer.flush(lexer.at);
    lexer.spans
}

struct Lexer<'a> {
    language: &'static Language,
    code: &'a str,
    at: usize,
    /// Where the plain text that is not yet a span begins.
    plain_from: usize,
    spans: Vec<Span<'a>>,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.code[self.at..]
    }

    /// Ends the plain text before `end`.
    fn flush(&mut self, end: usize) {
        if self.plain_from < end {
            self.spans
                .push((Kind::Plain, &self.code[self.plain_from..end]));
        }
        self.plain_from = end;
    }

    /// Takes `length` bytes as one span.
    fn take(&mut self, kind: Kind, length: usize) {
        let (start, end) = (self.at, self.at + length);
        self.at = end;
        if kind != Kind::Plain && length > 0 {
            self.flush(start);
            self.spans.push((kind, &self.code[start..end]));
            self.plain_from = end;
        }
    }

    fn code(&mut self) {
        while let Some(c) = self.rest().chars().next() {
            if let Some(length) = self.comment() {
                self.take(Kind::Comment, length);
            } else if let Some(length) = self.string() {
                let kind = if self.language.keys_before_colon && self.colon_after(length) {
                    Kind::Key
                } else {
                    Kind::Text
                };
                self.take(kind, length);
            } else if c.is_ascii_digit() {
                let length = number(self.rest());
                self.take(Kind::Number, length);
            } else if self.word_starts(c) {
                self.word();
            } else {
                self.take(Kind::Plain, c.len_utf8());
            }
        }
    }

    fn comment(&self) -> Option<usize> {
        let rest = self.rest();
        for mark in self.language.line_comments {
            if rest.starts_with(mark) && (*mark != "#" || self.hash_is_comment()) {
                return Some(rest.find('\n').unwrap_or(rest.len()));
            }
        }
        let (open, close) = self.language.block_comment?;
        rest.starts_with(open).then(|| {
            rest[open.len()..]
                .find(close)
                .map_or(rest.len(), |end| open.len() + end + close.len())
        })
    }

    /// In a shell, `$#` and `a#b` are no comments.
    fn hash_is_comment(&self) -> bool {
        !self.language.shell
            || self.code[..self.at]
                .chars()
                .next_back()
                .is_none_or(char::is_whitespace)
    }

    fn string(&self) -> Option<usize> {
        let rest = self.rest();
        let mut delimiters = self.language.strings.iter();
        let delimiter = delimiters.find(|delimiter| rest.starts_with(delimiter.open))?;
        if delimiter.open == "'" && self.language.lifetimes && !is_character(rest) {
            return None;
        }
        let mut length = delimiter.open.len();
        while let Some(c) = rest[length..].chars().next() {
            if rest[length..].starts_with(delimiter.close) {
                return Some(length + delimiter.close.len());
            }
            if c == '\n' && !delimiter.many_lines {
                return Some(length);
            }
            length += c.len_utf8();
            if c == '\\' && delimiter.escapes {
                length += rest[length..].chars().next().map_or(0, char::len_utf8);
            }
        }
        Some(rest.len())
    }

    fn colon_after(&self, length: usize) -> bool {
        self.rest()[length..].trim_start().starts_with(':')
    }

    fn word_starts(&self, c: char) -> bool {
        c.is_alphabetic() || c == '_' || (c == '$' && self.language.shell) || c == '@'
    }

    fn word(&mut self) {
        let rest = self.rest();
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let length = rest[first..]
            .find(|c: char| {
                !(c.is_alphanumeric() || c == '_' || (c == '-' && self.language.dashes))
            })
            .map_or(rest.len(), |end| first + end);
        let word = &rest[..length];
        let after = rest[length..].trim_start_matches([' ', '\t']);
        let kind = if self.language.is_keyword(word) {
            Kind::Keyword
        } else if self.language.constants.contains(&word) {
            Kind::Constant
        } else if self.language.types.contains(&word)
            || (self.language.capitals && word.starts_with(|c: char| c.is_uppercase()))
        {
            Kind::Type
        } else if word.starts_with('@') && word.len() > 1 {
            Kind::Function
        } else if word.starts_with('$')
            || self.language.keys_before_colon && after.starts_with(':')
            || self.language.keys_before_equals
                && after.starts_with(['=', '.', ']'])
                && self.first_on_line()
        {
            Kind::Key
        } else if after.starts_with('(') || (self.language.macros && after.starts_with("!(")) {
            Kind::Function
        } else {
            Kind::Plain
        };
        self.take(kind, length);
    }

    fn first_on_line(&self) -> bool {
        let before = &self.code[..self.at];
        let line = &before[before.rfind('\n').map_or(0, |at| at + 1)..];
        line.chars()
            .all(|c| c.is_whitespace() || c.is_alphanumeric() || "._-[\"".contains(c))
    }

    /// HTML and XML: comments, tags with attributes, text between them.
    fn markup(&mut self) {
        while !self.rest().is_empty() {
            if let Some(length) = self.comment() {
                self.take(Kind::Comment, length);
            } else if self.rest().starts_with('<') {
                self.tag();
            } else {
                let length = self.rest().find('<').unwrap_or(self.rest().len());
                self.take(Kind::Plain, length);
            }
        }
    }

    fn tag(&mut self) {
        let rest = self.rest();
        let brackets = 1 + usize::from(rest[1..].starts_with(['/', '!', '?']));
        self.take(Kind::Plain, brackets);
        let name = name_length(self.rest());
        self.take(Kind::Type, name);
        while let Some(c) = self.rest().chars().next() {
            match c {
                '>' => {
                    self.take(Kind::Plain, 1);
                    return;
                }
                '"' | '\'' => {
                    let rest = self.rest();
                    let length = rest[1..].find(c).map_or(rest.len(), |end| end + 2);
                    self.take(Kind::Text, length);
                }
                c if c.is_alphabetic() => {
                    let length = name_length(self.rest()).max(c.len_utf8());
                    self.take(Kind::Key, length);
                }
                c => self.take(Kind::Plain, c.len_utf8()),
            }
        }
    }
}

fn name_length(rest: &str) -> usize {
    rest.find(|c: char| !(c.is_alphanumeric() || "-_:.".contains(c)))
        .unwrap_or(rest.len())
}

/// `'a'` and `'\n'` against the lifetime `'a`.
fn is_character(rest: &str) -> bool {
    let mut chars = rest.chars().skip(1);
    match chars.next() {
        Some('\\') => true,
        Some(_) => chars.next() == Some('\''),
        None => false,
    }
}

fn number(rest: &str) -> usize {
    let mut end = 0;
    let mut before = '\0';
    for c in rest.chars() {
        let signed_exponent =
            matches!(c, '+' | '-') && matches!(before, 'e' | 'E') && !rest.starts_with("0x");
        let point = c == '.' && rest[end + 1..].starts_with(|c: char| c.is_ascii_digit());
        if !(c.is_alphanumeric() || c == '_' || point || signed_exponent) {
            break;
        }
        end += c.len_utf8();
        before = c;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The coloured spans as `kind:text`.
    fn coloured(language: &str, code: &str) -> Vec<String> {
        let spans = highlight(language, code);
        let whole: String = spans.iter().map(|(_, text)| *text).collect();
        assert_eq!(whole, code, "nothing is lost");
        spans
            .into_iter()
            .filter_map(|(kind, text)| Some(format!("{}:{text}", kind.class()?)))
            .collect()
    }

    #[test]
    fn python() {
        assert_eq!(
            coloured(
                "py",
                "def f(x):  # add\n    return x + 0x1F * 2.5e-3, \"a\\\"b\", None"
            ),
            [
                "hl-keyword:def",
                "hl-function:f",
                "hl-comment:# add",
                "hl-keyword:return",
                "hl-number:0x1F",
                "hl-number:2.5e-3",
                "hl-text:\"a\\\"b\"",
                "hl-constant:None",
            ]
        );
        assert_eq!(coloured("python", "'''a\n'b"), ["hl-text:'''a\n'b"]);
    }

    #[test]
    fn rust() {
        assert_eq!(
            coloured(
                "rust",
                "fn a<'a>(c: &'a str) { println!(\"{}\", 'x'); /* b */ }"
            ),
            [
                "hl-keyword:fn",
                "hl-type:str",
                "hl-function:println",
                "hl-text:\"{}\"",
                "hl-text:'x'",
                "hl-comment:/* b */",
            ]
        );
    }

    #[test]
    fn shell_sql_json_toml_css_html() {
        assert_eq!(
            coloured("sh", "echo $HOME a#b # c"),
            ["hl-keyword:echo", "hl-key:$HOME", "hl-comment:# c"]
        );
        assert_eq!(
            coloured("sql", "Select count(*) from t where a = 'x'"),
            [
                "hl-keyword:Select",
                "hl-function:count",
                "hl-keyword:from",
                "hl-keyword:where",
                "hl-text:'x'",
            ]
        );
        assert_eq!(
            coloured("json", "{\"a\": [1, true, \"b\"]}"),
            [
                "hl-key:\"a\"",
                "hl-number:1",
                "hl-constant:true",
                "hl-text:\"b\""
            ]
        );
        assert_eq!(
            coloured("toml", "[a]\nb = 1 # c"),
            ["hl-key:a", "hl-key:b", "hl-number:1", "hl-comment:# c"]
        );
        assert_eq!(
            coloured("css", "a { margin-top: 4px }"),
            ["hl-key:margin-top", "hl-number:4px"]
        );
        assert_eq!(
            coloured("html", "<a href=\"x\">b</a><!-- c -->"),
            [
                "hl-type:a",
                "hl-key:href",
                "hl-text:\"x\"",
                "hl-type:a",
                "hl-comment:<!-- c -->",
            ]
        );
    }

    #[test]
    fn typescript() {
        assert_eq!(
            coloured("ts", "const a = `b\n${c}`; // d"),
            ["hl-keyword:const", "hl-text:`b\n${c}`", "hl-comment:// d"]
        );
    }

    #[test]
    fn every_prefix_of_every_language_is_whole() {
        let code = "<é a='ü\n\"x\\\"' # // /* -- `q` 'c' 0x 1.e+ @d $é fn:(=\\";
        for language in [
            "python", "rust", "ts", "json", "bash", "html", "css", "sql", "toml", "?",
        ] {
            for (end, _) in code.char_indices() {
                coloured(language, &code[..end]);
            }
        }
    }
}
