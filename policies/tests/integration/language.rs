//! The list of keys, against the documentation.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use alcove_policies::language::KEYS;

const BEGIN: &str = "| key | meaning | without it | allowed |\n|---|---|---|---|\n";

/// With `UPDATE_CASES=1` the table is written.
#[test]
fn the_readme_has_every_key() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = fs::read_to_string(&path).unwrap();
    let start = text.find(BEGIN).expect("the table of keys") + BEGIN.len();
    let end = start + text[start..].find("\n\n").unwrap() + 1;
    let mut table = String::new();
    for key in KEYS {
        writeln!(
            table,
            "| `{}` | {} | {} | {} |",
            key.shown(),
            key.meaning,
            key.without,
            key.allowed
        )
        .unwrap();
    }
    if std::env::var_os("UPDATE_CASES").is_some() {
        let updated = format!("{}{table}{}", &text[..start], &text[end..]);
        fs::write(&path, updated).unwrap();
    } else {
        assert_eq!(&text[start..end], table);
    }
}
