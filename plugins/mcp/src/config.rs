//! Where the server is, and what its tools are called there. The host writes it into the binary.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};

use alcove_sdk::Failure;
use serde::Deserialize;

/// What the host looks for: it stands once in the component, followed by room.
const MARK: &[u8; 32] = b"alcove:mcp:configuration:0.1.0\0\0";
/// The mark and the room after it. As long as the host expects it.
const SPACE: usize = 64 << 10;

/// Atomics, so that the compiler cannot take what is written here for what will be read.
static CONFIGURATION: [AtomicU8; SPACE] = {
    let mut space = [const { AtomicU8::new(0) }; SPACE];
    let mut at = 0;
    while at < MARK.len() {
        space[at] = AtomicU8::new(MARK[at]);
        at += 1;
    }
    space
};

/// The configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The server's endpoint.
    pub(crate) url: String,
    /// The revision it speaks; absent while that is to be found out.
    #[serde(default)]
    pub(crate) version: Option<String>,
    /// Its tools: the name here, the name there.
    #[serde(default)]
    pub(crate) tools: BTreeMap<String, String>,
}

/// Reads what the host wrote: JSON up to the first zero byte.
pub(crate) fn read() -> Result<Config, Failure> {
    let bytes: Vec<u8> = CONFIGURATION[MARK.len()..]
        .iter()
        .map(|byte| byte.load(Ordering::Relaxed))
        .take_while(|byte| *byte != 0)
        .collect();
    serde_json::from_slice(&bytes)
        .map_err(|error| Failure::internal(format!("the plugin was not configured: {error}")))
}
