//! The tool `read_document`: files of the person's as text with passages that an answer can cite.
//!
//! Files are hostile. They are parsed here, in the sandbox, where a parser that is led astray can
//! reach nothing but the files that it may read anyway.

mod docx;
mod find;
mod plain;
mod read;

/// What to read.
#[derive(serde::Deserialize, alcove_sdk::Input)]
pub struct Arguments {
    /// The file in /workspace, such as /workspace/report.pdf; or a folder, to see what is in it.
    #[input(min_length = 1, max_length = 1000)]
    pub path: String,
    /// Words to look for: the passages that fit best are shown, wherever they are.
    #[input(max_length = 400)]
    pub find: Option<String>,
    /// Which part of a long document, when an earlier call said that there are several.
    #[input(min = 1, max = 10_000)]
    pub part: Option<u32>,
}

#[alcove_sdk::plugin(id = "alcove/documents", requests = "requests.toml")]
mod tools {
    use super::{Arguments, read};
    use alcove_sdk::Outcome;

    /// Reads a document that the person has attached: PDF, Word, Markdown, text, CSV or code.
    ///
    /// Long ones come in parts; `find` shows the passages about something. Of a folder it lists the
    /// files, and with `find` searches all of them. Tables to be computed with are better read by
    /// code.
    #[tool(
        title = "Read a document",
        effects = ["read-files"],
        files = ["*"],
        example("What is the notice period? Attached: /workspace/contract.pdf (48213 bytes)", r#"{"path":"/workspace/contract.pdf","find":"notice period"}"#),
        example("Summarise this. Attached: /workspace/notes.docx (9120 bytes)", r#"{"path":"/workspace/notes.docx"}"#)
    )]
    pub(crate) fn read_document(arguments: Arguments) -> Outcome {
        read::read(&arguments)
    }
}
