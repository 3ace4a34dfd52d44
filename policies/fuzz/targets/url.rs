#![no_main]

#[path = "../../tests/integration/fuzzed.rs"]
#[allow(dead_code, reason = "each target calls one of its functions")]
mod fuzzed;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzed::url(data));
