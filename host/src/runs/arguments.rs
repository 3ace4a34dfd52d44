//! The arguments of calls, out of the text that holds them, as it is written.

/// Where a text stands that is the rest of a JSON array of calls: within the arguments of one, or
/// between two. Of code it is all arguments.
#[derive(Debug)]
pub(super) struct Arguments {
    place: Option<Place>,
}

/// What a piece of the text was.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// More arguments of the newest call.
    More(String),
    /// Another call begins.
    Next,
}

#[derive(Debug, Default)]
struct Place {
    /// Objects and arrays that are open within the call, its own object not counted.
    depth: u32,
    is_in_string: bool,
    is_escaped: bool,
    /// Whether the first call's arguments have begun.
    has_begun: bool,
    /// Whether the object of a call is open: at the beginning it is.
    is_in_call: bool,
}

impl Arguments {
    /// Of code.
    pub(super) fn code() -> Arguments {
        Arguments { place: None }
    }

    /// Of an array of calls.
    pub(super) fn array() -> Arguments {
        Arguments {
            place: Some(Place {
                is_in_call: true,
                ..Place::default()
            }),
        }
    }

    /// Takes in more of the text.
    pub(super) fn feed(&mut self, text: &str) -> Vec<Part> {
        let Some(place) = &mut self.place else {
            return vec![Part::More(text.to_owned())];
        };
        let mut parts = Vec::new();
        let mut more = String::new();
        for char in text.chars() {
            let was_within = place.depth > 0;
            let opens = place.take(char);
            if opens && !was_within {
                if place.has_begun {
                    if !more.is_empty() {
                        parts.push(Part::More(std::mem::take(&mut more)));
                    }
                    parts.push(Part::Next);
                }
                place.has_begun = true;
            }
            if was_within || place.depth > 0 {
                more.push(char);
            }
        }
        if !more.is_empty() {
            parts.push(Part::More(more));
        }
        parts
    }
}

impl Place {
    /// Moves on by a character; gives whether it opens an object or array of arguments.
    fn take(&mut self, char: char) -> bool {
        if self.is_in_string {
            self.is_in_string = self.is_escaped || char != '"';
            self.is_escaped = !self.is_escaped && char == '\\';
            return false;
        }
        match char {
            '"' => self.is_in_string = true,
            '{' | '[' => {
                // Between two calls, the first brace is that of the next one's own object.
                if self.depth == 0 && !self.is_in_call {
                    self.is_in_call = true;
                    return false;
                }
                self.depth += 1;
                return true;
            }
            '}' | ']' => {
                if self.depth == 0 {
                    self.is_in_call = false;
                }
                self.depth = self.depth.saturating_sub(1);
            }
            _ => {}
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_told_apart_wherever_the_text_is_cut() {
        let text = r#"{"a": "}]\"{", "b": [{"c": 1}]}}, {"name": "x", "arguments": {"a": "2"}}, {"name": "x", "arguments": {}}]"#;
        let expected = [r#"{"a": "}]\"{", "b": [{"c": 1}]}"#, r#"{"a": "2"}"#, "{}"];
        for size in 1..text.len() {
            let mut arguments = Arguments::array();
            let mut calls = vec![String::new()];
            let chars: Vec<char> = text.chars().collect();
            for piece in chars.chunks(size) {
                for part in arguments.feed(&piece.iter().collect::<String>()) {
                    match part {
                        Part::More(more) => calls.last_mut().unwrap().push_str(&more),
                        Part::Next => calls.push(String::new()),
                    }
                }
            }
            assert_eq!(calls, expected, "pieces of {size}");
        }
    }

    #[test]
    fn code_is_as_it_is() {
        let code = "d = {'a': [1]}";
        let parts = Arguments::code().feed(code);
        assert_eq!(parts, [Part::More(code.to_owned())]);
    }
}
