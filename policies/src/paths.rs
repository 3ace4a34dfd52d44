//! Path patterns, matched on the normalised path of a URL.
//!
//! A pattern is compared segment by segment. `*` stands for any characters within a segment; `**`
//! stands for whole segments: any number of them between others, at least one at the end, so that
//! `/docs/**` covers what is below `/docs/` and not `/docs` itself.
//!
//! Servers differ in how they read unusual paths (`%2f`, `//`, `..;`). A path that another server
//! could read as a different one matches no pattern but `/**`, which grants every path anyway.

/// At most this many bytes in a pattern.
const MAX_PATTERN_BYTES: usize = 512;
/// Nested percent-encoding is undone at most so often when looking for a hidden meaning.
const MAX_DECODINGS: usize = 4;

/// One value of `paths`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PathPattern {
    text: String,
    segments: Vec<Segment>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    /// `**`
    Many,
    /// Text in which `*` is any run of characters.
    One(String),
}

impl PathPattern {
    /// Reads a pattern, or says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let Some(rest) = text.strip_prefix('/') else {
            return Err("must begin with a slash");
        };
        if text.len() > MAX_PATTERN_BYTES {
            return Err("is longer than 512 bytes");
        }
        if text.contains(['?', '#', '\\', '"', '[', ']', '{', '}']) || !text.is_ascii() {
            return Err(
                "may hold ASCII path characters, \"*\" and \"**\" only; percent-encode others",
            );
        }
        let mut segments = Vec::new();
        for (index, part) in rest.split('/').enumerate() {
            if part == "**" {
                if segments.last() == Some(&Segment::Many) {
                    return Err("has \"**\" twice in a row");
                }
                segments.push(Segment::Many);
            } else if part.contains("**") {
                return Err("has \"**\" within a segment; it must stand alone between slashes");
            } else if part.is_empty() && index + 1 != rest.split('/').count() {
                return Err("has an empty segment");
            } else {
                let part = normalise(part);
                if is_ambiguous(&part) {
                    return Err("has \".\", \"..\" or an encoded slash, which no path matches");
                }
                segments.push(Segment::One(part));
            }
        }
        Ok(Self {
            text: text.to_owned(),
            segments,
        })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether one of `others` certainly matches all that this matches: it is the same pattern,
    /// grants every path, covers this one's fixed beginning with `/**`, or this is a plain path.
    pub(crate) fn is_within_any(&self, others: &[PathPattern]) -> bool {
        others.iter().any(|other| {
            self.segments == other.segments || other.is_all() || other.covers_below(self)
        }) || (!self.text.contains('*') && any_matches(others, &self.text))
    }

    /// Whether it is fixed segments and then `/**`, and `own` begins with the same ones.
    fn covers_below(&self, own: &PathPattern) -> bool {
        let Some((Segment::Many, fixed)) = self.segments.split_last() else {
            return false;
        };
        let plain =
            |segment: &Segment| matches!(segment, Segment::One(text) if !text.contains('*'));
        fixed.iter().all(plain)
            && own.segments.len() > fixed.len()
            && own.segments.starts_with(fixed)
            // `**` between segments may stand for none.
            && own.segments[fixed.len()..]
                .iter()
                .any(|segment| matches!(segment, Segment::One(_)))
    }

    /// Whether it grants every path.
    fn is_all(&self) -> bool {
        self.segments == [Segment::Many]
    }
}

/// Whether any pattern matches `path`, the path of a parsed URL.
pub(crate) fn any_matches(patterns: &[PathPattern], path: &str) -> bool {
    if patterns.iter().any(PathPattern::is_all) {
        return true;
    }
    let path = normalise(path);
    if is_ambiguous(&path) {
        return false;
    }
    let segments: Vec<&str> = path.strip_prefix('/').unwrap_or(&path).split('/').collect();
    patterns
        .iter()
        .any(|pattern| matches(&pattern.segments, &segments))
}

