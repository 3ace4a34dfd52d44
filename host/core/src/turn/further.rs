//! Calls that a model adds to the first of a batch: each must be about something that was named.
//!
//! Asked for the speed in km/h, small models also call for it in m/s and mph (measured on BFCL's
//! `simple`: 16 of 23 wrong answers of a 0.5B model were calls too many). Every call costs time,
//! quota, and a question where one is asked; so a further one runs only where it differs from those
//! before it by a word or number that somebody wrote or a result brought.

use serde_json::Value;

/// Whether a call of these arguments, in a batch with earlier ones, is about something that `text`
/// names. Where the value that it would differ in is a required one whose place in an earlier call
/// is not named either ("JFK" for New York), the model translates, and is trusted.
pub(super) fn is_asked_for(
    arguments: &Value,
    earlier: &[Value],
    schema: &Value,
    text: &str,
) -> bool {
    let said = Said::new(text);
    earlier.iter().all(|earlier| {
        let Some(properties) = arguments.as_object() else {
            return true;
        };
        properties.iter().any(|(name, value)| {
            let before = earlier.get(name).unwrap_or(&Value::Null);
            if value == before {
                return false;
            }
            let known = words(before);
            let new = words(value)
                .into_iter()
                .filter(|word| !known.contains(word));
            let is_required = || {
                let required = schema["required"].as_array();
                required.is_some_and(|required| required.iter().any(|one| one == name))
            };
            new.into_iter().any(|word| said.has(&word))
                || is_required() && !known.iter().any(|word| said.has(word))
        })
    })
}

/// A text, to look words up in.
struct Said {
    text: String,
    words: Vec<Word>,
}

impl Said {
    fn new(text: &str) -> Said {
        Said {
            words: words_of(text).collect(),
            text: text.to_lowercase(),
        }
    }

    fn has(&self, word: &Word) -> bool {
        match word {
            // Sixty percent may be written 0.6.
            Word::Number(number) => self.words.iter().any(|said| match said {
                Word::Number(said) => said == number || *said == number * 100.0,
                Word::Text(_) => false,
            }),
            // Not every language divides its words.
            Word::Text(word) if !word.is_ascii() || word.len() > 3 => self.text.contains(word),
            word => self.words.contains(word),
        }
    }
}

/// A word or number of a value.
#[derive(Debug, Clone, PartialEq)]
enum Word {
    Number(f64),
    Text(String),
}

/// The words of all texts and numbers in a value.
fn words(value: &Value) -> Vec<Word> {
    match value {
        Value::Null => Vec::new(),
        Value::Bool(value) => vec![Word::Text(value.to_string())],
        Value::Number(number) => number.as_f64().map(Word::Number).into_iter().collect(),
        Value::String(text) => words_of(text).collect(),
        Value::Array(values) => values.iter().flat_map(words).collect(),
        Value::Object(map) => map.values().flat_map(words).collect(),
    }
}

fn words_of(text: &str) -> impl Iterator<Item = Word> {
    let parts = text.split(|c: char| !(c.is_alphanumeric() || c == '.'));
    let parts = parts.map(|part| part.trim_matches('.'));
    parts
        .filter(|part| !part.is_empty())
        .map(|part| match part.parse() {
            Ok(number) => Word::Number(number),
            Err(_) => Word::Text(part.to_lowercase()),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    use serde_json::json;

    fn asked(text: &str, calls: &[Value]) -> Vec<bool> {
        let schema = json!({"required": ["city", "from", "to", "date", "years"]});
        let further = calls.iter().enumerate().skip(1);
        further
            .map(|(place, call)| is_asked_for(call, &calls[..place], &schema, text))
            .collect()
    }

    #[test]
    fn what_was_named_is_called_for() {
        let cities = [json!({"city": "Paris"}), json!({"city": "New York"})];
        assert_eq!(asked("The weather in Paris and New York?", &cities), [true]);
        let chinese = [json!({"city": "巴黎"}), json!({"city": "罗马"})];
        assert_eq!(asked("巴黎和罗马的天气", &chinese), [true]);
        let dates = [json!({"date": "2026-03-11"}), json!({"date": "2026-03-12"})];
        assert_eq!(asked("The rates of 11 and 12 March 2026?", &dates), [true]);
        let shares = [json!({"share": 0.4}), json!({"share": 0.6})];
        assert_eq!(
            asked("With 40 percent, and with 60 percent?", &shares),
            [true]
        );
        let lists = [json!({"n": [1, 2, 3]}), json!({"n": [4, 5]})];
        assert_eq!(asked("The means of 1 2 3 and of 4 5?", &lists), [true]);
    }

    #[test]
    fn what_nobody_named_is_not() {
        let units = [
            json!({"metres": 450, "unit": "km/h"}),
            json!({"metres": 450, "unit": "m/s"}),
            json!({"metres": 450, "unit": "mph"}),
        ];
        assert_eq!(
            asked("How fast in km/h were 450 metres?", &units),
            [false, false]
        );
        let dates = [json!({"date": "2026-03-11"}), json!({"date": "2026-03-12"})];
        assert_eq!(asked("The rate of 11 March 2026?", &dates), [false]);
        let formats = [
            json!({"city": "Oslo"}),
            json!({"city": "Oslo", "format": "HH:MM"}),
        ];
        assert_eq!(asked("What time is it in Oslo?", &formats), [false]);
    }

    #[test]
    fn a_translated_value_is_trusted_where_it_is_needed() {
        let airports = [json!({"to": "JFK"}), json!({"to": "LAX"})];
        let text = "Flights to New York and Los Angeles?";
        assert_eq!(asked(text, &airports), [true]);
        let makes = [json!({"make": "Bass"}), json!({"make": "Guitar"})];
        assert_eq!(asked("An acoustic instrument for $1000?", &makes), [false]);
    }
}
