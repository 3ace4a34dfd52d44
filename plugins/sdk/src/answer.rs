//! What a person answered to the tool's own question.
//!
//! A tool that needs something of the person ends with [`crate::Failure::input_required`]; the host
//! asks, and calls the tool again with the same arguments and the answer. Nothing is kept in
//! between: the second call runs on a fresh instance. A session tool can't ask.

use std::sync::{Mutex, PoisonError};

use serde::de::DeserializeOwned;
use serde_json::Value;

/// The argument in which the host puts the answer.
const ARGUMENT: &str = "_answer";

/// The answer of the call that runs.
static ANSWER: Mutex<Option<Value>> = Mutex::new(None);

/// The answer, where this call brings one and it fits.
///
/// ```
/// use alcove_sdk::{Failure, Outcome, Part};
///
/// #[derive(serde::Deserialize, alcove_sdk::Input)]
/// struct Year {
///     /// The year that is meant.
///     year: u32,
/// }
///
/// fn moon() -> Outcome {
///     let Some(Year { year }) = alcove_sdk::answer() else {
///         return Err(Failure::input_required::<Year>("Which year?"));
///     };
///     Ok(vec![Part::text(format!("the moon in {year}"))])
/// }
/// assert!(moon().is_err(), "nobody has answered yet");
/// ```
#[must_use]
pub fn answer<T: DeserializeOwned>() -> Option<T> {
    let answer = ANSWER.lock().unwrap_or_else(PoisonError::into_inner);
    serde_json::from_value(answer.clone()?).ok()
}

/// Takes the answer out of the arguments; what is left of them, where there was one.
pub(crate) fn take(json: &str) -> Option<Value> {
    let found = json
        .contains(ARGUMENT)
        .then(|| serde_json::from_str::<Value>(json).ok())
        .flatten()
        .and_then(|mut arguments| {
            let answer = arguments.as_object_mut()?.remove(ARGUMENT)?;
            Some((arguments, answer))
        });
    let (rest, answer) = found.unzip();
    *ANSWER.lock().unwrap_or_else(PoisonError::into_inner) = answer;
    rest
}
