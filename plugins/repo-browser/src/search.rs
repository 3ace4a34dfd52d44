//! Lines that match.

use alcove_sdk::Failure;
use regex::bytes::{Regex, RegexBuilder};

use crate::page::Page;
use crate::place::Place;
use crate::reading::is_binary;
use crate::walk::walk;

/// Lines on a page.
const PAGE: usize = 50;
/// A larger file is passed over.
const MAX_FILE_BYTES: usize = 4 << 20;
/// At most so many bytes are searched in one call.
const MAX_BYTES: usize = 512 << 20;
/// A line is cut here.
const MAX_LINE_CHARS: usize = 200;
/// A compiled expression is at most this large.
const MAX_REGEX_BYTES: usize = 1 << 20;

/// The lines of files below `top` that match: `query` is words as they stand, or an expression.
pub(crate) fn search(
    place: &impl Place,
    top: &str,
    query: &str,
    is_regex: bool,
    page: Option<u32>,
) -> Result<String, Failure> {
    let expression = compile(query, is_regex)?;
    let mut shown = Page::new(page, PAGE);
    let mut bytes = 0;
    let saw_all = walk(place, top, |path| {
        let data = match place.read(path, MAX_FILE_BYTES) {
            Ok(data) => data,
            Err(failure) if path == top => return Err(failure),
            Err(_) => {
                shown.pass_over();
                return Ok(true);
            }
        };
        bytes += data.len();
        if bytes > MAX_BYTES {
            return Ok(false);
        }
        if is_binary(&data) || !expression.is_match(&data) {
            return Ok(true);
        }
        for (number, line) in data.split(|&b| b == b'\n').enumerate() {
            if expression.is_match(line) {
                let added = shown.add(|| format!("{path}:{}: {}", number + 1, cut(line)));
                if !added {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    })?;
    Ok(shown.show("(no line matches)", !saw_all))
}

/// The expression of a query. Capitals matter only where it has some.
pub(crate) fn compile(query: &str, is_regex: bool) -> Result<Regex, Failure> {
    let pattern = if is_regex {
        query.to_owned()
    } else {
        regex::escape(query)
    };
    RegexBuilder::new(&pattern)
        .case_insensitive(!query.chars().any(char::is_uppercase))
        // A file is searched whole first: ^ and $ must mean lines there too.
        .multi_line(true)
        .size_limit(MAX_REGEX_BYTES)
        .dfa_size_limit(MAX_REGEX_BYTES)
        .build()
        .map_err(|error| Failure::invalid_input(format!("`query` is no expression: {error}")))
}

fn cut(line: &[u8]) -> String {
    let line = String::from_utf8_lossy(line);
    line.trim().chars().take(MAX_LINE_CHARS).collect()
}
