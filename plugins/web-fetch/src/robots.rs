//! What a site asks of automatic readers: the text of its `/robots.txt`, by RFC 9309.

use std::cmp::Reverse;

use url::{Position, Url};

/// The name that a site's rules know this tool by.
pub(crate) const PRODUCT: &str = "Alcove-web-fetch";
/// So much of a text is read; RFC 9309 asks for no less.
pub(crate) const MAX_BYTES: usize = 500 << 10;

/// What stands for any octets in a pattern. No octet is written like this, so that an encoded star
/// is a star and nothing else.
const ANYTHING: char = '\u{100}';
/// A slash and a question mark that are part of a name, and divide nothing.
const NAMED_SLASH: char = '\u{101}';
const NAMED_QUESTION: char = '\u{102}';

/// The rules that hold for this tool. The default has none, and allows all.
#[derive(Debug, Default)]
pub(crate) struct Robots {
    /// Those that count before others come first.
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    allow: bool,
    /// The pattern in [`octets`], without the `$` at its end.
    pattern: String,
    /// Whether an address has to end where the pattern does.
    whole: bool,
    length: usize,
}

impl Robots {
    /// Reads a text: the groups for this tool, or else those for everyone.
    pub(crate) fn parse(text: &[u8]) -> Robots {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let (mut own, mut general) = (None::<Vec<Rule>>, Vec::new());
        // Whom the group is for that a line stands in, and whether its rules have begun.
        let (mut for_us, mut for_all, mut begun) = (false, false, false);
        let lines = whole_lines(text).split(|byte| matches!(byte, b'\n' | b'\r'));
        for (key, value) in lines.filter_map(record) {
            let allow = key.eq_ignore_ascii_case(b"allow");
            if key.eq_ignore_ascii_case(b"user-agent") {
                if begun {
                    (for_us, for_all, begun) = (false, false, false);
                }
                for_all |= value.starts_with(b"*");
                if product(value).eq_ignore_ascii_case(PRODUCT.as_bytes()) {
                    for_us = true;
                    // Also a group without rules takes the place of the general one.
                    own.get_or_insert_default();
                }
            } else if allow || key.eq_ignore_ascii_case(b"disallow") {
                begun = true;
                if for_us {
                    own.get_or_insert_default().extend(Rule::new(allow, value));
                } else if for_all {
                    general.extend(Rule::new(allow, value));
                }
            }
            // Any other line is not part of the protocol, and ends no group.
        }
        let mut rules = own.unwrap_or(general);
        rules.sort_by_key(|rule| (Reverse(rule.length), !rule.allow));
        Robots { rules }
    }

    /// Whether that address of the site may be read: what the longest rule says that matches it.
    pub(crate) fn allow(&self, url: &Url) -> bool {
        let path = octets(
            url[Position::BeforePath..Position::AfterQuery].as_bytes(),
            false,
        );
        let rule = self.rules.iter().find(|rule| rule.matches(&path));
        url.path() == "/robots.txt" || rule.is_none_or(|rule| rule.allow)
    }
}

impl Rule {
    /// None where the value is empty: it matches nothing.
    fn new(allow: bool, value: &[u8]) -> Option<Rule> {
        let (pattern, whole) = match value.strip_suffix(b"$") {
            Some(pattern) => (pattern, true),
            None => (value, false),
        };
        let pattern = octets(pattern, true);
        let length = pattern.chars().count() + usize::from(whole);
        (length > 0).then_some(Rule {
            allow,
            pattern,
            whole,
            length,
        })
    }

    /// Each piece between stars is taken where it first stands, which leaves the most to those
    /// after it. So nothing is tried twice, however many stars there are.
    fn matches(&self, path: &str) -> bool {
        let mut pieces = self.pattern.split(ANYTHING);
        let Some(mut rest) = path.strip_prefix(pieces.next().unwrap_or_default()) else {
            return false;
        };
        let Some(last) = pieces.next_back() else {
            return !self.whole || rest.is_empty();
        };
        for piece in pieces {
            match rest.split_once(piece) {
                Some((_, after)) => rest = after,
                None => return false,
            }
        }
        if self.whole {
            rest.ends_with(last)
        } else {
            rest.contains(last)
        }
    }
}

