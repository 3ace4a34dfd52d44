//! Lines as paragraphs and headings.

use std::collections::HashMap;

use crate::lines::Line;

/// Lines so much further apart than their size begin a new paragraph.
const PARAGRAPH: f64 = 1.7;
/// A first line that is so far in, in sizes of its font, does as well.
const INDENT: f64 = 0.8;
/// A line so much larger than the text is a heading.
const HEADING: f64 = 1.15;
/// A heading is no longer than this, in characters.
const MAX_HEADING_CHARS: usize = 120;
/// What stands on so many of the pages at the same height is no text of the document.
const REPEATED: f64 = 0.5;
/// With fewer pages nothing can be said to repeat.
const LEAST_PAGES: usize = 4;

/// The Markdown of a file's lines, a list for each page.
pub(crate) fn markdown(pages: &[Vec<Line>]) -> String {
    let body = body_size(pages);
    let repeated = repeated(pages);
    let mut text = String::new();
    let mut before: Option<&Line> = None;
    for page in pages {
        for line in page {
            if repeated.contains_key(&mark(line)) {
                continue;
            }
            add(&mut text, before, line, body);
            before = Some(line);
        }
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// The size that most of the characters have.
fn body_size(pages: &[Vec<Line>]) -> f64 {
    let mut counts: HashMap<i64, usize> = HashMap::new();
    for line in pages.iter().flatten() {
        *counts.entry(tenths(line.size)).or_default() += line.text.len();
    }
    let most = counts
        .into_iter()
        .max_by_key(|&(size, count)| (count, size))
        .map_or(100, |(size, _)| size);
    most as f64 / 10.0
}

/// Lines at the edge of many pages, with the number of the page in them.
fn repeated(pages: &[Vec<Line>]) -> HashMap<(i64, String), usize> {
    let mut counts: HashMap<(i64, String), usize> = HashMap::new();
    for page in pages {
        let (Some(first), Some(last)) = (
            page.iter().min_by(|a, b| a.y.total_cmp(&b.y)),
            page.iter().max_by(|a, b| a.y.total_cmp(&b.y)),
        ) else {
            continue;
        };
        let edge = |line: &&Line| {
            (line.y - first.y).abs() < line.size || (line.y - last.y).abs() < line.size
        };
        let mut marks: Vec<_> = page.iter().filter(edge).map(mark).collect();
        marks.sort_unstable();
        marks.dedup();
        for mark in marks {
            *counts.entry(mark).or_default() += 1;
        }
    }
    let least = (pages.len() as f64 * REPEATED).max(LEAST_PAGES as f64);
    counts.retain(|_, count| *count as f64 >= least);
    counts
}

/// What is the same where only a number differs.
fn mark(line: &Line) -> (i64, String) {
    let text = line.text.chars().filter(|char| !char.is_numeric());
    (tenths(line.y) / 20, text.collect())
}

fn tenths(length: f64) -> i64 {
    (length * 10.0).round() as i64
}

fn add(text: &mut String, before: Option<&Line>, line: &Line, body: f64) {
    let Some(before) = before else {
        text.push_str(&begun(line, body));
        return;
    };
    let (was_heading, is_heading) = (is_heading(before, body), is_heading(line, body));
    let gap = line.y - before.y;
    let is_same_size = (line.size - before.size).abs() < 0.5;
    // A jump back up is the next column or page: the sentence may go on there.
    let is_jump = gap < 0.0;
    let is_near = is_jump || gap < PARAGRAPH * line.size.max(before.size);
    // The lines of an item stand behind its mark.
    let is_indented = line.x > before.x + INDENT * line.size && !is_jump && !is_item(&before.text);
    let is_table = before.text.contains(" | ") || line.text.contains(" | ");
    let ends = |ends: &[char]| before.text.ends_with(ends);
    let goes_on = if was_heading || is_heading {
        was_heading && is_heading && is_same_size && is_near && !is_jump
    } else if is_jump {
        !ends(&['.', ':', '?', '!']) && line.text.starts_with(char::is_lowercase)
    } else {
        is_near && !is_indented && !is_item(&line.text)
    };
    if !goes_on {
        text.push_str("\n\n");
        text.push_str(&begun(line, body));
    } else if is_table {
        text.push_str("  \n");
        text.push_str(&line.text);
    } else if let Some(stem) = text.strip_suffix('-').map(str::len)
        && text[..stem].ends_with(char::is_alphabetic)
        && line.text.starts_with(char::is_lowercase)
    {
        text.truncate(stem);
        text.push_str(&line.text);
    } else {
        text.push(' ');
        text.push_str(&line.text);
    }
}

fn is_heading(line: &Line, body: f64) -> bool {
    line.size > HEADING * body
        && line.text.chars().count() <= MAX_HEADING_CHARS
        && line.text.chars().any(char::is_alphabetic)
}

/// The beginning of a paragraph or heading.
fn begun(line: &Line, body: f64) -> String {
    let text = &line.text;
    if is_heading(line, body) {
        let level = match line.size / body {
            ratio if ratio > 1.5 => "##",
            _ => "###",
        };
        return format!("{level} {text}");
    }
    match text.strip_prefix(['\u{2022}', '\u{25cf}', '\u{25aa}', '\u{2013}']) {
        Some(item) => format!("- {}", item.trim_start()),
        // What looks like a mark of Markdown is none.
        None if text.starts_with(['#', '>']) => format!("\\{text}"),
        None => text.clone(),
    }
}

fn is_item(text: &str) -> bool {
    text.starts_with(['\u{2022}', '\u{25cf}', '\u{25aa}', '\u{2013}'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str, x: f64, y: f64) -> Line {
        Line {
            text: text.to_owned(),
            x,
            end: x + 100.0,
            y,
            size: 10.0,
        }
    }

    #[test]
    fn what_repeats_at_the_edge_is_left_out() {
        let page = |number: usize| {
            vec![
                line("A manual", 72.0, 30.0),
                line(&format!("This is page {number} of the text"), 72.0, 100.0),
                line(&format!("{number}"), 300.0, 760.0),
            ]
        };
        let pages: Vec<_> = (1..=5).map(page).collect();
        let text = markdown(&pages);
        assert!(text.contains("This is page 3 of the text"), "{text}");
        assert!(
            !text.contains("A manual") && !text.contains("\n5\n"),
            "{text}"
        );
    }

    #[test]
    fn a_sentence_goes_on_over_the_page() {
        let pages = [
            vec![line("One", 72.0, 100.0), line("begins and", 72.0, 700.0)],
            vec![
                line("goes on.", 72.0, 80.0),
                line("\u{2022} item", 80.0, 92.0),
            ],
        ];
        assert_eq!(markdown(&pages), "One\n\nbegins and goes on.\n\n- item\n");
    }
}
