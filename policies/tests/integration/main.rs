//! Policies, manifests and inspection through the crate's public interface.

mod cases;
mod defaults;
mod hostile;
mod inspection;
mod language;
mod manifests;
mod schemas;
