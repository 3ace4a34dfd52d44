//! What the macros expand to.

use serde::de::DeserializeOwned;

use crate::Failure;

/// The bytes of all parts together.
#[must_use]
pub const fn length(parts: &[&str]) -> usize {
    let mut total = 0;
    let mut index = 0;
    while index < parts.len() {
        total += parts[index].len();
        index += 1;
    }
    total
}

/// All parts, one after the other; `N` is their [`length`].
#[must_use]
pub const fn join<const N: usize>(parts: &[&str]) -> [u8; N] {
    let mut joined = [0; N];
    let mut at = 0;
    let mut index = 0;
    while index < parts.len() {
        let bytes = parts[index].as_bytes();
        let mut offset = 0;
        while offset < bytes.len() {
            joined[at] = bytes[offset];
            at += 1;
            offset += 1;
        }
        index += 1;
    }
    joined
}

/// The text of [`join`].
#[must_use]
pub const fn text(joined: &'static [u8]) -> &'static str {
    match std::str::from_utf8(joined) {
        Ok(text) => text,
        Err(_) => panic!("parts that are text are text together"),
    }
}

/// Arguments from the host's JSON. The host has checked them against the schema, so an error here
/// means that the type reads other things than its schema says.
///
/// # Errors
/// `invalid-input` with what does not fit.
pub fn arguments<T: DeserializeOwned>(json: &str) -> Result<T, Failure> {
    let read = match crate::answer::take(json) {
        Some(rest) => serde_json::from_value(rest),
        None => serde_json::from_str(json),
    };
    read.map_err(|error| Failure::invalid_input(format!("the arguments do not fit: {error}")))
}

/// What a component answers for a tool that it does not have.
#[must_use]
pub fn unknown_tool(name: &str) -> Failure {
    Failure::invalid_input(format!("this plugin has no tool `{name}`"))
}