/// Without what is too much, and without the line that this cuts in two: its first half could say
/// the opposite of the whole.
fn whole_lines(text: &[u8]) -> &[u8] {
    let Some(start) = text.get(..=MAX_BYTES) else {
        return text;
    };
    let end = start
        .iter()
        .rposition(|byte| matches!(byte, b'\n' | b'\r'))
        .unwrap_or(0);
    &start[..end]
}

/// The two sides of a line's colon, without its comment.
fn record(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = line.split(|byte| *byte == b'#').next()?;
    let colon = line.iter().position(|byte| *byte == b':')?;
    Some((line[..colon].trim_ascii(), line[colon + 1..].trim_ascii()))
}

/// The name at the start of a `User-agent` line, without a version after it.
fn product(value: &[u8]) -> &[u8] {
    let of_name = |byte: &u8| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'_');
    let end = value.iter().position(|byte| !of_name(byte));
    &value[..end.unwrap_or(value.len())]
}

/// A path and query, or a pattern of one, in the form in which they are compared: every octet a
/// character, whether it was percent-encoded or not. Only a slash and a question mark that are
/// encoded in a path stay apart from those that divide it.
fn octets(text: &[u8], is_pattern: bool) -> String {
    let mut form = String::with_capacity(text.len());
    let mut in_query = false;
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let encoded = match after {
            [high, low, ..] if byte == b'%' => hex(*high).zip(hex(*low)),
            _ => None,
        };
        rest = if encoded.is_some() {
            &after[2..]
        } else {
            after
        };
        form.push(match (encoded.map(|(high, low)| high << 4 | low), byte) {
            (Some(b'/'), _) if !in_query => NAMED_SLASH,
            (Some(b'?'), _) if !in_query => NAMED_QUESTION,
            (Some(octet), _) => char::from(octet),
            (None, b'*') if is_pattern => ANYTHING,
            (None, octet) => {
                in_query |= octet == b'?';
                char::from(octet)
            }
        });
    }
    form
}

fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(rules: &str, path: &str) -> bool {
        let url = format!("https://a.example{path}").parse().unwrap();
        Robots::parse(rules.as_bytes()).allow(&url)
    }

    #[track_caller]
    fn check(cases: &[(&str, &str, bool)]) {
        for (rules, path, expected) in cases {
            assert_eq!(reads(rules, path), *expected, "{rules:?} {path}");
        }
    }

    #[test]
    fn the_group_for_us_counts_or_else_that_for_everyone() {
        check(&[
            ("", "/a", true),
            ("User-agent: *\nDisallow:", "/a", true),
            ("User-agent: *\nDisallow: /", "/a", false),
            ("User-agent: *\nDisallow: /", "/robots.txt", true),
            ("User-agent: other\nDisallow: /", "/a", true),
            ("User-agent: Alcove\nDisallow: /", "/a", true),
            ("User-agent: Alcove-web-fetch-x\nDisallow: /", "/a", true),
            ("Disallow: /\nUser-agent: *\nDisallow: /b", "/a", true),
        ]);
        let own = "User-agent: *\nDisallow: /\n\nUser-agent: ALCOVE-WEB-FETCH\nDisallow: /b\n\n\
                   User-agent: x\nDisallow: /\n\nuser-agent: Alcove-web-fetch/0.1.0\ndisallow: /c";
        check(&[(own, "/a", true), (own, "/b", false), (own, "/c", false)]);
        let nothing = "User-agent: Alcove-web-fetch\nDisallow:\n\nUser-agent: *\nDisallow: /";
        check(&[(nothing, "/a", true)]);
        // Several names share a group, whatever else stands between them.
        for between in [
            "",
            "\n",
            "# x\n",
            "Sitemap: /x\n",
            "Crawl-delay: 5\n",
            "x\n",
        ] {
            let shared = format!(
                "User-agent: alcove-web-fetch\n{between}User-agent: x\nDisallow: /a\n{between}Disallow: /b"
            );
            check(&[(&shared, "/a", false), (&shared, "/b", false)]);
        }
    }

    #[test]
    fn the_longest_rule_counts_and_of_two_the_friendly_one() {
        check(&[
            ("User-agent: *\nDisallow: /a\nAllow: /a/b", "/a/b/c", true),
            ("User-agent: *\nAllow: /a\nDisallow: /a/b", "/a/b/c", false),
            ("User-agent: *\nDisallow: /a\nAllow: /a", "/a", true),
            (
                "User-agent: *\nAllow: /p\nDisallow: /*.html",
                "/p.html",
                false,
            ),
        ]);
    }

    #[test]
    fn a_star_is_anything_and_a_dollar_the_end() {
        let any =
            |pattern: &str, path| !reads(&format!("User-agent: *\nDisallow: {pattern}"), path);
        for (pattern, path, expected) in [
            ("/*.pdf$", "/x/y.pdf", true),
            ("/*.pdf$", "/x/y.pdf?a", false),
            ("*.gif$", "/a.gif", true),
            ("/a$", "/a", true),
            ("/a$", "/ab", false),
            ("/a$b", "/a$bc", true),
            ("/a*b*c", "/a-c-b", false),
            ("/a*b*c", "/a-b-c-d", true),
            ("/a*a$", "/a", false),
            ("/?q=", "/?q=1", true),
            ("/*", "/", true),
        ] {
            assert_eq!(any(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn encoded_octets_are_what_they_stand_for() {
        let any =
            |pattern: &str, path| !reads(&format!("User-agent: *\nDisallow: {pattern}"), path);
        for (pattern, path, expected) in [
            // Figures 4 and 6 of the RFC.
            ("/foo/bar?baz=quz", "/foo/bar?baz=quz", true),
            (
                "/foo/bar?baz=https://foo.bar",
                "/foo/bar?baz=https%3A%2F%2Ffoo.bar",
                true,
            ),
            ("/foo/bar/ツ", "/foo/bar/%e3%83%84", true),
            ("/foo/bar/%E3%83%84", "/foo/bar/ツ", true),
            ("/foo/bar/%62%61%7A", "/foo/bar/baz", true),
            (
                "/path/file-with-a-%2A.html",
                "/path/file-with-a-*.html",
                true,
            ),
            (
                "/path/file-with-a-%2A.html",
                "/path/file-with-a-b.html",
                false,
            ),
            ("/path/foo-%24", "/path/foo-$", true),
            ("/a%2Fb", "/a/b", false),
            ("/a/b", "/a%2fb", false),
            ("/a%3Fb", "/a?b", false),
            // No half of an escape, and no escape that is none.
            ("/*3", "/%E3%83%84", false),
            ("/100%", "/100%", true),
            ("/a%zz", "/a%zz", true),
        ] {
            assert_eq!(any(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn lines_are_read_as_they_come() {
        check(&[
            ("\u{feff}User-agent: *\r\nDisallow: /a # b\r\n", "/a", false),
            ("User-agent: *\rDisallow: /a", "/a", false),
            (" USER-AGENT :\t* \n dIsAllow:/a", "/a", false),
            ("User-agent: * # all\nDisallow: /a#b", "/a", false),
            (
                "Sitemap: /x\nnonsense\nUser-agent: *\nDisallow: /a",
                "/a",
                false,
            ),
            ("<html>\n<body>Disallow: /</body>", "/a", true),
        ]);
        assert!(Robots::parse(b"\xff\xfe\0:\n:\n#").rules.is_empty());
    }

    #[test]
    fn a_line_that_was_cut_off_is_dropped() {
        let mut long = "User-agent: *\n".to_owned();
        while long.len() <= MAX_BYTES {
            long.push_str("Disallow: /private\n");
        }
        long.truncate(MAX_BYTES - 12);
        long.push_str("\nDisallow: /open");
        assert!(reads(&long, "/other") && reads(&long, "/open") && !reads(&long, "/private"));
        // As much as is read, to the last octet.
        long.truncate(MAX_BYTES);
        assert!(!reads(&long, "/other"));
        long.push('\n');
        assert!(!reads(&long, "/other"));
    }

    #[test]
    fn many_stars_and_many_rules_take_no_time() {
        let stars = format!("User-agent: *\nDisallow: /{}b$", "*a".repeat(200_000));
        let rules = format!("User-agent: *\n{}", "Disallow: /*b\n".repeat(30_000));
        let path = format!("/{}", "a".repeat(8_000));
        assert!(reads(&stars, &path) && reads(&rules, &path));
    }
}
