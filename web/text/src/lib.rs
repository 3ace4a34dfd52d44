//! The web client's text work that needs no browser, so that it is tested by a native build:
//! Markdown into a tree of blocks, code into coloured spans, numbers and times into words.

pub mod calls;
pub mod cite;
pub mod files;
pub mod form;
pub mod format;
pub mod highlight;
mod languages;
pub mod links;
pub mod markdown;
pub mod sentences;
