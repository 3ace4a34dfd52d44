//! One result, cleaned: what engines send is text of strangers.

use serde::{Deserialize, Serialize};
use url::Url;

/// Longer titles, texts and dates are cut.
const MAX_TITLE_CHARS: usize = 160;
const MAX_SNIPPET_CHARS: usize = 400;
const MAX_DATE_CHARS: usize = 30;
/// What an engine says is read so far: work on longer texts could grow with their square.
const MAX_RAW_CHARS: usize = 4_000;
/// A longer address is left out with its result: nobody could read it.
const MAX_URL_BYTES: usize = 2_048;

/// A page that an engine found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hit {
    pub(crate) title: String,
    /// As browsers write it, so that a later request for it is the same address.
    pub(crate) url: Url,
    pub(crate) snippet: String,
    /// `2026-01-31` where the engine says it so, otherwise its words; empty where it says nothing.
    pub(crate) date: String,
    /// Who found it.
    pub(crate) engines: Vec<String>,
}

/// The same for an engine's name.
const MAX_NAME_CHARS: usize = 40;
/// A result names so many engines at most.
const MAX_ENGINES: usize = 6;

/// What an engine says of a page.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Raw<'a> {
    pub(crate) title: &'a str,
    pub(crate) url: &'a str,
    pub(crate) snippet: &'a str,
    pub(crate) date: &'a str,
}

impl Hit {
    /// Cleans a result; none where its address is no web page's.
    pub(crate) fn clean(raw: Raw<'_>, engine: &str) -> Option<Hit> {
        if raw.url.len() > MAX_URL_BYTES {
            return None;
        }
        let mut url = Url::parse(raw.url.trim()).ok()?;
        let is_page = matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none();
        if !is_page {
            return None;
        }
        url.set_fragment(None);
        let title = plain(raw.title, MAX_TITLE_CHARS);
        Some(Hit {
            title: if title.is_empty() {
                url.host_str()?.to_owned()
            } else {
                title
            },
            snippet: plain(raw.snippet, MAX_SNIPPET_CHARS),
            date: date(raw.date),
            engines: vec![engine.to_owned()],
            url,
        })
    }

    /// Names who else found it.
    pub(crate) fn also_found_by(&mut self, engines: impl IntoIterator<Item = String>) {
        for engine in engines {
            if self.engines.len() < MAX_ENGINES && !self.engines.contains(&engine) {
                self.engines.push(engine);
            }
        }
    }

    /// The engines that a server asked on its part, in place of the server.
    pub(crate) fn found_through<'a>(&mut self, engines: impl Iterator<Item = &'a str>) {
        let names: Vec<String> = engines
            .map(|name| plain(name, MAX_NAME_CHARS))
            .filter(|name| !name.is_empty())
            .collect();
        if !names.is_empty() {
            self.engines.clear();
            self.also_found_by(names);
        }
    }

    /// What two results that are the same page have in common, whatever small differences their
    /// addresses have.
    pub(crate) fn page(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        let host = host.strip_prefix("www.").unwrap_or(host);
        let path = self.url.path().trim_end_matches('/');
        match self.url.query() {
            Some(query) => format!("{host}{path}?{query}"),
            None => format!("{host}{path}"),
        }
    }
}

/// The day of a timestamp, or the words.
fn date(text: &str) -> String {
    let text = plain(text, MAX_DATE_CHARS);
    let day = text.get(..10).filter(|day| {
        day.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
    });
    day.map_or(text.clone(), str::to_owned)
}

/// Text in one line without tags, with entities as characters, cut at a word.
fn plain(text: &str, max_chars: usize) -> String {
    let text: String = text.chars().take(MAX_RAW_CHARS).collect();
    // Entities come after tags: what they stand for is text.
    let text = entities(&untagged(&text));
    let is_shown = |c: &char| !c.is_control() && !is_invisible(*c);
    let shown: String = text
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(is_shown)
        .collect();
    let words: Vec<&str> = shown.split_whitespace().collect();
    let line = words.join(" ");
    let Some((end, _)) = line.char_indices().nth(max_chars) else {
        return line;
    };
    let cut = &line[..end];
    let word = cut.rfind(' ').filter(|at| at * 2 > cut.len());
    format!("{}…", &cut[..word.unwrap_or(cut.len())])
}

