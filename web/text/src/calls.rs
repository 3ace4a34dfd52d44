//! A tool call's arguments in the form a person reads.

/// How arguments are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arguments {
    /// Nothing worth showing.
    None,
    /// Code in a language.
    Code {
        /// Empty where it is not known.
        language: String,
        /// The code.
        text: String,
    },
    /// An address that is fetched.
    Address(String),
    /// Names and values.
    Fields(Vec<(String, String)>),
}

/// From the names and values of the arguments object, each value as text (strings without
/// quotes, the rest as JSON), and the tool's name, which for a REPL is that of its language.
pub fn arguments(tool: &str, fields: Vec<(String, String)>) -> Arguments {
    match fields.as_slice() {
        [] => Arguments::None,
        [(name, text)] if name == "code" => Arguments::Code {
            language: tool.to_owned(),
            text: text.trim_end().to_owned(),
        },
        [(name, text)] if name == "url" => Arguments::Address(text.clone()),
        _ => Arguments::Fields(fields),
    }
}

/// The code in a call that the model is still writing. It writes code as it is, or JSON; of JSON
/// the raw text is shown until it is whole.
pub fn draft(tool: &str, written: &str) -> Arguments {
    if written.trim().is_empty() {
        return Arguments::None;
    }
    let language = if written.trim_start().starts_with('{') {
        "json"
    } else {
        tool
    };
    Arguments::Code {
        language: language.to_owned(),
        text: written.trim_end().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn code_addresses_and_fields() {
        assert_eq!(
            arguments("python", vec![field("code", "1\n")]),
            Arguments::Code {
                language: "python".into(),
                text: "1".into()
            }
        );
        assert_eq!(
            arguments("web_fetch", vec![field("url", "https://e.org")]),
            Arguments::Address("https://e.org".into())
        );
        let two = vec![field("url", "https://e.org"), field("depth", "2")];
        assert_eq!(arguments("x", two.clone()), Arguments::Fields(two));
        assert_eq!(arguments("x", vec![]), Arguments::None);
    }

    #[test]
    fn drafts() {
        assert_eq!(draft("python", " \n"), Arguments::None);
        let Arguments::Code { language, .. } = draft("web_fetch", "{\"url\":") else {
            panic!()
        };
        assert_eq!(language, "json");
    }
}
