//! Results that are kept for a while: the same question twice costs one search.
//!
//! They lie in a fixed number of places in the plugin's state, found by a hash of the question, so
//! that old ones make room without being looked for. What cannot be kept or read is asked again.

use std::hash::{DefaultHasher, Hash, Hasher};

use alcove_sdk::session::{self, Level};
use alcove_sdk::state;
use serde::{Deserialize, Serialize};

use crate::hit::Hit;

/// So many lists are kept.
const PLACES: u64 = 128;

/// A list, and what it answers.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    question: String,
    /// Seconds since 1970.
    at: u64,
    hits: Vec<Hit>,
}

impl Kept {
    /// The list, where it answers this question and is fresh.
    fn fresh(self, question: &str, now: u64, seconds: u64) -> Option<Vec<Hit>> {
        // A time in the future is a clock that was set back.
        let is_fresh = self.at <= now && now - self.at < seconds;
        (is_fresh && self.question == question).then_some(self.hits)
    }
}

/// The place of a question.
fn place(question: &str) -> String {
    let mut hasher = DefaultHasher::new();
    question.hash(&mut hasher);
    format!("results/{}", hasher.finish() % PLACES)
}

/// The results of a question, where they are at most `seconds` old.
pub(crate) fn get(question: &str, now: u64, seconds: u64) -> Option<Vec<Hit>> {
    if seconds == 0 {
        return None;
    }
    let bytes = state::get(&place(question)).ok()??;
    let kept: Kept = serde_json::from_slice(&bytes).ok()?;
    kept.fresh(question, now, seconds)
}

/// Keeps the results of a question.
pub(crate) fn put(question: String, now: u64, hits: &[Hit]) {
    let place = place(&question);
    let kept = Kept {
        question,
        at: now,
        hits: hits.to_vec(),
    };
    let Ok(bytes) = serde_json::to_vec(&kept) else {
        return;
    };
    if let Err(failure) = state::set(&place, &bytes) {
        session::log(Level::Warn, &format!("not kept: {}", failure.message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_fresh_for_its_time_and_its_question() {
        let fresh = |question: &str, now| {
            let kept = Kept {
                question: "tides".to_owned(),
                at: 1_000,
                hits: Vec::new(),
            };
            kept.fresh(question, now, 60).is_some()
        };
        assert!(fresh("tides", 1_000) && fresh("tides", 1_059));
        assert!(!fresh("tides", 1_060) && !fresh("tides", 999));
        assert!(!fresh("Tides", 1_000));
    }

    #[test]
    fn places_are_few() {
        let places: std::collections::HashSet<String> = (0..10_000)
            .map(|number| place(&number.to_string()))
            .collect();
        assert_eq!(places.len() as u64, PLACES);
    }
}
