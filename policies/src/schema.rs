//! The subset of JSON Schema that tools describe their arguments in.
//!
//! One subset serves the grammar that a model decodes under, the validator, and MCP. What is
//! outside of it is refused when a plugin is installed, so that no keyword is ever read by one of
//! them and ignored by another.
//!
//! | keyword | on |
//! |---|---|
//! | `type` (one of object, string, integer, number, boolean, array) | every schema |
//! | `title`, `description`, `default` | every schema |
//! | `properties`, `required`, `additionalProperties: false` (must be there) | object |
//! | `minLength`, `maxLength` (in characters) | string |
//! | `enum` | string, integer |
//! | `minimum`, `maximum` | integer, number |
//! | `items` (must be there), `minItems`, `maxItems` | array |

mod canonical;
mod check;
mod validate;

pub use canonical::canonical;
pub use check::check;
pub use validate::validate;

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", if .path.is_empty() { "the value" } else { .path })]
pub struct SchemaError {
    /// A JSON pointer into the schema or the value; empty for the whole.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

impl SchemaError {
    fn new(path: &str, message: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            message: message.into(),
        }
    }
}

/// One more step of a JSON pointer, its special characters escaped.
fn child(path: &str, key: &str) -> String {
    format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"))
}
