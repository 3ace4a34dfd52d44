//! The policy language, the plugin manifest, and what a component's imports prove.
//!
//! Everything here is pure: no clock, no file, no network, no WebAssembly engine. What comes in is
//! text or bytes that somebody else wrote, so every parser has limits, and nothing is granted by
//! absence: a key that is not there denies.
//!
//! - [`Policy`] is what an admin writes: limits, HTTP rules, file grants, capabilities.
//! - [`Ceiling`] is what an organisation lets no grant exceed; [`Authority`] is what is in force.
//! - [`language`] is the list of all keys that a policy may hold.
//! - [`manifest`] is what a plugin's author states, read from a custom section of the component.
//! - [`schema`] is the subset of JSON Schema that arguments are described in.
//! - [`inspect`] reads a component's imports and exports without compiling it.
//! - [`typed`] makes a manifest for a component that has typed exports and none of its own.

mod addresses;
mod approval;
mod authority;
mod capabilities;
mod ceiling;
mod compare;
mod denial;
mod environment;
mod error;
mod files;
mod flow;
mod granted;
mod http;
mod inject;
pub mod inspect;
pub mod language;
mod limits;
pub mod manifest;
mod origins;
mod paths;
mod policy;
mod quantity;
pub mod schema;
mod section;
mod suggest;
pub mod typed;

pub use addresses::{AddressScope, is_metadata};
pub use approval::{Approval, ApprovalMode, Label, Labels};
pub use authority::{Authority, Count, Source};
pub use capabilities::{AssetsGrant, DelegateGrant, InferenceGrant, StateGrant, ToolName};
pub use ceiling::{Ceiling, DenyRule};
pub use denial::Denial;
pub use environment::EnvVariable;
pub use error::PolicyError;
pub use files::{Access, FileGrant, FileSource};
pub use flow::FILES_SOURCE;
pub use granted::Granted;
pub use http::{AlsoAllows, HttpDecision};
pub use inject::{Inject, InjectPart, InjectPlace, is_secret_name};
pub use limits::{ByteRate, Limits, Rate};
pub use policy::Policy;

/// The policies of the first-party plugins: plugin id and policy text.
pub const DEFAULTS: &[(&str, &str)] = &[
    (
        "alcove/documents",
        include_str!("../defaults/documents.toml"),
    ),
    (
        "alcove/javascript",
        include_str!("../defaults/javascript.toml"),
    ),
    ("alcove/mesh", include_str!("../defaults/mesh.toml")),
    ("alcove/python", include_str!("../defaults/python.toml")),
    (
        "alcove/repo-browser",
        include_str!("../defaults/repo-browser.toml"),
    ),
    (
        "alcove/test-runner",
        include_str!("../defaults/test-runner.toml"),
    ),
    (
        "alcove/web-fetch",
        include_str!("../defaults/web-fetch.toml"),
    ),
    (
        "alcove/web-search",
        include_str!("../defaults/web-search.toml"),
    ),
];

/// Those of [`DEFAULTS`] that are of no use before an admin has set them up, and so are not granted
/// to anybody when they come: a model is never offered a search that cannot search.
pub const SET_UP_FIRST: &[&str] = &["alcove/web-search"];
