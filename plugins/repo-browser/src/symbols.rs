//! Where things are defined.

use alcove_sdk::Failure;
use alcove_sdk::files::Kind;
use regex::bytes::Regex;

use crate::outline::{Symbol, grammar, outline};
use crate::page::Page;
use crate::place::Place;
use crate::walk::walk;

/// Lines on a page.
const PAGE: usize = 100;
/// A larger file is passed over: nobody wrote it by hand.
const MAX_FILE_BYTES: usize = 1 << 20;

/// What the files below a path define, or where `name` is defined.
pub(crate) fn symbols(
    place: &impl Place,
    path: &str,
    name: Option<&str>,
    page: Option<u32>,
) -> Result<String, Failure> {
    let mut shown = Page::new(page, PAGE);
    // A file that does not hold the name at all is not parsed.
    let holds = match name {
        Some(name) => Some(
            Regex::new(&regex::escape(name))
                .map_err(|error| Failure::invalid_input(error.to_string()))?,
        ),
        None => None,
    };
    let mut each = |path: &str| {
        let Some(grammar) = grammar(path) else {
            return Ok(true);
        };
        let Ok(source) = place.read(path, MAX_FILE_BYTES) else {
            return Ok(true);
        };
        if holds.as_ref().is_some_and(|name| !name.is_match(&source)) {
            return Ok(true);
        }
        let mut is_first = true;
        for symbol in outline(&grammar, &source)? {
            if name.is_some_and(|name| symbol.name != name) {
                continue;
            }
            let is_headed = name.is_some() || !std::mem::take(&mut is_first);
            if !is_headed && !shown.add(|| format!("{path}:")) {
                return Ok(false);
            }
            if !shown.add(|| line(path, name.is_some(), &symbol)) {
                return Ok(false);
            }
        }
        Ok(true)
    };
    let saw_all = if place.stat(path)?.kind == Kind::File {
        if grammar(path).is_none() {
            return Err(Failure::invalid_input(format!(
                "{path} is none of Python, JavaScript, TypeScript, HTML, CSS and Rust: read it, or search in it"
            )));
        }
        each(path)?
    } else {
        walk(place, path, each)?
    };
    let none = match name {
        Some(name) => format!("(nothing named {name} is defined there; search for its words)"),
        None => "(nothing is defined there)".to_owned(),
    };
    Ok(shown.show(&none, !saw_all))
}

fn line(path: &str, is_found: bool, symbol: &Symbol) -> String {
    let (from, to) = symbol.lines;
    if is_found {
        format!("{path}:{from}-{to}: {}", symbol.text)
    } else {
        format!("{}{from}-{to}: {}", "  ".repeat(symbol.depth), symbol.text)
    }
}
