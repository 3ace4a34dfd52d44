//! The store, on made-up components and on the real ones.

mod built;
mod made;
mod refused;
mod stored;
