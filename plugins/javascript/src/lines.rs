//! Showing people a place in a text.

/// How much of a line is shown.
const MAX_LINE_CHARS: usize = 160;

/// A syntax error with its line and a mark below it. `at` is an offset in bytes.
pub(crate) fn problem(source: &str, name: &str, at: u32, what: &str) -> String {
    let at = (at as usize).min(source.len());
    let at = (0..=at)
        .rev()
        .find(|&at| source.is_char_boundary(at))
        .unwrap_or(0);
    let begin = source[..at].rfind('\n').map_or(0, |at| at + 1);
    let row = source[..at].matches('\n').count() + 1;
    let column = source[begin..at].chars().count();
    let line: String = source[begin..]
        .lines()
        .next()
        .unwrap_or("")
        .chars()
        .take(MAX_LINE_CHARS)
        .collect();
    let mark = match column < MAX_LINE_CHARS {
        true => format!("\n    {}^", " ".repeat(column)),
        false => String::new(),
    };
    format!(
        "SyntaxError: {what}\n    at {name}:{row}:{}\n    {line}{mark}\n",
        column + 1
    )
}
