//! One character in the ways in which servers spell it.
//!
//! A spelling is recognised by its end: given the last bytes of a stream, [`ending_with`] lists
//! every character that a spelling which ends here stands for. Several can at once (`%41` ends with
//! an `A` and with a `1`), and all are followed, so that no text in front of a secret can make a
//! reader miss its beginning.

/// The longest spelling of one character, in bytes.
pub(super) const MAX_UNIT_BYTES: usize = 7;

/// The most spellings that can end at one byte: as it is; two of percent; one with `\x` or two with
/// `\u`. Quotes after backslashes and HTML's entities are fewer.
const MAX_UNITS: usize = 5;

/// A spelling that ends at the byte that was read last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unit {
    /// How many bytes it has.
    pub(super) length: usize,
    /// The character.
    pub(super) byte: u8,
}

/// What can end at one byte.
#[derive(Debug, Clone, Copy)]
pub(super) struct Units {
    list: [Unit; MAX_UNITS],
    count: usize,
}

impl Units {
    fn add(&mut self, length: usize, byte: u8) {
        if let Some(slot) = self.list.get_mut(self.count) {
            *slot = Unit { length, byte };
            self.count += 1;
        }
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, Unit> {
        self.list[..self.count].iter()
    }
}

/// Whether a spelling that is longer than a byte begins with this one.
pub(super) fn opens(byte: u8) -> bool {
    matches!(byte, b'%' | b'\\' | b'&')
}

/// What ends with the last byte of `window`, which holds the last eight bytes, the newest lowest.
pub(super) fn ending_with(window: u64) -> Units {
    let back = |n: usize| window.to_be_bytes()[7 - n];
    let last = back(0);
    let mut units = Units {
        list: [Unit { length: 0, byte: 0 }; MAX_UNITS],
        count: 0,
    };
    units.add(1, last);
    if let (Some(low), Some(high)) = (hex(last), hex(back(1))) {
        let byte = high << 4 | low;
        // %41, and %2541 where a URL stands inside a URL.
        if back(2) == b'%' {
            units.add(3, byte);
        }
        if [back(4), back(3), back(2)] == *b"%25" {
            units.add(5, byte);
        }
        // \x41 of programming languages; \u0041 of JSON, and \\u0041 where JSON stands inside JSON;
        // %u0041 of old JavaScript.
        if [back(3), back(2) | 0x20] == *b"\\x" {
            units.add(4, byte);
        }
        if [back(4) | 0x20, back(3), back(2)] == *b"u00" && matches!(back(5), b'\\' | b'%') {
            units.add(6, byte);
            if [back(6), back(5)] == *b"\\\\" {
                units.add(7, byte);
            }
        }
    }
    if back(1) == b'\\' && matches!(last, b'"' | b'\\' | b'/' | b'\'') {
        units.add(2, last);
        if back(2) == b'\\' {
            units.add(3, last);
            if back(3) == b'\\' {
                units.add(4, last);
            }
        }
    }
    if last == b';'
        && let Some((length, byte)) = entity(&window.to_be_bytes()[1..])
    {
        units.add(length, byte);
    }
    units
}

/// The entity of HTML that these bytes end with.
fn entity(bytes: &[u8]) -> Option<(usize, u8)> {
    let from = bytes.iter().rposition(|byte| *byte == b'&')?;
    let name = bytes.get(from + 1..bytes.len() - 1)?;
    let byte = match name {
        b"amp" => b'&',
        b"lt" => b'<',
        b"gt" => b'>',
        b"quot" => b'"',
        b"apos" => b'\'',
        [b'#', b'x' | b'X', digits @ ..] => number(digits, 16)?,
        [b'#', digits @ ..] => number(digits, 10)?,
        _ => return None,
    };
    Some((bytes.len() - from, byte))
}

fn number(digits: &[u8], base: u32) -> Option<u8> {
    let text = std::str::from_utf8(digits).ok()?;
    u8::from_str_radix(text, base).ok()
}

fn hex(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(text: &str) -> Vec<(usize, char)> {
        let window = text.bytes().fold(0, |all, byte| all << 8 | u64::from(byte));
        let units = ending_with(window);
        units
            .iter()
            .map(|u| (u.length, char::from(u.byte)))
            .collect()
    }

    #[test]
    fn every_spelling_is_found_by_its_end() {
        assert_eq!(units("A"), [(1, 'A')]);
        assert_eq!(units("%41"), [(1, '1'), (3, 'A')]);
        assert_eq!(units("%2F"), [(1, 'F'), (3, '/')]);
        assert_eq!(units("%2f"), [(1, 'f'), (3, '/')]);
        assert_eq!(units("%252f"), [(1, 'f'), (5, '/')]);
        assert_eq!(units("\\x2f"), [(1, 'f'), (4, '/')]);
        assert_eq!(units("\\u002F"), [(1, 'F'), (6, '/')]);
        assert_eq!(units("\\\\u002F"), [(1, 'F'), (6, '/'), (7, '/')]);
        assert_eq!(units("%u002F"), [(1, 'F'), (6, '/')]);
        assert_eq!(units("\\/"), [(1, '/'), (2, '/')]);
        assert_eq!(units("\\\\\\\""), [(1, '"'), (2, '"'), (3, '"'), (4, '"')]);
        assert_eq!(units("&amp;"), [(1, ';'), (5, '&')]);
        assert_eq!(units("&#43;"), [(1, ';'), (5, '+')]);
        assert_eq!(units("&#x2B;"), [(1, ';'), (6, '+')]);
        assert_eq!(units("&&quot;"), [(1, ';'), (6, '"')]);
    }

    #[test]
    fn what_only_looks_like_a_spelling_stands_for_itself() {
        for text in [
            "%4G", "41", "u0041", "&nbsp;", "&#;", "&#999;", ";", "\\n", "\\u0141",
        ] {
            assert_eq!(units(text).len(), 1, "{text}");
        }
    }
}
