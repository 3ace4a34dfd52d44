//! Addresses in texts: those that a person typed, a result brought, or arguments hold.

use serde_json::Value;
use url::Url;

/// The longest address that counts; a longer one is nobody's typing.
const MAX_URL_BYTES: usize = 8 << 10;
/// The most addresses that one text is read for.
const MAX_URLS_PER_TEXT: usize = 10_000;

/// Every address in a text, as browsers write it and without what stands after `#`.
pub(super) fn in_text(text: &str) -> Vec<Url> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = next_scheme(text, from) {
        let run = run_at(text, start);
        from = start + run.len().max(1);
        let mut push = |candidate: &str| {
            if let Some(url) = parse(candidate) {
                found.push(url);
            }
        };
        let whole = trimmed(run);
        push(whole);
        // Text around an address can stick to it: a bracket of Markdown, an escape of HTML.
        let balanced = trimmed(up_to_unbalanced(whole));
        if balanced != whole {
            push(balanced);
        }
        if balanced.contains("&amp;") {
            push(&balanced.replace("&amp;", "&"));
        }
        if found.len() >= MAX_URLS_PER_TEXT {
            break;
        }
    }
    found
}

/// What a person means who types `example.com/about`: the address with either scheme. Only for
/// what people type; in a result, a name is not a link.
pub(super) fn typed(text: &str) -> Vec<Url> {
    let mut found = in_text(text);
    let words = text.split_whitespace().take(MAX_URLS_PER_TEXT);
    for word in words {
        let word =
            word.trim_start_matches(['(', '<', '"', '\'', '[', '*', '_', '`', '“', '„', '«']);
        let word = trimmed(up_to_unbalanced(trimmed(run_at(word, 0))));
        if word.contains("://") || !word.contains('.') {
            continue;
        }
        for scheme in ["https", "http"] {
            let url = parse(&format!("{scheme}://{word}"));
            found.extend(url.filter(|url| url.host_str().is_some_and(|host| host.contains('.'))));
        }
    }
    found
}

/// Every address in the texts of a JSON value.
pub(super) fn in_value(value: &Value) -> Vec<Url> {
    match value {
        Value::String(text) => match parse(text.trim()) {
            // One address and nothing else: no guessing where it ends.
            Some(url) if !text.trim().contains(char::is_whitespace) => vec![url],
            _ => in_text(text),
        },
        Value::Array(values) => values.iter().flat_map(in_value).collect(),
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| in_text(name).into_iter().chain(in_value(value)))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

/// The form in which addresses are compared: what is sent.
pub(super) fn sent_form(url: &Url) -> Url {
    let mut url = url.clone();
    url.set_fragment(None);
    url
}

fn parse(text: &str) -> Option<Url> {
    if text.len() > MAX_URL_BYTES {
        return None;
    }
    let url = Url::parse(text).ok()?;
    let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
    is_web.then(|| sent_form(&url))
}

/// Where the next `http://` or `https://` begins.
fn next_scheme(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    (from..bytes.len()).find(|&at| {
        let begins = |scheme: &str| {
            bytes[at..]
                .get(..scheme.len())
                .is_some_and(|head| head.eq_ignore_ascii_case(scheme.as_bytes()))
        };
        matches!(bytes[at], b'h' | b'H') && (begins("http://") || begins("https://"))
    })
}

/// What may belong to the address that begins there.
fn run_at(text: &str, start: usize) -> &str {
    let rest = &text[start..];
    let ends = |c: char| {
        c.is_whitespace()
            || c.is_control()
            || matches!(
                c,
                '"' | '<' | '>' | '`' | '\\' | '^' | '{' | '}' | '|' | '“' | '”' | '„' | '«' | '»'
            )
    };
    &rest[..rest.find(ends).unwrap_or(rest.len())]
}

/// Without the marks that end a sentence rather than an address.
fn trimmed(text: &str) -> &str {
    text.trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', '*', '_'])
}

/// Up to a closing bracket that nothing opened.
fn up_to_unbalanced(text: &str) -> &str {
    let (mut round, mut square) = (0_i32, 0_i32);
    for (at, c) in text.char_indices() {
        match c {
            '(' => round += 1,
            ')' => round -= 1,
            '[' => square += 1,
            ']' => square -= 1,
            _ => {}
        }
        if round < 0 || square < 0 {
            return &text[..at];
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(urls: Vec<Url>) -> Vec<String> {
        urls.into_iter().map(String::from).collect()
    }

    #[test]
    fn addresses_are_found_where_people_and_pages_put_them() {
        for (text, expected) in [
            ("Read https://a.example/x.", "https://a.example/x"),
            ("(see HTTP://A.example/x)", "http://a.example/x"),
            (
                "[a](https://a.example/x_(y)), and",
                "https://a.example/x_(y)",
            ),
            ("<https://a.example/?q=1#part>", "https://a.example/?q=1"),
            (
                "<a href=\"https://a.example/?a=1&amp;b=2\">",
                "https://a.example/?a=1&b=2",
            ),
            ("“https://a.example/x”", "https://a.example/x"),
        ] {
            let found = texts(in_text(text));
            assert!(found.contains(&expected.to_owned()), "{text}: {found:?}");
        }
        assert!(in_text("http:// https:/ ftp://a.example httpss").is_empty());
        let long = format!("https://a.example/{}", "x".repeat(MAX_URL_BYTES));
        assert!(in_text(&long).is_empty());
    }

    #[test]
    fn a_beginning_of_an_address_is_another_address() {
        let found = texts(in_text("https://a.example/abc"));
        assert_eq!(found, ["https://a.example/abc"]);
    }

    #[test]
    fn a_typed_name_is_an_address() {
        for text in [
            "What does (example.com/about) say?",
            "example.com/about, please",
        ] {
            let found = texts(typed(text));
            assert!(
                found.contains(&"https://example.com/about".to_owned()),
                "{text}"
            );
            assert!(
                found.contains(&"http://example.com/about".to_owned()),
                "{text}"
            );
        }
        assert!(
            typed("Version 1.5 costs 3.99 etc.")
                .iter()
                .all(|url| url.path() == "/")
        );
    }

    #[test]
    fn values_are_read_to_their_leaves() {
        let value = serde_json::json!({
            "url": " https://a.example/one, two ",
            "more": [{"x": "https://a.example/a,b"}, 5],
        });
        let found = texts(in_value(&value));
        assert_eq!(found, ["https://a.example/one", "https://a.example/a,b"]);
    }
}
