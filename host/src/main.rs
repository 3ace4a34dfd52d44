//! The `alcove` binary.
fn main() {}
