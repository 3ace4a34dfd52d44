//! The passages of texts that fit some words best: BM25 (Robertson and Zaragoza, 2009) over the
//! pieces that an answer can cite.

use std::collections::HashMap;

/// The usual constants of BM25.
const K1: f64 = 1.2;
const B: f64 = 0.75;
const LEAST_WEIGHT: f64 = 0.01;
/// So much of two words must be the same for them to be one: `notice` and `notices`.
const MAX_ENDING: usize = 3;

/// Words in lower case, without marks.
fn words(text: &str) -> Vec<String> {
    text.split(|char: char| !char.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// Whether a word is a form of another.
fn is_form(word: &str, of: &str) -> bool {
    let (short, long) = if word.len() <= of.len() {
        (word, of)
    } else {
        (of, word)
    };
    short == long
        || short.len() >= 3 && long.len() - short.len() <= MAX_ENDING && long.starts_with(short)
}

/// The places of the pieces that fit best, at most `count`, in their order in the text.
pub(crate) fn best(pieces: &[&str], query: &str, count: usize) -> Vec<usize> {
    let wanted = words(query);
    let texts: Vec<Vec<String>> = pieces.iter().map(|piece| words(piece)).collect();
    let total: usize = texts.iter().map(Vec::len).sum();
    let mean = (total as f64 / texts.len().max(1) as f64).max(1.0);
    let mut counts: Vec<HashMap<usize, f64>> = vec![HashMap::new(); texts.len()];
    let mut holding = vec![0_usize; wanted.len()];
    for (at, text) in texts.iter().enumerate() {
        for word in text {
            for (number, _) in wanted
                .iter()
                .enumerate()
                .filter(|(_, one)| is_form(word, one))
            {
                *counts[at].entry(number).or_default() += 1.0;
            }
        }
        for number in counts[at].keys() {
            holding[*number] += 1;
        }
    }
    // What stands in half of the pieces says little of any, but more than nothing.
    let weight = |number: usize| {
        let held = holding[number] as f64;
        ((texts.len() as f64 - held + 0.5) / (held + 0.5))
            .ln()
            .max(LEAST_WEIGHT)
    };
    let score = |at: usize| -> f64 {
        let length = texts[at].len() as f64 / mean;
        counts[at]
            .iter()
            .map(|(&number, &times)| {
                weight(number) * times * (K1 + 1.0) / (times + K1 * (1.0 - B + B * length))
            })
            .sum()
    };
    let mut scored: Vec<(usize, f64)> = (0..texts.len())
        .map(|at| (at, score(at)))
        .filter(|(_, score)| *score > 0.0)
        .collect();
    scored.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let mut places: Vec<usize> = scored.into_iter().take(count).map(|(at, _)| at).collect();
    places.sort_unstable();
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rare_word_decides() {
        let pieces = [
            "The contract is between the two parties of the contract.",
            "Either party may give notice of three months.",
            "The contract is governed by the law of Ruritania.",
            "Payment is due within 30 days.",
        ];
        assert_eq!(best(&pieces, "notice period in the contract", 1), [1]);
        assert_eq!(best(&pieces, "Which laws?", 2), [2]);
        assert!(best(&pieces, "unicorn", 3).is_empty());
    }
}
