//! Where components come from and go to: the content-addressed store.
//!
//! A component is kept under the sha256 of its bytes and never changes there. What is installed is
//! a small record that names one: `alcove/python` for what comes with the program, `local/notes`
//! for what was installed from this machine. The publisher is decided here, by where a component
//! came from, and never by the name in its manifest: a local file that calls itself
//! `alcove/python` becomes `local/python` and inherits nothing.
//!
//! ```text
//! <root>/blobs/sha256/<hex>
//! <root>/generated/<hex>.json                 the manifest of a component that has none of its own
//! <root>/installed/<publisher>/<name>.json
//! ```

mod admit;
mod error;
mod files;
mod installed;
mod store;

pub use error::{InstallError, StoreError};
pub use installed::Installed;
pub use store::ComponentStore;

/// The publisher of what comes with the program.
pub const FIRST_PARTY: &str = "alcove";
/// The publisher of what is installed from a local path.
pub const LOCAL: &str = "local";
/// A component larger than this is refused.
pub const MAX_COMPONENT_BYTES: u64 = 256 << 20;
