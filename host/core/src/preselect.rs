//! Which of many tools a question is about, without asking a model.
//!
//! A small model chooses well among a few tools and badly among thirty, and reads every line of
//! theirs before each answer. So of more than [`OFFER_LIMIT`] only the nearest to the question are
//! offered: by the vectors of their descriptions and examples, or by words where there are none.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::prompt::ToolSpec;

/// Tools that are offered at once.
pub const OFFER_LIMIT: usize = 8;

/// How the choice was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nearness {
    /// By vectors of the question and of what the tools say of themselves.
    Meaning,
    /// By words that both contain.
    Words,
}

impl Nearness {
    /// In words for people.
    pub fn describe(self) -> &'static str {
        match self {
            Nearness::Meaning => "nearest in meaning to the message",
            Nearness::Words => "have most words in common with the message",
        }
    }
}

/// What a tool says of itself, in texts to be compared with a question: its name with its line,
/// and each of its example questions.
pub fn texts(tool: &ToolSpec) -> Vec<String> {
    let name = tool.name.replace(['_', '-', '.'], " ");
    let mut texts = vec![format!("{name}: {}", tool.line)];
    texts.extend(
        tool.questions
            .iter()
            .filter(|text| !text.is_empty())
            .cloned(),
    );
    texts
}

/// How near each tool is by the vectors of its texts: the nearest of them counts. All have length 1.
pub fn by_vectors(question: &[f32], tools: &[Vec<&[f32]>]) -> Vec<f32> {
    let cosine = |other: &&[f32]| -> f32 { question.iter().zip(*other).map(|(a, b)| a * b).sum() };
    let nearest = |texts: &Vec<&[f32]>| texts.iter().map(cosine).fold(-1.0, f32::max);
    tools.iter().map(nearest).collect()
}

/// How much a repeated word counts, and how much a long text is held against it, as usual in BM25.
const REPEATED: f32 = 1.2;
const LONG: f32 = 0.75;

/// How near each tool is by words (BM25).
pub fn by_words(question: &str, tools: &[ToolSpec]) -> Vec<f32> {
    let documents: Vec<Vec<String>> = tools
        .iter()
        .map(|tool| words(&texts(tool).join("\n")))
        .collect();
    let count = documents.len() as f32;
    let total: usize = documents.iter().map(Vec::len).sum();
    let average = (total as f32 / count.max(1.0)).max(1.0);
    let mut having: HashMap<&str, f32> = HashMap::new();
    for document in &documents {
        let different: HashSet<&str> = document.iter().map(String::as_str).collect();
        for word in different {
            *having.entry(word).or_default() += 1.0;
        }
    }
    // In order, so that equal questions give equal sums.
    let mut asked = words(question);
    asked.sort_unstable();
    asked.dedup();
    let score = |document: &Vec<String>| {
        let length = document.len() as f32 / average;
        let of = |word: &String| {
            let times = document.iter().filter(|other| *other == word).count() as f32;
            let having = having.get(word.as_str()).copied().unwrap_or_default();
            let rare = (1.0 + (count - having + 0.5) / (having + 0.5)).ln();
            rare * times * (REPEATED + 1.0) / (times + REPEATED * (1.0 - LONG + LONG * length))
        };
        asked.iter().map(of).sum()
    };
    documents.iter().map(score).collect()
}

fn words(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric());
    words
        .filter(|word| word.len() > 1)
        // Enough of a stem for "searches" to meet "search".
        .map(|word| word.trim_end_matches("es").trim_end_matches('s').to_owned())
        .filter(|word| !word.is_empty())
        .collect()
}

/// The places of the tools to offer, in their own order: those to keep, then the nearest; of equal
/// ones the first.
pub fn nearest(scores: &[f32], keep: &[bool]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..scores.len()).collect();
    let kept = |place: &usize| keep.get(*place).copied().unwrap_or(false);
    // Stable, and total: a score that is no number is the least.
    places.sort_by(|a, b| {
        let score = |place: &usize| match scores[*place] {
            score if score.is_nan() => f32::NEG_INFINITY,
            score => score,
        };
        let by_score = || score(b).total_cmp(&score(a));
        kept(b).cmp(&kept(a)).then_with(by_score)
    });
    places.truncate(OFFER_LIMIT);
    places.sort_unstable();
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(name: &str, line: &str) -> ToolSpec {
        let schema = serde_json::json!({"type": "object"});
        ToolSpec::new(name.to_owned(), line, schema, None, Vec::new())
    }

    #[test]
    fn words_in_common_decide() {
        let tools = [
            tool("weather", "The weather of a city today."),
            tool("mesh_simplify", "Makes a 3D mesh smaller."),
            tool("train_times", "When trains leave a station in a city."),
        ];
        let scores = by_words("Simplify these meshes", &tools);
        assert!(
            scores[1] > 0.0 && scores[0] == 0.0 && scores[2] == 0.0,
            "{scores:?}"
        );
        let scores = by_words("When does the train to that city leave?", &tools);
        assert!(scores[2] > scores[0] && scores[0] > scores[1], "{scores:?}");
        assert_eq!(by_words("", &tools), [0.0; 3]);
    }

    #[test]
    fn the_nearest_text_of_a_tool_counts() {
        let tools = [
            vec![&[1.0, 0.0][..], &[0.0, 1.0]],
            vec![&[0.6, 0.8]],
            vec![],
        ];
        assert_eq!(by_vectors(&[0.0, 1.0], &tools), [1.0, 0.8, -1.0]);
    }

    #[test]
    fn kept_tools_are_offered_first_and_the_order_stays() {
        let mut scores = [0.5; OFFER_LIMIT + 4];
        scores[OFFER_LIMIT + 1] = 0.9;
        scores[2] = f32::NAN;
        let mut keep = [false; OFFER_LIMIT + 4];
        keep[OFFER_LIMIT + 3] = true;
        let places = nearest(&scores, &keep);
        assert_eq!(places, [0, 1, 3, 4, 5, 6, OFFER_LIMIT + 1, OFFER_LIMIT + 3]);
        assert_eq!(places, nearest(&scores, &keep));
    }
}