/// Characters that are not seen and could hide words from a person: marks of direction, tags,
/// spaces of no width.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// Without `<strong>` and its like; a `<` that begins no tag stays.
fn untagged(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let after = &rest[at + 1..];
        let is_tag = after.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!');
        match after.find('>') {
            Some(end) if is_tag => {
                out.push_str(&rest[..at]);
                rest = &after[end + 1..];
            }
            _ => {
                out.push_str(&rest[..=at]);
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// The entities that search engines write.
fn entities(text: &str) -> String {
    const MAX_NAME_BYTES: usize = 8;
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let name = after
            .split_once(';')
            .map(|(name, _)| name)
            .filter(|name| name.len() <= MAX_NAME_BYTES);
        match name.and_then(|name| character(name).map(|c| (c, name.len()))) {
            Some((c, length)) => {
                out.push(c);
                rest = &after[length + 1..];
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn character(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "hellip" => '…',
        "ndash" => '–',
        "mdash" => '—',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(raw: Raw<'_>) -> Option<Hit> {
        Hit::clean(raw, "test")
    }

    #[test]
    fn a_result_is_one_line_of_plain_text() {
        let hit = hit(Raw {
            title: "<b>Tides</b> &amp; moons\n\u{202e}\u{200b}",
            url: " https://Example.com/a#top ",
            snippet: "High <strong class=\"x\">water</strong> if a < b &#39;now&#x27; &unknown; &",
            date: "2026-01-31T10:00:00",
        })
        .unwrap();
        assert_eq!(hit.title, "Tides & moons");
        assert_eq!(hit.url.as_str(), "https://example.com/a");
        assert_eq!(hit.snippet, "High water if a < b 'now' &unknown; &");
        assert_eq!(hit.date, "2026-01-31");
    }

    #[test]
    fn what_is_no_page_is_no_result() {
        let long = format!("https://a.example/{}", "x".repeat(MAX_URL_BYTES));
        for url in [
            "",
            "/relative",
            "javascript:alert(1)",
            "ftp://a.example/",
            "https://u:p@a.example/",
            &long,
        ] {
            assert_eq!(
                hit(Raw {
                    url,
                    ..Raw::default()
                }),
                None,
                "{url}"
            );
        }
        let bare = hit(Raw {
            url: "https://a.example/x",
            ..Raw::default()
        })
        .unwrap();
        assert_eq!(bare.title, "a.example");
        assert_eq!(bare.date, "");
    }

    #[test]
    fn long_texts_are_cut_at_a_word() {
        let long = "word ".repeat(200);
        let cut = plain(&long, 12);
        assert_eq!(cut, "word word…");
        assert_eq!(plain(&"ä".repeat(20), 5), "äääää…");
        assert_eq!(plain(&"<a>".repeat(1_000), 10), "");
        assert_eq!(plain(&"<a".repeat(1_000_000), 4), "<a<a…");
    }

    #[test]
    fn dates_are_days_or_the_engines_words() {
        assert_eq!(date("2026-02-03 08:00"), "2026-02-03");
        assert_eq!(date("3 days ago"), "3 days ago");
        assert_eq!(date("Februar 2026 ü"), "Februar 2026 ü");
    }

    #[test]
    fn the_same_page_is_found_by_small_differences() {
        let page = |url| {
            hit(Raw {
                url,
                ..Raw::default()
            })
            .unwrap()
            .page()
        };
        assert_eq!(page("http://www.a.example/x/"), page("https://a.example/x"));
        assert_ne!(
            page("https://a.example/x?p=1"),
            page("https://a.example/x?p=2")
        );
    }
}
