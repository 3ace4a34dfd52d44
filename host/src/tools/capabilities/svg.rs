//! Which SVG files are shown as pictures: drawings of shapes and texts, and nothing that runs, loads,
//! repeats itself or grows (SVG 2, <https://www.w3.org/TR/SVG2/>).
//!
//! A browser runs no scripts in an image, but it does follow `use`, filters and animations, with
//! which a small file can keep it busy for ever.

/// The largest file that is shown.
pub(super) const MAX_BYTES: usize = 2 << 20;
/// How deep elements lie within each other at most.
const MAX_DEPTH: usize = 32;

/// What may be drawn, and what says how.
const ELEMENTS: &[&str] = &[
    "circle",
    "clipPath",
    "defs",
    "desc",
    "ellipse",
    "g",
    "line",
    "linearGradient",
    "path",
    "polygon",
    "polyline",
    "radialGradient",
    "rect",
    "stop",
    "svg",
    "text",
    "title",
    "tspan",
];

/// Whether the file is such a drawing.
///
/// # Errors
/// The first thing in it that is not.
pub(super) fn check(bytes: &[u8]) -> Result<(), String> {
    if bytes.len() > MAX_BYTES {
        return Err(format!("it has more than {MAX_BYTES} bytes"));
    }
    let text = str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    let mut rest = text.trim_start();
    if let Some(declared) = rest.strip_prefix("<?xml ") {
        rest = declared.split_once("?>").map_or("", |(_, rest)| rest);
    }
    let mut open: Vec<&str> = Vec::new();
    let mut is_first = true;
    while let Some((_, tag)) = rest.split_once('<') {
        let end = end_of(tag).ok_or("a tag has no end")?;
        let (tag, after) = (&tag[..end], &tag[end + 1..]);
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name.trim_end()) {
                return Err(format!("`</{name}>` ends nothing"));
            }
            continue;
        }
        let (tag, is_empty) = match tag.strip_suffix('/') {
            Some(tag) => (tag, true),
            None => (tag, false),
        };
        let length = tag.find(char::is_whitespace).unwrap_or(tag.len());
        let (name, attributes) = tag.split_at(length);
        if !ELEMENTS.contains(&name) || is_first != (name == "svg") {
            let name: String = name.chars().take(40).collect();
            return Err(format!("`<{name}>` may not stand there"));
        }
        is_first = false;
        check_attributes(attributes, open.contains(&"clipPath"))?;
        if !is_empty {
            open.push(name);
        }
        if open.len() > MAX_DEPTH {
            return Err(format!("its elements lie more than {MAX_DEPTH} deep"));
        }
    }
    match is_first || !open.is_empty() {
        true => Err("it has no `<svg>` from beginning to end".to_owned()),
        false => Ok(()),
    }
}

/// Where a tag ends: at the first `>` outside of quotes.
fn end_of(tag: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in tag.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(at),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

fn check_attributes(mut text: &str, is_clip: bool) -> Result<(), String> {
    loop {
        text = text.trim_start();
        if text.is_empty() {
            return Ok(());
        }
        let (name, after) = text.split_once('=').ok_or("an attribute has no value")?;
        let name = name.trim_end();
        let quoted = after.trim_start();
        let quote = quoted
            .chars()
            .next()
            .filter(|first| ['"', '\''].contains(first))
            .ok_or("an attribute's value has no quotes")?;
        let (value, rest) = quoted[1..]
            .split_once(quote)
            .ok_or("an attribute's value has no end")?;
        text = rest;
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"-:_".contains(&byte);
        // A clip within a clip within a clip is drawn as often as there are ways through them.
        let is_refused = !name.bytes().all(is_word)
            || name.starts_with("on")
            || name.ends_with("href")
            || name == "style"
            || name == "filter"
            || name == "mask"
            || (name == "clip-path" && is_clip);
        if is_refused {
            let name: String = name.chars().take(40).collect();
            return Err(format!("the attribute `{name}` may not stand there"));
        }
        let leads_away = value
            .match_indices("url(")
            .any(|(at, found)| !value[at + found.len()..].starts_with('#'));
        // Escapes could spell what is looked for here.
        if leads_away || value.contains('\\') || (value.contains("&#") && value.contains('(')) {
            return Err(format!("the value of `{name}` leads out of the file"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawings_are_shown() {
        for good in [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width='10'><rect width=\"100%\" fill='#fff'/>\
             <g clip-path=\"url(#c)\"><text x=\"1\">a &lt; b &amp; c</text></g></svg>\n",
            "<?xml version=\"1.0\"?>\n<svg><title>a > b</title></svg>",
            "<svg><clipPath id=\"c\"><circle r=\"4\"/></clipPath></svg>",
        ] {
            assert_eq!(check(good.as_bytes()), Ok(()), "{good}");
        }
    }

    #[test]
    fn what_runs_loads_or_grows_is_not() {
        let deep = format!("<svg>{}{}</svg>", "<g>".repeat(40), "</g>".repeat(40));
        let long = format!("<svg><desc>{}</desc></svg>", "x".repeat(MAX_BYTES));
        for (bad, why) in [
            ("", "no `<svg>`"),
            ("text", "no `<svg>`"),
            ("<svg>", "beginning to end"),
            ("<svg", "no end"),
            ("<g><svg/></g>", "`<g>`"),
            ("<svg><svg/></svg>", "`<svg>`"),
            ("<svg><script>1</script></svg>", "`<script>`"),
            ("<svg><use href=\"#a\"/></svg>", "`<use>`"),
            (
                "<svg><image href=\"https://a.example/x\"/></svg>",
                "`<image>`",
            ),
            ("<svg><style>@import 'x'</style></svg>", "`<style>`"),
            ("<svg><foreignObject/></svg>", "`<foreignObject>`"),
            ("<svg><animate/></svg>", "`<animate>`"),
            ("<svg><!-- --><g/></svg>", "`<!-->`"),
            (
                "<!DOCTYPE svg [<!ENTITY a \"b\">]><svg/>",
                "may not stand there",
            ),
            ("<svg onload=\"x()\"/>", "`onload`"),
            ("<svg><g xlink:href='#a'/></svg>", "`xlink:href`"),
            ("<svg><g style='fill:url(//a.example)'/></svg>", "`style`"),
            (
                "<svg><rect fill=\"url(https://a.example)\"/></svg>",
                "leads out",
            ),
            (
                "<svg><rect fill=\"u&#114;l(//a.example)\"/></svg>",
                "leads out",
            ),
            (
                "<svg><rect fill=\"\\75rl(//a.example)\"/></svg>",
                "leads out",
            ),
            (
                "<svg><clipPath><g clip-path='url(#b)'/></clipPath></svg>",
                "`clip-path`",
            ),
            ("<svg><g a></g></svg>", "no value"),
            ("<svg><g a=b></g></svg>", "no quotes"),
            ("<svg></g></svg>", "ends nothing"),
            (&deep, "deep"),
            (&long, "bytes"),
        ] {
            let said = check(bad.as_bytes()).unwrap_err();
            assert!(said.contains(why), "{bad}: {said}");
        }
        assert!(check(b"<svg>\xff</svg>").is_err());
    }
}
