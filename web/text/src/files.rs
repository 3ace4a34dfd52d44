//! Names of files.

/// What parts of a path and what cannot be seen are no part of a name.
const REPLACED: char = '_';
/// The longest name that is made, in characters.
const MAX_NAME_CHARS: usize = 120;

/// A name for a file of this name that is not taken yet: `table.csv`, `table (2).csv`, …
pub fn free_name(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let name = name.trim();
    let cleaned: String = name
        .chars()
        .map(|char| match char {
            '/' | '\\' => REPLACED,
            char if char.is_control() => REPLACED,
            char => char,
        })
        .collect();
    let (stem, ending) = match cleaned.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() && (1..=16).contains(&ending.len()) => {
            (stem, format!(".{ending}"))
        }
        _ => (cleaned.as_str(), String::new()),
    };
    let stem: String = stem.chars().take(MAX_NAME_CHARS).collect();
    // `.`, `..` and nothing at all are no names.
    let stem = match stem.trim_matches('.') {
        "" => "file",
        _ => &stem,
    };
    let mut free = format!("{stem}{ending}");
    let mut number = 2;
    while is_taken(&free) {
        free = format!("{stem} ({number}){ending}");
        number += 1;
    }
    free
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_free_and_has_no_parts() {
        let free = |name| free_name(name, |_| false);
        assert_eq!(free("table.csv"), "table.csv");
        assert_eq!(free("C:\\data\\a/b.csv"), "C:_data_a_b.csv");
        assert_eq!(free("a\\b\u{7}.txt"), "a_b_.txt");
        assert_eq!(free(" . "), "file");
        assert_eq!(free(""), "file");
        assert_eq!(free(".bashrc"), ".bashrc");
        assert_eq!(free(&"é".repeat(300)).chars().count(), MAX_NAME_CHARS);
    }

    #[test]
    fn a_name_that_is_taken_gets_a_number_before_its_ending() {
        let taken = ["table.csv", "table (2).csv", "notes"];
        let free = |name| free_name(name, |name: &str| taken.contains(&name));
        assert_eq!(free("table.csv"), "table (3).csv");
        assert_eq!(free("notes"), "notes (2)");
        assert_eq!(free("other.tar.gz"), "other.tar.gz");
    }
}
