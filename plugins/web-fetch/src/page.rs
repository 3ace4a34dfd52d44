//! From bytes to the text of the result.

use alcove_sdk::{Failure, Outcome};
use alcove_text::Source;
use url::Url;

use crate::charset::decode;
use crate::fetch::{Fetched, MAX_BODY_BYTES, MAX_PDF_BYTES};
use crate::{json, markdown};

/// What kind of content it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Html,
    Pdf,
    Json,
    Text,
    /// The site does not say.
    Unsaid,
}

/// How much of a body is read. Content that is no text is refused before that.
pub(crate) fn limit(content_type: &str) -> Result<usize, Failure> {
    Ok(match kind(content_type)? {
        Kind::Pdf => MAX_PDF_BYTES,
        Kind::Html | Kind::Json | Kind::Text | Kind::Unsaid => MAX_BODY_BYTES,
    })
}

fn kind(content_type: &str) -> Result<Kind, Failure> {
    let essence = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    match essence.as_str() {
        "" | "application/octet-stream" | "application/x-unknown" => Ok(Kind::Unsaid),
        "text/html" | "application/xhtml+xml" => Ok(Kind::Html),
        "application/pdf" | "application/x-pdf" => Ok(Kind::Pdf),
        "application/json" | "application/ld+json" => Ok(Kind::Json),
        "application/xml"
        | "application/javascript"
        | "application/x-javascript"
        | "application/yaml"
        | "application/toml"
        | "application/sql" => Ok(Kind::Text),
        other if other.starts_with("text/") => Ok(Kind::Text),
        other if other.ends_with("+json") || other.ends_with("+xml") => {
            if other.starts_with("image/") {
                return Err(refused(other));
            }
            Ok(match other.ends_with("+json") {
                true => Kind::Json,
                false => Kind::Text,
            })
        }
        other => Err(refused(other)),
    }
}

fn refused(essence: &str) -> Failure {
    let shown: String = essence.chars().take(80).collect();
    Failure::unavailable(format!(
        "the address holds {shown}, which this tool cannot read; it reads HTML, PDF, text and JSON"
    ))
}

/// A page as a reader gets it.
#[derive(Debug)]
struct Read {
    url: Url,
    title: String,
    /// What is known of it beside its text.
    notes: Vec<String>,
    text: String,
}

/// The result: a link to the page, what is known of it, and one part of its text.
pub(crate) fn result(fetched: Fetched, part: usize) -> Outcome {
    let read = read(fetched)?;
    let name = format!("{}.md", read.url.host_str().unwrap_or("page"));
    let source = Source {
        link: Some((&read.title, read.url.as_str())),
        name: &name,
        notes: &read.notes,
    };
    alcove_text::result(&source, &read.text, part)
}

fn read(fetched: Fetched) -> Result<Read, Failure> {
    let Fetched {
        url,
        content_type,
        body,
        cut,
    } = fetched;
    let kind = match kind(&content_type)? {
        Kind::Unsaid => sniff(&body)?,
        known => known,
    };
    let mut notes = Vec::new();
    let (title, text) = match kind {
        Kind::Html => {
            let page = markdown::page(&decode(&body, &content_type, true), &url)?;
            notes.extend(page.about());
            (page.title, page.markdown)
        }
        Kind::Pdf if cut => {
            return Err(Failure::too_large(format!(
                "the PDF is larger than {} MiB",
                MAX_PDF_BYTES >> 20
            )));
        }
        Kind::Pdf => {
            let document =
                alcove_pdf::read(body).map_err(|error| Failure::unavailable(error.to_string()))?;
            let known = format!("[PDF, {} pages] {}", document.pages, document.author);
            notes.push(known.trim().to_owned());
            (document.title, document.markdown.trim().to_owned())
        }
        Kind::Json => {
            let text = decode(&body, &content_type, false);
            // What is cut off or damaged is shown as it is.
            let text = json::markdown(&text).unwrap_or_else(|| text.trim().to_owned());
            (String::new(), text)
        }
        Kind::Text | Kind::Unsaid => {
            let text = decode(&body, &content_type, false);
            (String::new(), text.trim().to_owned())
        }
    };
    let title = if title.is_empty() {
        url.host_str().unwrap_or_default().to_owned()
    } else {
        title
    };
    if text.is_empty() {
        notes.push(
            "[The page has no text. It may be one that only shows something when a browser runs \
             its scripts.]"
                .to_owned(),
        );
    }
    if cut {
        notes.push(format!(
            "[The page is longer than {} MiB; what follows was not read.]",
            MAX_BODY_BYTES >> 20
        ));
    }
    Ok(Read {
        url,
        title,
        notes,
        text,
    })
}

