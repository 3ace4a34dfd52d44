//! Calls of other tools for the same person, through `alcove:delegate`.
//!
//! Both sides must grant it: the caller's policy names the tool under `[delegate]`, and the tool's
//! plugin is granted to the person.
//!
//! ```
//! use alcove_sdk::{Outcome, Part, delegate};
//!
//! fn title_of(url: &str) -> Outcome {
//!     let arguments = format!(r#"{{"url":"{url}"}}"#);
//!     let parts = delegate::call("alcove/web-fetch:fetch_page", &arguments)?;
//!     let page = delegate::text(&parts);
//!     let title = page.lines().next().unwrap_or_default();
//!     Ok(vec![Part::text(title)])
//! }
//! ```

#[allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated from wit/delegate"
)]
mod bindings {
    wit_bindgen::generate!({
        inline: "
            package alcove:sdk-delegate;
            world client { import alcove:delegate/tools@0.1.0; }
        ",
        path: ["../../wit/tool", "../../wit/delegate"],
        world: "alcove:sdk-delegate/client",
        with: { "alcove:tool/types@0.1.0": crate::bindings::alcove::tool::types },
        generate_all,
    });
}

use bindings::alcove::delegate::tools;

pub use tools::Error;

use crate::{Content, Failure, Part};

/// Calls a tool, such as `alcove/web-fetch:fetch_page`, with arguments as JSON text.
///
/// # Errors
/// How the call ended, where it did not end well. `?` makes a failure of it in a tool.
pub fn call(tool: &str, arguments: &str) -> Result<Vec<Part>, Error> {
    tools::call(tool, arguments)
}

/// The texts among parts, a line each.
#[must_use]
pub fn text(parts: &[Part]) -> String {
    let texts: Vec<&str> = parts
        .iter()
        .filter_map(|part| match &part.content {
            Content::Text(text) | Content::Json(text) => Some(text.as_str()),
            Content::Asset(_) | Content::Link(_) => None,
        })
        .collect();
    texts.join("\n")
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Denied(text) => Self::denied(text),
            Error::Limit((name, allowed)) => {
                Self::rate_limited(format!("the limit `{name}` was reached: {allowed}"), None)
            }
            Error::Failed(failure) => failure,
            Error::Trapped(text) => Self::upstream(format!("the other tool crashed: {text}")),
        }
    }
}
