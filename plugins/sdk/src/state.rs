//! What a plugin keeps for one person from call to call, through `alcove:state`.
//!
//! Each plugin sees its own keys of the person whose call it is. The policy grants it with
//! `[state]`, and `quota` there bounds the bytes of keys and values together; ask for both in the
//! `requests.toml` of the plugin.
//!
//! ```
//! use alcove_sdk::{Outcome, Part, state};
//!
//! fn remember(note: &str) -> Outcome {
//!     // Two calls that run at once both count.
//!     let number = state::increment("count", 1)?;
//!     state::set(&format!("note/{number}"), note.as_bytes())?;
//!     let notes = state::keys("note/", 100)?;
//!     Ok(vec![Part::text(format!("{} notes are kept", notes.len()))])
//! }
//! ```

#[allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated from wit/state"
)]
mod bindings {
    wit_bindgen::generate!({
        inline: "
            package alcove:sdk-state;
            world client { import alcove:state/store@0.1.0; }
        ",
        path: ["../../wit/state"],
        world: "alcove:sdk-state/client",
        generate_all,
    });
}

use bindings::alcove::state::store;

use crate::Failure;

/// How often [`increment`] tries when other calls count at the same time.
const ATTEMPTS: u32 = 100;
/// The most keys that the host lists at once.
const PAGE: usize = 1000;

/// The value of a key; none where there is none.
///
/// # Errors
/// `denied` where the policy grants no state, `invalid-input` for a key of no byte or above 256.
pub fn get(key: &str) -> Result<Option<Vec<u8>>, Failure> {
    store::get(key).map_err(failure)
}

/// Sets the value of a key. A value has at most 1 MiB.
///
/// # Errors
/// As [`get`], and `too-large` where the quota leaves no room.
pub fn set(key: &str, value: &[u8]) -> Result<(), Failure> {
    store::set(key, value).map_err(failure)
}

/// Removes a key; answers whether it was there.
///
/// # Errors
/// As [`get`].
pub fn delete(key: &str) -> Result<bool, Failure> {
    store::delete(key).map_err(failure)
}

/// The first `limit` keys that begin with `prefix`, in the order of their bytes.
///
/// # Errors
/// As [`get`].
pub fn keys(prefix: &str, limit: usize) -> Result<Vec<String>, Failure> {
    let mut keys: Vec<String> = Vec::new();
    while keys.len() < limit {
        let wanted = (limit - keys.len()).min(PAGE);
        let page = u32::try_from(wanted).unwrap_or(u32::MAX);
        let more = store::list_keys(prefix, keys.last().map(String::as_str), page);
        let more = more.map_err(failure)?;
        let is_last = more.len() < wanted;
        keys.extend(more);
        if is_last {
            break;
        }
    }
    Ok(keys)
}

/// Sets a key to `new`, or removes it where that is none, if its value is `expected` (none: it is
/// not there). Answers whether it was.
///
/// # Errors
/// As [`set`].
pub fn compare_and_set(
    key: &str,
    expected: Option<&[u8]>,
    new: Option<&[u8]>,
) -> Result<bool, Failure> {
    store::compare_and_set(key, expected, new).map_err(failure)
}

/// Adds to a number that is kept as decimal text, and answers the sum. What is not there is 0.
///
/// # Errors
/// As [`set`]; `internal` where the key holds something else, `unavailable` where too many calls
/// count at once.
pub fn increment(key: &str, by: i64) -> Result<i64, Failure> {
    for _ in 0..ATTEMPTS {
        let before = get(key)?;
        let number = match &before {
            None => 0,
            Some(bytes) => std::str::from_utf8(bytes)
                .ok()
                .and_then(|text| text.parse::<i64>().ok())
                .ok_or_else(|| Failure::internal(format!("`{key}` holds no number")))?,
        };
        let sum = number.saturating_add(by);
        if compare_and_set(key, before.as_deref(), Some(sum.to_string().as_bytes()))? {
            return Ok(sum);
        }
    }
    Err(Failure::unavailable(format!(
        "too many calls count `{key}` at once"
    )))
}

fn failure(error: store::Error) -> Failure {
    match error {
        store::Error::Denied(text) => Failure::denied(text),
        store::Error::Quota(text) => Failure::too_large(text),
        store::Error::Invalid(text) => Failure::invalid_input(text),
        store::Error::Unavailable(text) => Failure::unavailable(text),
    }
}
