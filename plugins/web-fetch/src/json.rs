//! JSON as Markdown: lists of records as tables, objects as headings and points.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// The deepest heading; what lies deeper is written as points.
const MAX_HEADING: usize = 6;
/// Columns of a table; records with more are written one by one.
const MAX_COLUMNS: usize = 12;
/// A list of plain values is one line where that is at most so long.
const MAX_LINE_CHARS: usize = 100;

/// A value whose members are in the order of the text.
#[derive(Debug, PartialEq)]
enum Node {
    /// As it is shown.
    Plain(String),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

/// The Markdown of a JSON text; nothing where it is none.
pub(crate) fn markdown(text: &str) -> Option<String> {
    let node: Node = serde_json::from_str(text).ok()?;
    let mut out = String::new();
    node.write(&mut out, 2);
    Some(out.trim().to_owned())
}

impl Node {
    fn plain(&self) -> Option<&str> {
        match self {
            Node::Plain(text) => Some(text),
            _ => None,
        }
    }

    /// Writes it below headings of which the next one has `level` marks.
    fn write(&self, out: &mut String, level: usize) {
        match self {
            Node::Plain(text) => out.push_str(&format!("{text}\n")),
            Node::List(items) => write_list(items, out, level),
            Node::Object(members) => write_object(members, out, level),
        }
    }

    /// A value on one line, where it has a short one.
    fn line(&self) -> Option<String> {
        match self {
            Node::Plain(text) if !text.contains('\n') => Some(text.clone()),
            Node::List(items) => {
                let items: Option<Vec<&str>> = items.iter().map(Node::plain).collect();
                let line = items?.join(", ");
                (line.chars().count() <= MAX_LINE_CHARS && !line.contains('\n')).then_some(line)
            }
            _ => None,
        }
    }
}

fn write_object(members: &[(String, Node)], out: &mut String, level: usize) {
    let (short, long): (Vec<_>, Vec<_>) = members
        .iter()
        .map(|(name, value)| (name, value, value.line()))
        .partition(|(.., line)| line.is_some());
    for (name, _, line) in short {
        out.push_str(&format!("- **{name}**: {}\n", line.unwrap_or_default()));
    }
    for (name, value, _) in long {
        write_heading(name, out, level);
        value.write(out, level + 1);
    }
}

/// A heading between blank lines, of which there is one.
fn write_heading(name: &str, out: &mut String, level: usize) {
    out.truncate(out.trim_end().len());
    let heading = match level <= MAX_HEADING {
        true => format!("{} {name}", "#".repeat(level)),
        false => format!("**{name}**"),
    };
    out.push_str(&format!("\n\n{heading}\n\n"));
}

fn write_list(items: &[Node], out: &mut String, level: usize) {
    if let Some(columns) = columns(items) {
        write_table(items, &columns, out);
        return;
    }
    for (at, item) in items.iter().enumerate() {
        match item.line() {
            Some(line) => out.push_str(&format!("- {line}\n")),
            None => {
                write_heading(&(at + 1).to_string(), out, level);
                item.write(out, level + 1);
            }
        }
    }
}

/// The names of the members of records, where all items are such with values of one line.
fn columns(items: &[Node]) -> Option<Vec<&str>> {
    let mut columns: Vec<&str> = Vec::new();
    for item in items {
        let Node::Object(members) = item else {
            return None;
        };
        for (name, value) in members {
            value.line()?;
            if !columns.contains(&name.as_str()) {
                columns.push(name);
            }
        }
        if columns.len() > MAX_COLUMNS {
            return None;
        }
    }
    (!columns.is_empty()).then_some(columns)
}

fn write_table(items: &[Node], columns: &[&str], out: &mut String) {
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    out.push_str(&row(columns.iter().map(|name| cell(name)).collect()));
    out.push_str(&row(columns.iter().map(|_| "---".to_owned()).collect()));
    for item in items {
        let Node::Object(members) = item else {
            continue;
        };
        let of = |column: &&str| {
            let found = members.iter().find(|(name, _)| name == column);
            let line = found.and_then(|(_, value)| value.line());
            cell(&line.unwrap_or_default())
        };
        out.push_str(&row(columns.iter().map(of).collect()));
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Plain("null".to_owned()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Plain(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Plain(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Plain(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Plain(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Plain(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = access.next_entry()? {
            members.push(member);
        }
        Ok(Node::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::markdown;

    #[track_caller]
    fn check(json: &str, expected: &str) {
        assert_eq!(markdown(json).as_deref(), Some(expected));
    }

    #[test]
    fn records_become_a_table_in_the_order_of_the_text() {
        check(
            r#"{"total": 2, "ferries": [{"name": "Ada", "berths": 9}, {"name": "B|c", "late": true}], "days": ["Mon", "Tue"]}"#,
            "- **total**: 2\n- **days**: Mon, Tue\n\n## ferries\n\n| name | berths | late |\n| --- | --- | --- |\n| Ada | 9 |  |\n| B\\|c |  | true |",
        );
    }

    #[test]
    fn what_is_nested_gets_headings_and_what_is_plain_stays() {
        check("\"text\"", "text");
        check("[1, -2, 0.5, null]", "- 1\n- -2\n- 0.5\n- null");
        check(
            r#"{"a": {"b": {"c": 1}}, "d": [{"e": {"f": 2}}]}"#,
            "## a\n\n### b\n\n- **c**: 1\n\n## d\n\n### 1\n\n#### e\n\n- **f**: 2",
        );
        check(r#"{"text": "one\ntwo"}"#, "## text\n\none\ntwo");
        let deep = "{\"a\":".repeat(20) + "1" + &"}".repeat(20);
        assert!(markdown(&deep).unwrap().ends_with("**a**\n\n- **a**: 1"));
    }

    #[test]
    fn what_is_no_json_is_none() {
        for text in ["", "{", "{\"a\": 1} x", &"[".repeat(100_000)] {
            assert_eq!(markdown(text), None);
        }
    }
}
