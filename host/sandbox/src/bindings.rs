//! Rust types for `wit/tool`, and the interface that every tool may import.

use std::time::Instant;

use crate::report::{LogLevel, Part};
use crate::shared::Shared;
use crate::{Audience, Content, Failure};

pub(crate) mod generated {
    wasmtime::component::bindgen!({
        path: "../../wit/tool",
        world: "tool",
        exports: { default: async },
    });
}

pub(crate) use generated::alcove::tool::{session, types};
pub(crate) use generated::{Tool, ToolPre};

/// The longest note of a progress report, in bytes.
const MAX_NOTE_BYTES: usize = 1024;

/// What the functions of `alcove:tool/session` see of a call.
pub(crate) struct SessionView<'a>(pub(crate) &'a Shared);

impl types::Host for SessionView<'_> {}

impl session::Host for SessionView<'_> {
    fn progress(&mut self, permille: Option<u32>, mut note: String) {
        cut(&mut note, MAX_NOTE_BYTES);
        self.0.progress(crate::Progress {
            permille: permille.map(|value| value.min(1000)),
            note,
            log: None,
        });
    }

    fn log(&mut self, level: session::Level, message: String) {
        let level = match level {
            session::Level::Debug => LogLevel::Debug,
            session::Level::Info => LogLevel::Info,
            session::Level::Warn => LogLevel::Warn,
            session::Level::Error => LogLevel::Error,
        };
        self.0.log(level, message);
    }

    fn remaining_ms(&mut self) -> u64 {
        self.0.recorder.remaining_ms(|| {
            let left = self.0.deadline().saturating_duration_since(Instant::now());
            u64::try_from(left.as_millis()).unwrap_or(u64::MAX)
        })
    }

    fn locale(&mut self) -> String {
        self.0.locale()
    }
}

/// Shortens `text` to at most `limit` bytes, between two characters.
pub(crate) fn cut(text: &mut String, limit: usize) {
    text.truncate(text.floor_char_boundary(limit));
}

impl From<types::Part> for Part {
    fn from(types::Part { content, audience }: types::Part) -> Part {
        Part {
            audience: match audience {
                types::Audience::Model => Audience::Model,
                types::Audience::User => Audience::User,
                types::Audience::Both => Audience::Both,
            },
            content: match content {
                types::Content::Text(text) => Content::Text(text),
                types::Content::Json(json) => Content::Json(json),
                types::Content::Asset(id) => Content::Asset(id),
                types::Content::Link((title, url)) => Content::Link { title, url },
            },
        }
    }
}

/// The kinds of failure that the contract documents.
const FAILURE_KINDS: [&str; 11] = [
    "invalid-input",
    "auth-required",
    "input-required",
    "denied",
    "not-found",
    "rate-limited",
    "upstream",
    "too-large",
    "unavailable",
    "raised",
    "internal",
];

impl From<types::Failure> for Failure {
    fn from(failure: types::Failure) -> Failure {
        let types::Failure {
            kind,
            message,
            retry_after_ms,
        } = failure;
        Failure {
            kind: if FAILURE_KINDS.contains(&kind.as_str()) {
                kind
            } else {
                "internal".to_owned()
            },
            message,
            retry_after_ms,
        }
    }
}

impl From<Part> for types::Part {
    fn from(Part { audience, content }: Part) -> types::Part {
        types::Part {
            audience: match audience {
                Audience::Model => types::Audience::Model,
                Audience::User => types::Audience::User,
                Audience::Both => types::Audience::Both,
            },
            content: match content {
                Content::Text(text) => types::Content::Text(text),
                Content::Json(json) => types::Content::Json(json),
                Content::Asset(id) => types::Content::Asset(id),
                Content::Link { title, url } => types::Content::Link((title, url)),
            },
        }
    }
}

impl From<Failure> for types::Failure {
    fn from(failure: Failure) -> types::Failure {
        let Failure {
            kind,
            message,
            retry_after_ms,
        } = failure;
        types::Failure {
            kind,
            message,
            retry_after_ms,
        }
    }
}
