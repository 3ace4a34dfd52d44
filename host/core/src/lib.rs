//! The turn, the item log and context planning: pure, no I/O, no async.
//!
//! Events come in, actions go out; so live runs, replay, checkpoints and tests share one code.

pub mod canonical;
pub mod checkpoint;
pub mod context;
pub mod hash;
pub mod ids;
pub mod item;
pub mod passage;
pub mod preselect;
pub mod prompt;
pub mod route;
pub mod turn;
