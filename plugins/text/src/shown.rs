//! The result: what the source is, one part of its text in pieces, and the whole text for the host.

use alcove_sdk::{Audience, Failure, Outcome, Part, assets};

use crate::parts::sections;
use crate::pieces::pieces;

/// The most other parts that are named.
const MAX_NAMED: usize = 24;
/// The longest name of a part, in characters.
const MAX_NAME_CHARS: usize = 48;
/// The most bytes of a text that are kept to be cited from.
const MAX_KEPT_BYTES: usize = 3 << 20;

/// What a text is the text of.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Title and address of a page; none for a file.
    pub link: Option<(&'a str, &'a str)>,
    /// What the text would be called as a file.
    pub name: &'a str,
    /// What is known of it beside its text, one line each: author, date, a limit that was met.
    pub notes: &'a [String],
}

/// The parts of a result: part `part` of the text, counted from 1, and what there is beside it. Of
/// parts that there are not it is the last.
///
/// # Errors
/// Those of keeping the text.
pub fn result(source: &Source<'_>, text: &str, part: usize) -> Outcome {
    let (head, shown) = choose(source, text, part);
    given(source, text, head, &shown)
}

/// The parts of a result that shows pieces of the text from anywhere, in their order.
///
/// # Errors
/// Those of keeping the text.
pub fn chosen(source: &Source<'_>, text: &str, shown: &[&str]) -> Outcome {
    given(source, text, source.notes.join("\n"), shown)
}

fn given(source: &Source<'_>, text: &str, head: String, shown: &[&str]) -> Outcome {
    let mut parts = Vec::new();
    if let Some((title, url)) = source.link {
        parts.push(Part::link(title, url));
    }
    if !head.is_empty() {
        parts.push(Part::text(head));
    }
    if let Some(kept) = keep(source.name, text)? {
        parts.push(kept);
    }
    parts.extend(shown.iter().map(|piece| Part::text(*piece)));
    Ok(parts)
}

/// Everything but the asset: what is said before the text, and its pieces.
fn choose<'a>(source: &Source<'_>, text: &'a str, part: usize) -> (String, Vec<&'a str>) {
    let mut head = source.notes.to_vec();
    let all = sections(text);
    if all.is_empty() {
        if head.is_empty() {
            head.push("[There is no text in it.]".to_owned());
        }
        return (head.join("\n"), Vec::new());
    }
    // A small model fills in a number that nobody named; the part that is read says which it is.
    let part = part.clamp(1, all.len());
    let chosen = &all[part - 1];
    if all.len() > 1 {
        let others = all
            .iter()
            .enumerate()
            .map(|(at, section)| (at + 1, section));
        let named: Vec<String> = others
            .filter(|(number, _)| *number != part)
            .take(MAX_NAMED)
            .map(|(number, section)| {
                let name: String = section.heading.chars().take(MAX_NAME_CHARS).collect();
                format!("{number} {name}").trim_end().to_owned()
            })
            .collect();
        head.push(format!(
            "[Part {part} of {}. To read another, call again with \"part\". The others: {}]",
            all.len(),
            named.join(" · ")
        ));
    }
    (head.join("\n"), pieces(&text[chosen.range.clone()]))
}

/// The whole text as an asset, for the person; nothing where the policy grants no assets, or where
/// it is too long: then it can't be cited, and is read all the same.
fn keep(name: &str, text: &str) -> Result<Option<Part>, Failure> {
    if text.trim().is_empty() || text.len() > MAX_KEPT_BYTES {
        return Ok(None);
    }
    let kept = assets::create("text/markdown", Some(name)).and_then(|mut writer| {
        writer.write(text.as_bytes())?;
        writer.finish()
    });
    match kept {
        Ok(part) => Ok(Some(part.only_for(Audience::User))),
        Err(failure) if failure.kind == "denied" => Ok(None),
        Err(failure) => Err(failure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(notes: &[String]) -> Source<'_> {
        Source {
            link: None,
            name: "a.md",
            notes,
        }
    }

    #[test]
    fn a_short_text_is_shown_whole() {
        let (head, shown) = choose(&source(&[]), "Hello.\n", 1);
        assert_eq!(
            (head.as_str(), shown.as_slice()),
            ("", ["Hello."].as_slice())
        );
    }

    #[test]
    fn a_long_one_says_which_parts_there_are() {
        let filler = "word ".repeat(800);
        let text = format!("# One\n\n{filler}\n\n# Two\n\n{filler}\n\n# Three\n\nend");
        let notes = ["By Ada.".to_owned()];
        let (head, shown) = choose(&source(&notes), &text, 2);
        assert_eq!(
            head,
            "By Ada.\n[Part 2 of 3. To read another, call again with \"part\". The others: 1 One · 3 Three]"
        );
        assert!(shown[0].starts_with("# Two"));
        let (head, shown) = choose(&source(&[]), &text, 10_000);
        assert!(head.starts_with("[Part 3 of 3."), "{head}");
        assert!(shown[0].starts_with("# Three"));
    }

    #[test]
    fn nothing_is_said_to_be_nothing() {
        let (head, shown) = choose(&source(&[]), "", 1);
        assert_eq!(head, "[There is no text in it.]");
        assert!(shown.is_empty());
    }
}
