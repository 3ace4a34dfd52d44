//! Policies, manifests and inspection through the crate's public interface.

mod authority;
mod cases;
mod defaults;
mod fuzzed;
mod hostile;
mod inspection;
mod language;
mod manifests;
mod mutations;
mod schemas;
mod typed;
