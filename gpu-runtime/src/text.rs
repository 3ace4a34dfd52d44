//! From token bytes to streamed text: whole characters only, and nothing of a stop string.

/// Text on its way to the reader.
pub(crate) struct TextStream {
    stop: Vec<String>,
    /// Bytes that do not yet make a character: at most three.
    bytes: Vec<u8>,
    /// Characters that may turn out to begin a stop string.
    held: String,
    stopped: bool,
}

impl TextStream {
    /// A stream that ends before the first of these strings.
    pub(crate) fn new(stop: Vec<String>) -> TextStream {
        TextStream {
            stop: stop.into_iter().filter(|stop| !stop.is_empty()).collect(),
            bytes: Vec::new(),
            held: String::new(),
            stopped: false,
        }
    }

    /// Whether a stop string came.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Takes a token's bytes and gives the text that can go out.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> String {
        if self.stopped {
            return String::new();
        }
        self.bytes.extend_from_slice(bytes);
        self.decode(false);
        self.release()
    }

    /// The rest, when no more tokens come.
    pub(crate) fn finish(&mut self) -> String {
        if self.stopped {
            return String::new();
        }
        self.decode(true);
        let mut out = self.release();
        out.push_str(&std::mem::take(&mut self.held));
        out
    }

    fn decode(&mut self, last: bool) {
        let bytes = std::mem::take(&mut self.bytes);
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            match std::str::from_utf8(rest) {
                Ok(text) => {
                    self.held.push_str(text);
                    return;
                }
                Err(error) => {
                    let (valid, invalid) = rest.split_at(error.valid_up_to());
                    self.held.push_str(&String::from_utf8_lossy(valid));
                    match error.error_len() {
                        Some(len) => rest = &invalid[len..],
                        None if last => rest = &[],
                        None => {
                            self.bytes = invalid.to_vec();
                            return;
                        }
                    }
                    self.held.push(char::REPLACEMENT_CHARACTER);
                }
            }
        }
    }

    fn release(&mut self) -> String {
        let found = self
            .stop
            .iter()
            .filter_map(|stop| self.held.find(stop.as_str()))
            .min();
        if let Some(at) = found {
            self.stopped = true;
            self.held.truncate(at);
            return std::mem::take(&mut self.held);
        }
        let longest = self.stop.iter().map(String::len).max().unwrap_or(0);
        let from = self.held.len().saturating_sub(longest);
        let may_begin = |at: &usize| {
            let tail = &self.held[*at..];
            self.stop.iter().any(|stop| stop.starts_with(tail))
        };
        let boundaries = (from..self.held.len()).filter(|at| self.held.is_char_boundary(*at));
        let keep = { boundaries }.find(may_begin).unwrap_or(self.held.len());
        let tail = self.held.split_off(keep);
        std::mem::replace(&mut self.held, tail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(stop: &[&str], pieces: &[&[u8]]) -> (Vec<String>, bool) {
        let mut stream = TextStream::new(stop.iter().map(|stop| (*stop).to_owned()).collect());
        let mut out: Vec<String> = pieces.iter().map(|piece| stream.push(piece)).collect();
        out.push(stream.finish());
        (out, stream.is_stopped())
    }

    #[test]
    fn characters_are_never_cut() {
        let euro = "a€b".as_bytes();
        let (out, _) = stream(&[], &[&euro[..2], &euro[2..3], &euro[3..]]);
        assert_eq!(out, ["a", "", "€b", ""]);
    }

    #[test]
    fn bad_bytes_become_replacement_characters() {
        let (out, _) = stream(&[], &[b"a\xFFb", b"\xE2\x82", b"c", b"\xF0\x9F"]);
        assert_eq!(out.concat(), "a\u{FFFD}b\u{FFFD}c\u{FFFD}");
    }

    #[test]
    fn stop_strings_never_leak() {
        let (out, stopped) = stream(&["```", "END"], &[b"x `", b"`", b"` y"]);
        assert_eq!((out.concat().as_str(), stopped), ("x ", true));
        assert_eq!(out[0], "x ");
        // A beginning that does not go on comes out after all.
        let (out, stopped) = stream(&["```"], &[b"a``", b"b`"]);
        assert_eq!((out.concat().as_str(), stopped), ("a``b`", false));
        assert_eq!(out[0], "a");
        // The first of two wins, also when both are in one piece.
        assert_eq!(
            stream(&["two", "one"], &[b"zero one two"]).0.concat(),
            "zero "
        );
    }

    #[test]
    fn one_byte_at_a_time_gives_the_same() {
        let text = "über `` STO STOP nie";
        let pieces: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        let (out, stopped) = stream(&["STOP"], &pieces);
        assert_eq!((out.concat().as_str(), stopped), ("über `` STO ", true));
    }
}
