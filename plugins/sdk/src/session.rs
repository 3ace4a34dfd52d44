//! What every tool may use while it runs.

use std::time::Duration;

use crate::bindings::alcove::tool::session;

pub use session::Level;

/// Tells the person how far the work is: thousandths where that is known, and a short note.
pub fn progress(permille: Option<u32>, note: &str) {
    session::progress(permille, note);
}

/// Writes a line to the log of this call.
pub fn log(level: Level, message: &str) {
    session::log(level, message);
}

/// The time that is left for this call.
#[must_use]
pub fn remaining() -> Duration {
    Duration::from_millis(session::remaining_ms())
}

/// The language of the person who asked, as a BCP 47 tag such as `en` or `de-AT`.
#[must_use]
pub fn locale() -> String {
    session::locale()
}
