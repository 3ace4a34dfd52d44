//! The text of a PDF file as Markdown.
//!
//! A PDF says where each glyph stands, not what a line or a paragraph is. [`read`] lets the page be
//! drawn onto a device that notes glyphs alone, joins those that follow each other to lines
//! (`lines`), and lines to paragraphs and headings by their size and distance (`layout`). What
//! stands at the top or bottom of most pages is left out.

mod layout;
mod lines;
mod page;

use std::sync::Arc;

use hayro_interpret::hayro_syntax::{DecryptionError, LoadPdfError, Pdf};

/// The most pages that are read.
pub const MAX_PAGES: usize = 2_000;

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its title, where it says one.
    pub title: String,
    /// Its author, where it says one.
    pub author: String,
    /// How many pages it has.
    pub pages: usize,
    /// Its text as Markdown; empty where the pages are pictures.
    pub markdown: String,
}

/// Why a file could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// It is no PDF file, or is damaged.
    Damaged,
    /// It opens with a password only, or is encrypted in a way that is not known.
    Locked,
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Error::Damaged => "the file is no PDF, or is damaged",
            Error::Locked => "the PDF opens with a password only",
        })
    }
}

impl std::error::Error for Error {}

/// Whether bytes begin as a PDF file does: with its mark among the first kilobyte.
#[must_use]
pub fn is_pdf(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(1024)];
    head.windows(5).any(|window| window == b"%PDF-")
}

/// Reads a file.
///
/// # Errors
/// Where it is damaged or locked.
pub fn read(bytes: Vec<u8>) -> Result<Document, Error> {
    let pdf = Pdf::new(Arc::new(bytes)).map_err(|error| match error {
        LoadPdfError::Decryption(DecryptionError::InvalidEncryption) => Error::Damaged,
        LoadPdfError::Decryption(_) => Error::Locked,
        LoadPdfError::Invalid => Error::Damaged,
    })?;
    let pages = page::glyphs(&pdf, MAX_PAGES);
    let lines: Vec<Vec<lines::Line>> = pages.iter().map(|page| lines::lines(page)).collect();
    let metadata = pdf.metadata();
    let text = |bytes: Option<&[u8]>| bytes.map(words).unwrap_or_default();
    Ok(Document {
        title: text(metadata.title.as_deref()),
        author: text(metadata.author.as_deref()),
        pages: pdf.pages().len(),
        markdown: layout::markdown(&lines),
    })
}

/// A text of the file's own information: UTF-16 with a mark, or about Latin-1.
fn words(bytes: &[u8]) -> String {
    let text = match bytes {
        [0xfe, 0xff, rest @ ..] => {
            let (pairs, _) = rest.as_chunks::<2>();
            let units: Vec<u16> = pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
            String::from_utf16_lossy(&units)
        }
        bytes => bytes.iter().map(|&byte| char::from(byte)).collect(),
    };
    let shown = text.chars().filter(|char| !char.is_control()).take(300);
    shown.collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of one page with the content and one font.
    fn file(content: &str) -> Vec<u8> {
        let stream = format!("<</Length {}>>stream\n{content}\nendstream", content.len());
        let objects = [
            "<</Type/Catalog/Pages 2 0 R>>",
            "<</Type/Pages/Kids[3 0 R]/Count 1>>",
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R\
             /Resources<</Font<</F 5 0 R>>>>>>",
            &stream,
            "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
            "<</Title(Of tides)/Author(Ada)>>",
        ];
        let mut text = "%PDF-1.4\n".to_owned();
        let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
        for (at, object) in objects.iter().enumerate() {
            table.push_str(&format!("{:010} 00000 n \n", text.len()));
            text.push_str(&format!("{} 0 obj{object}endobj\n", at + 1));
        }
        let start = text.len();
        let size = objects.len() + 1;
        format!("{text}{table}trailer<</Size {size}/Root 1 0 R/Info 6 0 R>>\nstartxref\n{start}\n%%EOF\n")
            .into_bytes()
    }

    #[test]
    fn a_page_becomes_markdown() {
        let content = "BT /F 20 Tf 72 700 Td (Of tides) Tj ET\n\
            BT /F 11 Tf 72 660 Td (High water comes twice a) Tj 0 -13 Td (day, and the moon ex-) Tj 0 -13 Td (plains it.) Tj ET\n\
            BT /F 11 Tf 72 590 Td [(Spr) 10 (ing) -600 (tides)] TJ 200 0 Td (7 m) Tj ET";
        let document = read(file(content)).unwrap();
        assert_eq!(
            (document.title.as_str(), document.author.as_str()),
            ("Of tides", "Ada")
        );
        assert_eq!(document.pages, 1);
        assert_eq!(
            document.markdown,
            "## Of tides\n\nHigh water comes twice a day, and the moon explains it.\n\nSpring tides | 7 m\n"
        );
    }

    #[test]
    fn what_is_no_pdf_is_refused() {
        assert!(!is_pdf(b"<html>"));
        assert_eq!(read(b"hello".to_vec()), Err(Error::Damaged));
        let mut cut = file("BT /F 11 Tf (x) Tj ET");
        cut.truncate(200);
        // Cut off or not: it ends, with or without text.
        let _ = read(cut);
        let _ = read(b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 1 0 R/Kids[1 0 R]>>endobj trailer<</Root 1 0 R>>".to_vec());
    }

    #[test]
    fn names_are_read_in_both_encodings() {
        assert_eq!(words(b"\xfe\xff\0A\0\xe9"), "A\u{e9}");
        assert_eq!(words(b"A\xe9"), "A\u{e9}");
    }
}
