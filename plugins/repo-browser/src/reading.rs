//! Lines of a file.

use alcove_sdk::Failure;

use crate::place::Place;

/// Lines in one answer where no end is named, and the most of them.
const LINES: usize = 200;
const MAX_LINES: usize = 1_000;
/// A line is cut here, such as one of minified code.
const MAX_LINE_BYTES: usize = 1_000;
/// An answer is at most about this long.
const MAX_ANSWER_BYTES: usize = 60_000;
/// How far into a file it reads.
const MAX_BYTES: u64 = 256 << 20;
/// A zero in so many first bytes tells a binary file, as it does for git.
pub(crate) const SNIFFED_BYTES: usize = 8_000;
const CHUNK_BYTES: usize = 1 << 20;

/// The lines `from` to `to`, counted from 1, with their numbers.
pub(crate) fn read(
    place: &impl Place,
    path: &str,
    from: Option<u32>,
    to: Option<u32>,
) -> Result<String, Failure> {
    let mut offset = 0;
    let mut lines = Lines::new(from, to)?;
    while offset < MAX_BYTES && !lines.is_done() {
        let chunk = place.read_at(path, offset, CHUNK_BYTES)?;
        if chunk.is_empty() {
            return Ok(lines.end());
        }
        if offset == 0 && is_binary(&chunk) {
            let bytes = place.stat(path)?.bytes;
            return Ok(format!("{path} is a binary file of {bytes} bytes"));
        }
        offset += chunk.len() as u64;
        lines.take(&chunk);
    }
    Ok(lines.cut())
}

/// The same of a file that git holds.
pub(crate) fn read_bytes(
    path: &str,
    data: &[u8],
    from: Option<u32>,
    to: Option<u32>,
) -> Result<String, Failure> {
    if is_binary(data) {
        return Ok(format!("{path} is a binary file of {} bytes", data.len()));
    }
    let mut lines = Lines::new(from, to)?;
    lines.take(data);
    Ok(if lines.is_done() {
        lines.cut()
    } else {
        lines.end()
    })
}

pub(crate) fn is_binary(bytes: &[u8]) -> bool {
    bytes[..bytes.len().min(SNIFFED_BYTES)].contains(&0)
}

struct Lines {
    from: usize,
    to: usize,
    number: usize,
    line: Vec<u8>,
    is_long: bool,
    has_begun: bool,
    text: String,
}

impl Lines {
    fn new(from: Option<u32>, to: Option<u32>) -> Result<Self, Failure> {
        let from = from.unwrap_or(1).max(1) as usize;
        let to = to.map_or(from + LINES - 1, |to| to as usize);
        if to < from {
            return Err(Failure::invalid_input("`to` comes before `from`"));
        }
        Ok(Self {
            from,
            to: to.min(from + MAX_LINES - 1),
            number: 1,
            line: Vec::new(),
            is_long: false,
            has_begun: false,
            text: String::new(),
        })
    }

    fn is_done(&self) -> bool {
        self.number > self.to || self.text.len() > MAX_ANSWER_BYTES
    }

    fn take(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() && !self.is_done() {
            let end = rest.iter().position(|&b| b == b'\n');
            let piece = &rest[..end.unwrap_or(rest.len())];
            self.has_begun = true;
            if self.number >= self.from {
                let room = MAX_LINE_BYTES - self.line.len();
                self.is_long |= piece.len() > room;
                self.line.extend_from_slice(&piece[..piece.len().min(room)]);
            }
            let Some(end) = end else { return };
            self.next();
            rest = &rest[end + 1..];
        }
    }

    fn next(&mut self) {
        if self.number >= self.from {
            let line = String::from_utf8_lossy(&self.line);
            let cut = if self.is_long { " …" } else { "" };
            self.text.push_str(&format!(
                "{}: {}{cut}\n",
                self.number,
                line.trim_end_matches('\r')
            ));
        }
        self.line.clear();
        self.is_long = false;
        self.has_begun = false;
        self.number += 1;
    }

    /// The text where the file goes on.
    fn cut(self) -> String {
        format!("{}(goes on: from line {})", self.text, self.number)
    }

    /// The text where the file ends.
    fn end(mut self) -> String {
        if self.has_begun {
            self.next();
        }
        if self.text.is_empty() {
            return format!("(the file has {} lines)", self.number - 1);
        }
        format!("{}(end of the file)", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(data: &str, from: u32, to: u32) -> String {
        read_bytes("a", data.as_bytes(), Some(from), Some(to)).unwrap()
    }

    #[test]
    fn lines_are_counted_from_one() {
        assert_eq!(
            check("a\r\nb\nc", 1, 2),
            "1: a\n2: b\n(goes on: from line 3)"
        );
        assert_eq!(check("a\nb\nc", 3, 9), "3: c\n(end of the file)");
        assert_eq!(check("a\nb\n", 5, 9), "(the file has 2 lines)");
        assert!(read_bytes("a", b"a", Some(3), Some(2)).is_err());
    }

    #[test]
    fn a_line_without_end_is_cut_and_a_binary_file_is_named() {
        let long = check(&"x".repeat(5_000_000), 1, 1);
        assert!(long.len() < 2 * MAX_LINE_BYTES && long.contains('…'));
        assert_eq!(check("\0\x01", 1, 1), "a is a binary file of 2 bytes");
    }
}
