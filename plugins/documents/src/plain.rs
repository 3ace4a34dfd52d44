//! Bytes as text.

/// The text of bytes that are text, with line ends of one kind; nothing for those that are not.
///
/// UTF-8, UTF-16 with a mark, or else Windows-1252 as far as it differs little from Latin-1.
pub(crate) fn text(bytes: &[u8]) -> Option<String> {
    let text = match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        bytes => match str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => bytes.iter().map(|&byte| windows(byte)).collect(),
        },
    };
    let head = text.chars().take(4096);
    let strange = head.filter(|char| char.is_control() && !"\t\n\r\u{c}".contains(*char));
    (strange.count() <= text.len().min(4096) / 100).then(|| text.replace("\r\n", "\n"))
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let (pairs, _) = bytes.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
    String::from_utf16_lossy(&units)
}

fn windows(byte: u8) -> char {
    match byte {
        0x80 => '€',
        0x84 => '„',
        0x85 => '…',
        0x91 => '‘',
        0x92 => '’',
        0x93 => '“',
        0x94 => '”',
        0x96 => '–',
        0x97 => '—',
        byte => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_told_apart() {
        assert_eq!(text("a\r\né".as_bytes()).unwrap(), "a\né");
        assert_eq!(text(b"caf\xe9 \x93x\x94").unwrap(), "café “x”");
        assert_eq!(text(b"\xff\xfea\0\xe9\0").unwrap(), "aé");
        assert_eq!(text(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0"), None);
        assert_eq!(text(b"").unwrap(), "");
    }
}
