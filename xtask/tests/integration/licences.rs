//! Every dependency's licence is one that `deny.toml` allows.

use std::collections::BTreeSet;

use crate::metadata::{packages, root};

#[test]
fn every_licence_is_allowed() {
    let text = std::fs::read_to_string(root().join("deny.toml")).expect("deny.toml");
    let deny: toml::Table = text.parse().expect("deny.toml is TOML");
    let allowed: BTreeSet<String> = deny["licenses"]["allow"]
        .as_array()
        .expect("licenses.allow")
        .iter()
        .filter_map(|licence| licence.as_str().map(str::to_owned))
        .collect();
    let clarified: BTreeSet<String> = deny["licenses"]
        .get("clarify")
        .and_then(|list| list.as_array())
        .into_iter()
        .flatten()
        .filter_map(|entry| entry["crate"].as_str().map(str::to_owned))
        .collect();
    let mut refused = Vec::new();
    for manifest in ["Cargo.toml", "web/Cargo.toml", "plugins/Cargo.toml"] {
        for package in packages(manifest).into_values() {
            if clarified.contains(&package.name) {
                continue;
            }
            match &package.licence {
                Some(licence) if is_allowed(licence, &allowed) => {}
                other => refused.push(format!("{}: {other:?}", package.name)),
            }
        }
    }
    assert!(
        refused.is_empty(),
        "licences that deny.toml does not allow: {refused:#?}"
    );
}

/// Evaluates an SPDX expression: `/` is the old spelling of OR; AND binds tighter than OR.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut position = 0;
    any_of(&words, &mut position, allowed)
}

fn any_of(words: &[&str], position: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut result = all_of(words, position, allowed);
    while words.get(*position) == Some(&"OR") {
        *position += 1;
        result |= all_of(words, position, allowed);
    }
    result
}

fn all_of(words: &[&str], position: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut result = term(words, position, allowed);
    while words.get(*position) == Some(&"AND") {
        *position += 1;
        result &= term(words, position, allowed);
    }
    result
}

fn term(words: &[&str], position: &mut usize, allowed: &BTreeSet<String>) -> bool {
    if words.get(*position) == Some(&"(") {
        *position += 1;
        let result = any_of(words, position, allowed);
        *position += 1;
        return result;
    }
    let mut name = words.get(*position).copied().unwrap_or_default().to_owned();
    *position += 1;
    if words.get(*position) == Some(&"WITH") {
        name = format!(
            "{name} WITH {}",
            words.get(*position + 1).copied().unwrap_or_default()
        );
        *position += 2;
    }
    allowed.contains(&name)
}

#[test]
fn expressions_are_read_as_spdx_says() {
    let allowed = ["MIT", "BSD-3-Clause", "Apache-2.0 WITH LLVM-exception"];
    let allowed: BTreeSet<String> = allowed.into_iter().map(str::to_owned).collect();
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("GPL-3.0 OR MIT", true),
        ("MIT/GPL-3.0", true),
        ("MIT AND GPL-3.0", false),
        ("(GPL-3.0 OR MIT) AND BSD-3-Clause", true),
        ("(MIT OR BSD-3-Clause) AND GPL-3.0", false),
        ("Apache-2.0 WITH LLVM-exception", true),
    ] {
        assert_eq!(is_allowed(expression, &allowed), expected, "{expression}");
    }
}
