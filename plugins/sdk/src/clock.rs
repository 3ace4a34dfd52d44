//! The time of day, and waiting, through `wasi:clocks`. The time is in the call's record, so a replay
//! sees the same.

use std::time::Duration;

#[allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated from wit/deps"
)]
mod bindings {
    wit_bindgen::generate!({
        inline: "
            package alcove:sdk-clock;
            world client { import wasi:clocks/monotonic-clock@0.2.12; import wasi:clocks/wall-clock@0.2.12; }
        ",
        path: ["../../wit/deps/io.wit", "../../wit/deps/clocks.wit"],
        world: "alcove:sdk-clock/client",
        generate_all,
    });
}

/// The time since 1970 began, in UTC.
#[must_use]
pub fn now() -> Duration {
    let now = bindings::wasi::clocks::wall_clock::now();
    Duration::new(now.seconds, now.nanoseconds)
}

/// Waits. The host ends it when the person presses Stop or the call's time is over.
pub fn sleep(duration: Duration) {
    let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    bindings::wasi::clocks::monotonic_clock::subscribe_duration(nanoseconds).block();
}
