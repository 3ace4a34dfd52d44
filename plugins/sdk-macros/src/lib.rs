//! The macros of `alcove-sdk`: they write the manifest from types and comments.
//!
//! The manifest ends up in a custom section of the core module; `cargo xtask build` moves it to
//! the component's top level and checks it against everything that the host will check.

mod docs;
mod input;
mod plugin;

use proc_macro::TokenStream;
use syn::{DeriveInput, ItemMod, parse_macro_input};

/// Makes a struct usable as a tool's arguments. See `alcove_sdk::input::Input`.
#[proc_macro_derive(Input, attributes(input))]
pub fn input(item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as DeriveInput);
    input::expand(&item)
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Makes a module a plugin: every function in it with `#[tool(...)]` is a tool.
///
/// On the module: `id = "publisher/name"`, `requests = "requests.toml"` (the policy that the
/// plugin asks for, a file beside Cargo.toml), `session = true` (its instance is kept along a
/// conversation). On a function: `title`, `effects = ["read-web"]`, `example("title", "JSON")`,
/// `code(argument = "code", language = "python")`. The function's comment is its description.
#[proc_macro_attribute]
pub fn plugin(attributes: TokenStream, item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as ItemMod);
    plugin::expand(attributes.into(), item)
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
