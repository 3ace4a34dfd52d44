//! From bytes to the parts of the result.

use alcove_sdk::{Failure, Outcome, Part};

use crate::charset::decode;
use crate::fetch::{Fetched, MAX_BODY_BYTES};
use crate::markdown;

/// So much text is given back at once; the next call can ask for what follows.
const MAX_CHARS: usize = 20_000;

/// What kind of content it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Html,
    Text,
    /// The site does not say.
    Unsaid,
}

/// Refuses content that is no text, before its body is read.
pub(crate) fn readable(content_type: &str) -> Result<(), Failure> {
    kind(content_type).map(|_| ())
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
        "application/json"
        | "application/xml"
        | "application/javascript"
        | "application/x-javascript"
        | "application/ld+json"
        | "application/yaml"
        | "application/toml"
        | "application/sql" => Ok(Kind::Text),
        other if other.starts_with("text/") => Ok(Kind::Text),
        other if other.ends_with("+json") || other.ends_with("+xml") => {
            if other.starts_with("image/") {
                return Err(refused(other));
            }
            Ok(Kind::Text)
        }
        other => Err(refused(other)),
    }
}

fn refused(essence: &str) -> Failure {
    let shown: String = essence.chars().take(80).collect();
    Failure::unavailable(format!(
        "the address holds {shown}, which this tool cannot read; it reads HTML, text and JSON"
    ))
}

/// The result: a link to the page and its text from `start` on.
pub(crate) fn parts(fetched: Fetched, start: usize) -> Outcome {
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
    let text = decode(&body, &content_type, kind == Kind::Html);
    let (title, text) = match kind {
        Kind::Html => {
            let page = markdown::page(&text, &url)?;
            (page.title, page.markdown)
        }
        Kind::Text | Kind::Unsaid => (String::new(), text),
    };
    let title = if title.is_empty() {
        url.host_str().unwrap_or_default().to_owned()
    } else {
        title
    };
    let mut shown = window(&text, start)?;
    if cut {
        shown.push_str(&format!(
            "\n\n[The page is longer than {} MiB; what follows was not read.]",
            MAX_BODY_BYTES >> 20
        ));
    }
    Ok(vec![Part::link(title, url), Part::text(shown)])
}

/// Content of no stated kind: HTML or other text by its first bytes.
fn sniff(body: &[u8]) -> Result<Kind, Failure> {
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

/// At most [`MAX_CHARS`] of a text, and where to go on.
fn window(text: &str, start: usize) -> Result<String, Failure> {
    let text = text.trim();
    let total = text.chars().count();
    if text.is_empty() {
        return Ok(
            "[The page has no text. It may be one that only shows something when a browser \
                   runs its scripts.]"
                .to_owned(),
        );
    }
    if start >= total {
        return Err(Failure::invalid_input(format!(
            "`start` is beyond the end: the page has {total} characters"
        )));
    }
    let mut shown: String = text.chars().skip(start).take(MAX_CHARS).collect();
    let end = start + shown.chars().count();
    if end < total {
        shown.push_str(&format!(
            "\n\n[Characters {start} to {end} of {total}. To read on, call again with \
             \"start\": {end}.]"
        ));
    }
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alcove_sdk::Content;

    fn fetched(content_type: &str, body: impl Into<Vec<u8>>) -> Fetched {
        Fetched {
            url: "https://example.com/page".parse().unwrap(),
            content_type: content_type.to_owned(),
            body: body.into(),
            cut: false,
        }
    }

    fn text(outcome: Outcome) -> String {
        match &outcome.unwrap()[1].content {
            Content::Text(text) => text.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn text_and_json_pass_through() {
        assert_eq!(text(parts(fetched("text/plain", "a <b> c"), 0)), "a <b> c");
        let json = "{\"a\": [1, 2]}";
        assert_eq!(text(parts(fetched("application/json", json), 0)), json);
        let problem = "application/problem+json; charset=utf-8";
        assert_eq!(text(parts(fetched(problem, json), 0)), json);
    }

    #[test]
    fn what_is_no_text_is_refused_by_kind() {
        for content_type in ["image/png", "application/pdf", "video/mp4", "image/svg+xml"] {
            assert_eq!(readable(content_type).unwrap_err().kind, "unavailable");
        }
        let unsaid = parts(fetched("", b"\x89PNG\r\n\x1a\n\0\0".to_vec()), 0);
        assert_eq!(unsaid.unwrap_err().kind, "unavailable");
    }

    #[test]
    fn unsaid_html_is_html() {
        let page = "<!DOCTYPE html><title>T</title><p>Hello there";
        assert!(text(parts(fetched("", page), 0)).contains("Hello there"));
        assert!(!text(parts(fetched("", page), 0)).contains('<'));
    }

    #[test]
    fn a_long_page_is_read_in_pieces() {
        let long = "ä".repeat(MAX_CHARS + 5);
        let first = text(parts(fetched("text/plain", long.clone()), 0));
        assert!(
            first.contains("\"start\": 20000"),
            "{}",
            &first[first.len() - 100..]
        );
        let rest = text(parts(fetched("text/plain", long.clone()), MAX_CHARS));
        assert_eq!(rest, "ä".repeat(5));
        let beyond = parts(fetched("text/plain", long), MAX_CHARS * 2);
        assert_eq!(beyond.unwrap_err().kind, "invalid-input");
    }
}
