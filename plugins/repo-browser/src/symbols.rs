//! Where things are defined.

use alcove_sdk::Failure;

use crate::outline::{Symbol, grammar, outline};
use crate::page::Page;
use crate::place::Place;
use crate::search::compile;
use crate::walk::walk;

/// Lines on a page.
const PAGE: usize = 100;
/// A larger file is passed over: nobody wrote it by hand.
const MAX_FILE_BYTES: usize = 1 << 20;

/// What the files below `top` define, or where `name` is defined.
pub(crate) fn symbols(
    place: &impl Place,
    top: &str,
    name: Option<&str>,
    page: Option<u32>,
) -> Result<String, Failure> {
    let mut shown = Page::new(page, PAGE);
    // A file that does not hold the name at all is not parsed.
    let holds = name.map(|name| compile(name, false)).transpose()?;
    let saw_all = walk(place, top, |path| {
        let source = match (grammar(path), path == top) {
            (Some(grammar), _) => place.read(path, MAX_FILE_BYTES).map(|s| (grammar, s)),
            (None, true) => Err(Failure::invalid_input(format!(
                "{path} is none of Python, JavaScript, TypeScript, HTML, CSS and Rust: read it, or search in it"
            ))),
            (None, false) => return Ok(true),
        };
        let (grammar, source) = match source {
            Ok(source) => source,
            Err(failure) if path == top => return Err(failure),
            Err(_) => {
                shown.pass_over();
                return Ok(true);
            }
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
    })?;
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
