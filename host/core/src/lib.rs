//! The turn, the item log and context planning: pure, no I/O.