/// Percent-encodings of unreserved characters are undone, those that stay are in upper case: two
/// spellings of one path become one (RFC 3986, 6.2.2).
fn normalise(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        match encoded_byte(rest) {
            Some(byte) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
                out.push(char::from(byte));
                rest = &rest[3..];
            }
            Some(_) => {
                out.push_str(&rest[..3].to_ascii_uppercase());
                rest = &rest[3..];
            }
            None => {
                out.push('%');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// The byte that a leading `%xx` stands for.
fn encoded_byte(text: &str) -> Option<u8> {
    let digits = text.get(1..3)?;
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    u8::from_str_radix(digits, 16).ok()
}

/// Whether some server could read the path as another one than its segments say.
fn is_ambiguous(path: &str) -> bool {
    let mut current = path.as_bytes().to_vec();
    for _ in 0..MAX_DECODINGS {
        if is_plainly_ambiguous(&current) {
            return true;
        }
        let (decoded, structural) = decode_once(&current);
        if structural {
            return true;
        }
        if decoded == current {
            return false;
        }
        current = decoded;
    }
    // Still encoded after so many rounds: nobody writes that in good faith.
    true
}

/// Dot segments (also with parameters: `..;x`), empty segments inside, backslashes, controls.
fn is_plainly_ambiguous(path: &[u8]) -> bool {
    if path
        .iter()
        .any(|byte| *byte == b'\\' || *byte < 0x20 || *byte == 0x7f)
    {
        return true;
    }
    let inner = path.strip_prefix(b"/").unwrap_or(path);
    let count = inner.split(|byte| *byte == b'/').count();
    inner
        .split(|byte| *byte == b'/')
        .enumerate()
        .any(|(index, segment)| {
            let name = segment
                .split(|byte| *byte == b';')
                .next()
                .unwrap_or(segment);
            name == b"." || name == b".." || (segment.is_empty() && index + 1 != count)
        })
}

/// Undoes one layer of percent-encoding; says whether that layer hid a separator.
fn decode_once(path: &[u8]) -> (Vec<u8>, bool) {
    let mut out = Vec::with_capacity(path.len());
    let mut structural = false;
    let mut index = 0;
    while index < path.len() {
        let hex = (path[index] == b'%')
            .then(|| path.get(index + 1..index + 3))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match hex {
            Some(byte) => {
                structural |= byte == b'/' || byte == b'\\' || byte < 0x20;
                out.push(byte);
                index += 3;
            }
            None => {
                out.push(path[index]);
                index += 1;
            }
        }
    }
    (out, structural)
}

/// Matches segments; the work is bounded by pattern length times path length.
fn matches(pattern: &[Segment], path: &[&str]) -> bool {
    // reachable[j]: the pattern read so far can end before path[j].
    let mut reachable = vec![false; path.len() + 1];
    reachable[0] = true;
    for (index, segment) in pattern.iter().enumerate() {
        let mut next = vec![false; path.len() + 1];
        match segment {
            Segment::Many => {
                let last = index + 1 == pattern.len();
                let mut seen = false;
                for j in 0..=path.len() {
                    next[j] = if last { seen } else { seen || reachable[j] };
                    seen |= reachable[j];
                }
            }
            Segment::One(text) => {
                for (j, part) in path.iter().enumerate() {
                    next[j + 1] = reachable[j] && segment_matches(text, part);
                }
            }
        }
        reachable = next;
    }
    reachable[path.len()]
}

/// `*` is any run of characters, but a lone `*` wants at least one.
fn segment_matches(pattern: &str, text: &str) -> bool {
    if pattern == "*" {
        return !text.is_empty();
    }
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut retry = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            retry = Some((p + 1, t));
            p += 1;
        } else if p < pattern.len() && pattern[p] == text[t] {
            p += 1;
            t += 1;
        } else if let Some((after_star, from)) = retry {
            p = after_star;
            t = from + 1;
            retry = Some((after_star, from + 1));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, path: &str, expected: bool) {
        let pattern = PathPattern::parse(pattern).unwrap();
        let url: url::Url = format!("http://host{path}").parse().unwrap();
        let shown = format!("{} on {path}", pattern.as_str());
        assert_eq!(any_matches(&[pattern], url.path()), expected, "{shown}");
    }

    #[test]
    fn globs() {
        check("/a", "/a", true);
        check("/a", "/a/", false);
        check("/a/", "/a/", true);
        check("/a/*", "/a/b", true);
        check("/a/*", "/a/", false);
        check("/a/*", "/a/b/c", false);
        check("/a/*.json", "/a/b.json", true);
        check("/a/*.json", "/a/b.xml", false);
        check("/a/x*y*z", "/a/x1y2y3z", true);
        check("/a/x*y*z", "/a/x1z", false);
        check("/a/**", "/a", false);
        check("/a/**", "/a/", true);
        check("/a/**", "/a/b/c/d", true);
        check("/a/**/z", "/a/z", true);
        check("/a/**/z", "/a/b/c/z", true);
        check("/a/**/z", "/a/b/c/y", false);
        check("/**", "/", true);
        check("/", "/", true);
        check("/", "/a", false);
    }

    #[test]
    fn spellings_of_one_path_are_one() {
        check("/a/b", "/%61/b", true);
        check("/%61/b", "/a/b", true);
        check("/caf%c3%a9", "/caf%C3%A9", true);
        check("/caf%C3%A9", "/café", true);
        check("/a/**", "/a/b/../../c", false);
        check("/a/**", "/a/%2e%2e/c", false);
        check("/c", "/a/../c", true);
        check("/A", "/a", false);
    }

    #[test]
    fn what_a_server_could_read_otherwise_matches_only_everything() {
        for path in [
            "/a/..%2f..%2fadmin",
            "/a/%252e%252e%252fadmin",
            "/a/..;/admin",
            "/a/b%5c..%5cadmin",
            "/a//b",
            "/a/b%00",
            "/a/%25252525252e",
        ] {
            check("/a/**", path, false);
            check("/**", path, true);
        }
        check("/a/**", "/a/100%25", true);
        check("/a/**", "/a/b%20c;v=1", true);
    }

    #[test]
    fn bad_patterns_are_refused() {
        for text in [
            "a",
            "",
            "/a**",
            "/a//b",
            "/**/**",
            "/a?x",
            "/a/../b",
            "/{a,b}",
            "/é",
            "/%2e%2e/x",
        ] {
            assert!(PathPattern::parse(text).is_err(), "{text}");
        }
        assert!(PathPattern::parse(&format!("/{}", "a".repeat(600))).is_err());
    }
}
