#![no_main]

#[path = "../../tests/integration/fuzzed.rs"]
mod fuzzed;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzed::scanner(data));