/// Content of no stated kind: HTML or other text by its first bytes.
fn sniff(body: &[u8]) -> Result<Kind, Failure> {
    if alcove_pdf::is_pdf(body) {
        return Ok(Kind::Pdf);
    }
    const WINDOW_BYTES: usize = 1_024;
    let window = &body[..body.len().min(WINDOW_BYTES)];
    let is_utf16 = window.starts_with(b"\xff\xfe") || window.starts_with(b"\xfe\xff");
    if !is_utf16
        && window
            .iter()
            .any(|byte| matches!(byte, 0..=8 | 14..=26 | 28..=31))
    {
        return Err(refused("binary data"));
    }
    let start = String::from_utf8_lossy(window)
        .trim_start()
        .to_ascii_lowercase();
    let is_html = ["<!doctype html", "<html", "<head", "<body", "<!--"]
        .iter()
        .any(|tag| start.trim_start_matches('\u{feff}').starts_with(tag));
    Ok(if is_html { Kind::Html } else { Kind::Text })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetched(content_type: &str, body: impl Into<Vec<u8>>) -> Fetched {
        Fetched {
            url: "https://example.com/page".parse().unwrap(),
            content_type: content_type.to_owned(),
            body: body.into(),
            cut: false,
        }
    }

    fn text(fetched: Fetched) -> String {
        read(fetched).unwrap().text
    }

    #[test]
    fn text_passes_through_and_json_becomes_markdown() {
        assert_eq!(text(fetched("text/plain", "a <b> c")), "a <b> c");
        let json = "{\"a\": [1, 2]}";
        assert_eq!(text(fetched("application/json", json)), "- **a**: 1, 2");
        let problem = "application/problem+json; charset=utf-8";
        assert_eq!(text(fetched(problem, json)), "- **a**: 1, 2");
        assert_eq!(text(fetched(problem, " {\"a\": [1")), "{\"a\": [1");
    }

    #[test]
    fn what_is_no_text_is_refused_by_kind() {
        for content_type in ["image/png", "application/zip", "video/mp4", "image/svg+xml"] {
            assert_eq!(limit(content_type).unwrap_err().kind, "unavailable");
        }
        let unsaid = read(fetched("", b"\x89PNG\r\n\x1a\n\0\0".to_vec()));
        assert_eq!(unsaid.unwrap_err().kind, "unavailable");
    }

    #[test]
    fn a_pdf_is_read_whole_or_not_at_all() {
        assert!(limit("application/pdf").unwrap() > limit("text/html").unwrap());
        let content = "BT /F 12 Tf 72 700 Td (Neap tides) Tj ET";
        let body = format!(
            "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n\
             2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n\
             3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R\
             /Resources<</Font<</F 5 0 R>>>>>>endobj\n\
             4 0 obj<</Length {}>>stream\n{content}\nendstream endobj\n\
             5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\ntrailer<</Root 1 0 R>>\n",
            content.len()
        );
        for content_type in ["application/pdf", ""] {
            let read = read(fetched(content_type, body.clone())).unwrap();
            assert_eq!(read.text, "Neap tides");
            assert_eq!(read.notes, ["[PDF, 1 pages]"]);
        }
        let cut = super::read(Fetched {
            cut: true,
            ..fetched("application/pdf", body)
        });
        assert_eq!(cut.unwrap_err().kind, "too-large");
        let damaged = super::read(fetched("application/pdf", "%PDF-1.4 nothing"));
        assert_eq!(damaged.unwrap_err().kind, "unavailable");
    }

    #[test]
    fn unsaid_html_is_html() {
        let page = "<!DOCTYPE html><title>T</title><p>Hello there";
        assert!(text(fetched("", page)).contains("Hello there"));
        assert!(!text(fetched("", page)).contains('<'));
    }

    #[test]
    fn what_is_known_of_a_page_is_said() {
        let page = "<!DOCTYPE html><html lang=de><head><title>Gezeiten</title>\
            <meta name=author content='Ada L.'><meta property='article:published_time' \
            content='2024-05-01T10:00:00Z'></head><body><article><p>Text</p></article>";
        let read = read(Fetched {
            cut: true,
            ..fetched("text/html", page)
        });
        let read = read.unwrap();
        assert_eq!(
            read.notes,
            [
                "By Ada L. · 2024-05-01 · language: de",
                "[The page is longer than 2 MiB; what follows was not read.]"
            ]
        );
        let empty = super::read(fetched("text/html", "<html><body></body>")).unwrap();
        assert!(empty.notes[0].contains("no text"), "{:?}", empty.notes);
    }
}
