//! Long numbers are copied, never made up.
//!
//! Small models lose their place in a number of sixty digits, and a wrong digit looks like a right
//! one. So once a tool has printed a long number, the answer is decoded under a rule: a run of more
//! than [`FREE_DIGITS`] digits must be, digit for digit, one that a tool printed or the person
//! wrote. The model still chooses whether to write a number, which one, and everything around it;
//! what it can't do is alter one, cut it short in its middle, or invent another. The rule adds
//! nothing to the text after the fact: what streams is what the model wrote under it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Runs of up to this many digits are free: years, prices, timestamps in seconds.
pub const FREE_DIGITS: usize = 12;
/// Most different long numbers under the rule; with more of them there is no rule.
const NUMBER_LIMIT: usize = 64;
/// Most digits of all of them; with more there is no rule.
const DIGIT_LIMIT: usize = 16 * 1024;

/// Which long numbers an answer may contain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyRule {
    /// Runs of up to this many digits are free.
    pub free_digits: usize,
    /// Every longer run is one of these.
    pub numbers: Vec<String>,
}

impl CopyRule {
    /// The rule for an answer: there is one where a tool printed a long number. What the person
    /// wrote may be copied too, but is no reason for a rule.
    pub fn new<'a>(
        printed: impl IntoIterator<Item = &'a str>,
        written: impl IntoIterator<Item = &'a str>,
    ) -> Option<CopyRule> {
        let mut numbers: BTreeSet<&str> = printed.into_iter().flat_map(long_numbers).collect();
        if numbers.is_empty() {
            return None;
        }
        numbers.extend(written.into_iter().flat_map(long_numbers));
        let digits: usize = numbers.iter().map(|number| number.len()).sum();
        if numbers.len() > NUMBER_LIMIT || digits > DIGIT_LIMIT {
            return None;
        }
        let numbers = numbers.into_iter().map(str::to_owned).collect();
        Some(CopyRule {
            free_digits: FREE_DIGITS,
            numbers,
        })
    }

    /// The rule as a regular expression that the whole answer matches (classes, groups and
    /// counted repetition only, so that any grammar engine reads it). A long number may also be
    /// written with a comma between groups of three; a list of short numbers with commas is free.
    pub fn regex(&self) -> String {
        let free = self.free_digits;
        let groups = free.saturating_sub(1) / 3;
        let group = format!("(,[0-9]{{3}}){{0,{groups}}}");
        // After a comma, runs of other lengths than three are members of a list.
        let member = format!("([0-9]{{1,2}}|[0-9]{{4,{free}}})");
        let mut number = format!("[0-9]{{1,{free}}}({group},{member})*{group}");
        for digits in &self.numbers {
            number.push('|');
            number.push_str(digits);
            number.push('|');
            number.push_str(&grouped(digits));
        }
        // Between two numbers stands something other than a comma directly before a digit.
        let between = ",*[^0-9,][^0-9]*";
        format!("[^0-9]*(({number}){between})*({number})?,*")
    }
}

/// Every run of more than [`FREE_DIGITS`] digits.
fn long_numbers(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_digit())
        .filter(|run| run.len() > FREE_DIGITS)
}

/// `1234567` as `1,234,567`.
fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBER: &str = "1606938044258990275541962092341162602522202993782792835301383";

    #[test]
    fn there_is_a_rule_where_a_tool_printed_a_long_number() {
        let rule = CopyRule::new([NUMBER], ["is 12345678901234 prime?"]).unwrap();
        assert_eq!(rule.numbers, ["12345678901234", NUMBER]);
        assert_eq!(CopyRule::new(["42"], [NUMBER]), None);
        assert_eq!(
            CopyRule::new(["123456789012"], []),
            None,
            "twelve digits are free"
        );
        assert!(CopyRule::new(["-1234567890123.5"], []).is_some());
    }

    #[test]
    fn too_many_numbers_make_no_rule() {
        let many: Vec<String> = (0..100)
            .map(|n| format!("{}", 10_000_000_000_000u64 + n))
            .collect();
        assert_eq!(CopyRule::new(many.iter().map(String::as_str), []), None);
        assert_eq!(CopyRule::new(["1".repeat(20_000).as_str()], []), None);
    }

    /// What an answer under the rule may say, and what it may not.
    #[test]
    fn only_copies_match() {
        let rule = CopyRule::new([NUMBER], []).unwrap();
        let regex = regex::Regex::new(&format!("^(?:{})$", rule.regex())).unwrap();
        let grouped = grouped(NUMBER);
        let yes = [
            String::new(),
            "It is ".to_owned(),
            NUMBER.to_owned(),
            format!("2**200 + 7 = **{NUMBER}**."),
            format!("`{NUMBER}`,"),
            format!("{NUMBER} and {NUMBER}"),
            grouped.clone(),
            format!("about {grouped}, or 1.6069e+60 in short"),
            "1,606,938,044 seconds".to_owned(),
            "In 2026, 2027 and 2028: 1, 2, 3.".to_owned(),
            "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]".to_owned(),
            "1234,5678,9012".to_owned(),
            "123456789012".to_owned(),
            "Zeile eins\n\nZeile zwei: Größe 5, 6".to_owned(),
        ];
        for text in &yes {
            assert!(regex.is_match(text), "should match: {text}");
        }
        let mut wrong = NUMBER.to_owned();
        wrong.replace_range(40..41, if &NUMBER[40..41] == "0" { "1" } else { "0" });
        let no = [
            wrong.clone(),
            format!("It is {wrong}."),
            NUMBER[..40].to_owned(),
            NUMBER[1..].to_owned(),
            format!("{NUMBER}0"),
            format!("{NUMBER}{NUMBER}"),
            grouped[..40].to_owned(),
            super::grouped(&wrong),
            "1234567890123".to_owned(),
        ];
        for text in &no {
            assert!(!regex.is_match(text), "should not match: {text}");
        }
    }

    #[test]
    fn groups_of_three() {
        assert_eq!(grouped("1234567"), "1,234,567");
        assert_eq!(grouped("123456"), "123,456");
        assert_eq!(grouped("12"), "12");
    }
}
