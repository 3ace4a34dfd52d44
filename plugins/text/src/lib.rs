//! Long texts as tools give them back.
//!
//! [`result`] makes the parts of a result from the cleaned text of a source: what it is, one part
//! of it by its headings in pieces that an answer can cite, and the whole text as an asset in which
//! the host finds the pieces again.

mod blocks;
mod parts;
mod pieces;
mod shown;

pub use parts::{Section, sections};
pub use pieces::pieces;
pub use shown::{Source, chosen, result};
