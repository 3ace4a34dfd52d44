//! Write tools for Alcove.
//!
//! A tool is a function from arguments to parts. Its arguments are a struct, its documentation is
//! the comments on it: the macro [`plugin`] writes the manifest from both.
//!
//! ```
//! #[derive(serde::Deserialize, alcove_sdk::Input)]
//! struct Arguments {
//!     /// The text to count.
//!     #[input(max_length = 10_000)]
//!     text: String,
//! }
//!
//! #[alcove_sdk::plugin(id = "acme/words")]
//! mod tools {
//!     use super::*;
//!
//!     /// Counts the words of a text.
//!     #[tool(title = "Count words", effects = ["compute"])]
//!     pub fn count_words(arguments: Arguments) -> alcove_sdk::Outcome {
//!         let words = arguments.text.split_whitespace().count();
//!         Ok(vec![alcove_sdk::Part::text(words.to_string())])
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! Build it for `wasm32-unknown-unknown` as a `cdylib`. Such a component imports nothing but what
//! it names, so what it can ask for can be read from it. Blocking is fine: the host suspends the
//! whole instance, and ends it when the person presses Stop; there is nothing to poll.

#[allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated from wit/tool"
)]
#[doc(hidden)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit/tool",
        world: "tool",
        pub_export_macro: true,
        export_macro_name: "export_tool",
        default_bindings_module: "alcove_sdk::bindings",
    });
}

mod answer;
#[cfg(feature = "assets")]
pub mod assets;
#[cfg(feature = "clock")]
pub mod clock;
pub mod date;
#[cfg(feature = "delegate")]
pub mod delegate;
#[cfg(feature = "environment")]
pub mod environment;
mod failure;
#[cfg(feature = "files")]
pub mod files;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "inference")]
pub mod inference;
pub mod input;
mod part;
#[doc(hidden)]
pub mod private;
pub mod session;
#[cfg(feature = "state")]
pub mod state;

pub use alcove_sdk_macros::{Input, plugin};
pub use answer::answer;
pub use bindings::alcove::tool::types::{Audience, Content, Failure, Part};
pub use input::Input;

/// What a tool ends with.
pub type Outcome = Result<Vec<Part>, Failure>;

/// The version of `alcove:tool` that this SDK speaks.
pub const CONTRACT: &str = "0.1.0";
