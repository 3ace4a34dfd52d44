//! Word files (ECMA-376, Office Open XML): a ZIP with the text as XML.

use std::io::{Cursor, Read as _};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// The most bytes of XML that are unpacked.
const MAX_XML_BYTES: u64 = 64 << 20;
/// The most that is written of a table's cell.
const MAX_CELL_CHARS: usize = 400;

/// The Markdown of a file: headings, paragraphs, lists and tables.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn markdown(bytes: &[u8]) -> Result<String, String> {
    let damaged = |_| "the file is no Word document, or is damaged".to_owned();
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
    let file = archive.by_name("word/document.xml").map_err(damaged)?;
    let mut xml = Vec::new();
    file.take(MAX_XML_BYTES + 1)
        .read_to_end(&mut xml)
        .map_err(|_| "the file is damaged".to_owned())?;
    if xml.len() as u64 > MAX_XML_BYTES {
        return Err(format!(
            "its text is larger than {} MiB",
            MAX_XML_BYTES >> 20
        ));
    }
    text(&String::from_utf8_lossy(&xml))
}

/// What is open while the XML is read.
#[derive(Default)]
struct Writer {
    done: String,
    paragraph: String,
    /// The level of a heading.
    heading: usize,
    is_item: bool,
    /// Whether what comes is text of a run, and not of a field's instruction.
    is_text: bool,
    /// The cells of the rows of the outermost table.
    rows: Vec<Vec<String>>,
    tables: usize,
}

fn text(xml: &str) -> Result<String, String> {
    let mut reader = Reader::from_str(xml);
    let mut writer = Writer::default();
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag)) => writer.start(&tag),
            Ok(Event::Empty(tag)) => {
                writer.start(&tag);
                writer.end(tag.local_name().as_ref());
            }
            Ok(Event::End(tag)) => writer.end(tag.local_name().as_ref()),
            Ok(Event::Text(text)) if writer.is_text => {
                writer.paragraph.push_str(&text);
            }
            Ok(Event::GeneralRef(name)) if writer.is_text => {
                let text = entity(&name);
                writer.paragraph.push_str(&text);
            }
            Ok(Event::Eof) => return Ok(writer.done),
            Ok(_) => {}
            Err(error) => return Err(format!("the file is damaged: {error}")),
        }
    }
}

/// The character that a reference stands for.
fn entity(name: &str) -> String {
    match name {
        "amp" => "&".to_owned(),
        "lt" => "<".to_owned(),
        "gt" => ">".to_owned(),
        "quot" => "\"".to_owned(),
        "apos" => "'".to_owned(),
        name => {
            let number =
                name.strip_prefix('#')
                    .and_then(|digits| match digits.strip_prefix(['x', 'X']) {
                        Some(hex) => u32::from_str_radix(hex, 16).ok(),
                        None => digits.parse().ok(),
                    });
            let char = number.and_then(char::from_u32);
            char.map(String::from).unwrap_or_default()
        }
    }
}

impl Writer {
    fn start(&mut self, tag: &BytesStart<'_>) {
        match tag.local_name().as_ref() {
            "p" => (self.heading, self.is_item) = (0, false),
            "pStyle" => {
                let style = value(tag).to_lowercase();
                if let Some(level) = style.strip_prefix("heading") {
                    self.heading = level.trim().parse().unwrap_or(1_usize).clamp(1, 6);
                } else if style == "title" {
                    self.heading = 1;
                }
            }
            "numPr" => self.is_item = true,
            "t" => self.is_text = true,
            "tab" if !self.paragraph.is_empty() => self.paragraph.push('\t'),
            "br" | "cr" => self.paragraph.push('\n'),
            "tbl" => {
                self.tables += 1;
                if self.tables == 1 {
                    self.rows.clear();
                }
            }
            "tr" if self.tables == 1 => self.rows.push(Vec::new()),
            "tc" if self.tables == 1 => {
                if let Some(row) = self.rows.last_mut() {
                    row.push(String::new());
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        match name {
            "t" => self.is_text = false,
            "p" => self.end_paragraph(),
            "tbl" => {
                self.tables = self.tables.saturating_sub(1);
                if self.tables == 0 {
                    self.end_table();
                }
            }
            _ => {}
        }
    }

    fn end_paragraph(&mut self) {
        let paragraph = std::mem::take(&mut self.paragraph);
        let text = paragraph.trim();
        if text.is_empty() {
            return;
        }
        if self.tables > 0 {
            let cell = self.rows.last_mut().and_then(|row| row.last_mut());
            if let Some(cell) = cell {
                if !cell.is_empty() {
                    cell.push(' ');
                }
                cell.push_str(text);
            }
            return;
        }
        let line = match (self.heading, self.is_item) {
            (0, false) => text.to_owned(),
            (0, true) => format!("- {text}"),
            (level, _) => format!("{} {}", "#".repeat(level), text.replace('\n', " ")),
        };
        self.done.push_str(&line);
        self.done.push_str("\n\n");
    }

    fn end_table(&mut self) {
        let rows = std::mem::take(&mut self.rows);
        let width = rows.iter().map(Vec::len).max().unwrap_or(0);
        for (at, row) in rows.iter().enumerate() {
            let cells = (0..width).map(|at| {
                let cell = row.get(at).map_or("", String::as_str);
                let cell = cell.replace('|', "\\|").replace(['\n', '\t'], " ");
                cell.chars().take(MAX_CELL_CHARS).collect::<String>()
            });
            let cells: Vec<String> = cells.collect();
            self.done.push_str(&format!("| {} |\n", cells.join(" | ")));
            if at == 0 {
                let marks = vec!["---"; width].join(" | ");
                self.done.push_str(&format!("| {marks} |\n"));
            }
        }
        self.done.push('\n');
    }
}

/// The attribute `w:val`.
fn value(tag: &BytesStart<'_>) -> String {
    let found = tag
        .attributes()
        .flatten()
        .find(|attribute| attribute.key.local_name().as_ref() == "val");
    found.map_or_else(String::new, |attribute| attribute.value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_lists_and_tables_become_markdown() {
        let xml = r#"<w:document><w:body>
            <w:p><w:pPr><w:pStyle w:val="Heading2"/></w:pPr><w:r><w:t>Tides &amp; moons</w:t></w:r></w:p>
            <w:p><w:r><w:t xml:space="preserve">High </w:t></w:r><w:r><w:t>water.</w:t></w:r><w:r><w:instrText>PAGE</w:instrText></w:r></w:p>
            <w:p><w:pPr><w:numPr/></w:pPr><w:r><w:t>first</w:t></w:r></w:p>
            <w:tbl><w:tr><w:tc><w:p><w:r><w:t>a|b</w:t></w:r></w:p></w:tc><w:tc><w:p/></w:tc></w:tr>
            <w:tr><w:tc><w:p><w:r><w:t>1</w:t></w:r></w:p><w:p><w:r><w:t>2</w:t></w:r></w:p></w:tc></w:tr></w:tbl>
            </w:body></w:document>"#;
        assert_eq!(
            text(xml).unwrap(),
            "## Tides & moons\n\nHigh water.\n\n- first\n\n| a\\|b |  |\n| --- | --- |\n| 1 2 |  |\n\n"
        );
    }

    #[test]
    fn what_is_damaged_is_refused() {
        assert!(
            markdown(b"PK\x03\x04 nothing")
                .unwrap_err()
                .contains("damaged")
        );
        assert!(text("<w:p><w:r></w:p>").unwrap_err().contains("damaged"));
        assert_eq!(entity("#x41"), "A");
        assert_eq!(entity("#1114112"), "");
    }
}
