//! Why a file could not be used.

use crate::Failure;

/// Why a file could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// What went wrong.
    pub kind: ErrorKind,
    /// The path, as it was given.
    pub path: String,
}

/// The kinds of [`Error`], with the names that they have in POSIX.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// There is no such file or folder (`ENOENT`).
    NotFound,
    /// The policy mounts no such place, or not for this (`EACCES`).
    Denied,
    /// There is something already (`EEXIST`).
    Exists,
    /// A folder is needed (`ENOTDIR`).
    NotAFolder,
    /// A file is needed (`EISDIR`).
    NotAFile,
    /// The folder is not empty (`ENOTEMPTY`).
    NotEmpty,
    /// The mount's quota is used up (`ENOSPC`).
    Full,
    /// It has more bytes than the caller takes (`EFBIG`).
    TooLarge,
    /// It is a link (`ELOOP`).
    Link,
    /// Anything else (`EIO`).
    Other,
}

impl ErrorKind {
    /// Its name in POSIX.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.words().0
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            ErrorKind::NotFound => ("ENOENT", "there is no such file or folder"),
            ErrorKind::Denied => ("EACCES", "this tool may not use that place"),
            ErrorKind::Exists => ("EEXIST", "there is something with that name already"),
            ErrorKind::NotAFolder => ("ENOTDIR", "that is no folder"),
            ErrorKind::NotAFile => ("EISDIR", "that is no file"),
            ErrorKind::NotEmpty => ("ENOTEMPTY", "the folder is not empty"),
            ErrorKind::Full => ("ENOSPC", "there is no room left for files"),
            ErrorKind::TooLarge => ("EFBIG", "the file is too large"),
            ErrorKind::Link => ("ELOOP", "that is a link, and links are not followed"),
            ErrorKind::Other => ("EIO", "the file could not be used"),
        }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (code, words) = self.kind.words();
        write!(f, "{code}: {words}: {}", self.path)
    }
}

impl std::error::Error for Error {}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error.kind {
            ErrorKind::NotFound => Failure::not_found(text),
            ErrorKind::Denied => Failure::denied(text),
            ErrorKind::TooLarge | ErrorKind::Full => Failure::too_large(text),
            ErrorKind::Other => Failure::unavailable(text),
            ErrorKind::Exists
            | ErrorKind::NotAFolder
            | ErrorKind::NotAFile
            | ErrorKind::NotEmpty
            | ErrorKind::Link => Failure::invalid_input(text),
        }
    }
}
