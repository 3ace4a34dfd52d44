//! Bytes to text: byte order mark, then header, then what the page says of itself, then what its
//! bytes look like.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8};

/// A page says its encoding within so many bytes.
const META_WINDOW_BYTES: usize = 1_024;

/// Decodes a body. What cannot be decoded becomes U+FFFD.
pub(crate) fn decode(body: &[u8], content_type: &str, is_html: bool) -> String {
    let stated = Encoding::for_bom(body)
        .map(|(encoding, _)| encoding)
        .or_else(|| parameter(content_type, "charset").and_then(label))
        .or_else(|| is_html.then(|| meta(body)).flatten());
    let encoding = stated.unwrap_or_else(|| {
        // A body that is cut may end within a character, so the last bytes do not count.
        let end = body.len().saturating_sub(3);
        match std::str::from_utf8(&body[..end]) {
            Ok(_) => UTF_8,
            Err(error) if error.error_len().is_none() => UTF_8,
            Err(_) => guessed(body),
        }
    });
    let (text, _, _) = encoding.decode(body);
    text.into_owned()
}

/// The old encoding that the bytes look most like, as browsers guess it.
fn guessed(body: &[u8]) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(body, true);
    detector.guess(None, Utf8Detection::Deny)
}

fn label(text: &str) -> Option<&'static Encoding> {
    Encoding::for_label(text.as_bytes())
}

/// A parameter of a header such as `text/html; charset="utf-8"`.
fn parameter<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    header.split(';').skip(1).find_map(|part| {
        let (key, value) = part.split_once('=')?;
        key.trim()
            .eq_ignore_ascii_case(name)
            .then(|| value.trim().trim_matches('"'))
    })
}

/// `charset=` within the first bytes of a page, as both forms of `<meta>` have it.
fn meta(body: &[u8]) -> Option<&'static Encoding> {
    let head: String = body
        .iter()
        .take(META_WINDOW_BYTES)
        .map(|byte| char::from(*byte).to_ascii_lowercase())
        .collect();
    let at = head.find("<meta")?;
    let after = head[at..].split_once("charset=")?.1;
    let after = after.trim_start_matches(['"', '\'', ' ']);
    let end = after.find(['"', '\'', ' ', '>', ';', '/'])?;
    let encoding = label(&after[..end])?;
    // The page was read as ASCII to get here, so it is not UTF-16 whatever it says.
    Some(if encoding.name().starts_with("UTF-16") {
        UTF_8
    } else {
        encoding
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stated_encoding_is_used() {
        assert_eq!(
            decode(b"caf\xe9", "text/plain; charset=ISO-8859-1", false),
            "café"
        );
        assert_eq!(
            decode(
                b"<meta charset=\"windows-1251\"><p>\xcc\xe8\xf0",
                "text/html",
                true
            ),
            "<meta charset=\"windows-1251\"><p>Мир"
        );
        let http_equiv =
            b"<meta http-equiv=content-type content='text/html; charset=shift_jis'>\x93\xfa";
        assert!(decode(http_equiv, "text/html", true).ends_with('日'));
        assert_eq!(
            decode(b"\xef\xbb\xbfhi", "text/plain; charset=latin1", false),
            "hi"
        );
        assert_eq!(decode(b"\xff\xfeh\0i\0", "text/plain", false), "hi");
    }

    #[test]
    fn without_a_statement_it_is_utf_8_where_it_can_be() {
        assert_eq!(decode("grüß".as_bytes(), "text/plain", false), "grüß");
        assert_eq!(
            decode(b"gr\xfc\xdf dich, Welt", "text/plain", false),
            "grüß dich, Welt"
        );
        for (encoding, text) in [
            (
                encoding_rs::SHIFT_JIS,
                "日本語の天気予報です。明日は晴れるでしょう。",
            ),
            (
                encoding_rs::WINDOWS_1251,
                "Погода завтра будет ясной, без дождя и ветра.",
            ),
            (encoding_rs::GB18030, "明天的天气预报：晴，没有雨。"),
        ] {
            let (bytes, _, _) = encoding.encode(text);
            assert_eq!(decode(&bytes, "text/plain", false), text);
        }
        let cut = &"ab€".as_bytes()[..4];
        assert_eq!(decode(cut, "text/plain", false), "ab\u{fffd}");
        assert_eq!(decode(b"x", "text/plain; charset=nonsense", false), "x");
    }
}
