//! Windows over made-up histories; a token is a word.

use super::*;
use crate::prompt::ResultText;

struct Words;

impl TokenCounter for Words {
    fn count(&self, text: &str) -> u32 {
        text.split_whitespace().count() as u32
    }
}

const DAY: &str = "Sunday, 22 November 2026";
/// `Today is Sunday, 22 November 2026.` and the template's share.
const DATE_TOKENS: u32 = 6 + MESSAGE_TOKENS;

fn user(text: &str) -> Entry {
    user_on(text, DAY)
}

fn user_on(text: &str, day: &str) -> Entry {
    Entry {
        item: None,
        content: EntryContent::User {
            text: text.into(),
            day: day.into(),
        },
    }
}

fn assistant(text: &str) -> Entry {
    Entry {
        item: None,
        content: EntryContent::Assistant(text.into()),
    }
}

fn exchange(tool: &str, result: &str) -> Entry {
    let exchange = Exchange {
        tool: tool.into(),
        call: "```python\n1\n```".into(),
        result: ResultText {
            ok: true,
            text: result.into(),
            cite: None,
        },
    };
    Entry {
        item: None,
        content: EntryContent::Exchange(exchange),
    }
}

fn budget(available: u32) -> Budget {
    Budget {
        context: available,
        output: 0,
        results: 0,
    }
}

/// So many turns of 20 tokens of text each, and a question.
fn history(turns: usize) -> Vec<Entry> {
    let mut entries = Vec::new();
    for turn in 0..turns {
        entries.push(user(&format!("question {turn} {}", "word ".repeat(8))));
        entries.push(assistant(&"word ".repeat(10)));
    }
    entries.push(user("last"));
    entries
}

fn texts(window: &Window) -> Vec<&str> {
    window
        .conversation
        .iter()
        .map(|message| message.text.as_str())
        .collect()
}

#[test]
fn the_stable_part_is_first_and_the_date_before_the_question() {
    let window = plan(&Words, "system", &[user("Hi")], budget(100)).unwrap();
    assert_eq!(
        texts(&window),
        ["system", "Today is Sunday, 22 November 2026.", "Hi"]
    );
    let kinds: Vec<PartKind> = window.plan.parts.iter().map(|part| part.kind).collect();
    assert_eq!(
        kinds,
        [PartKind::Stable, PartKind::Date, PartKind::Question]
    );
    assert_eq!(window.plan.tokens, (1 + 8) + DATE_TOKENS + (1 + 8));
    assert_eq!(window.question, "Hi");
}

#[test]
fn a_day_is_told_once() {
    let entries = [
        user_on("one", "Monday"),
        assistant("1"),
        user_on("two", "Monday"),
        assistant("2"),
        user_on("three", "Tuesday"),
    ];
    let window = plan(&Words, "s", &entries, budget(1000)).unwrap();
    assert_eq!(
        texts(&window),
        [
            "s",
            "Today is Monday.",
            "one",
            "1",
            "two",
            "2",
            "Today is Tuesday.",
            "three"
        ]
    );
}

#[test]
fn the_next_turns_prompt_begins_with_this_ones() {
    let entries = history(6);
    for last in (0..entries.len() - 2).step_by(2) {
        let now = plan(&Words, "s", &entries[..=last], budget(10_000)).unwrap();
        let next = plan(&Words, "s", &entries[..=last + 2], budget(10_000)).unwrap();
        assert!(next.conversation.starts_with(&now.conversation));
    }
}

#[test]
fn the_window_slides_in_large_hops() {
    let entries = history(60);
    let mut starts = Vec::new();
    for last in (0..entries.len()).step_by(2) {
        let window = plan(&Words, "s", &entries[..=last], budget(500)).unwrap();
        assert!(window.plan.tokens <= 500, "{} tokens", window.plan.tokens);
        starts.push(window.plan.left_out);
    }
    assert!(starts.is_sorted(), "{starts:?}");
    let mut different = starts.clone();
    different.dedup();
    assert_eq!(starts[0], 0);
    assert!(*starts.last().unwrap() > 80, "the window slid: {starts:?}");
    // A window of 500 holds ten turns of 50: a hop drops about half of them, so that the same
    // beginning serves for several turns.
    assert!(different.len() <= starts.len() / 4, "{starts:?}");
}

#[test]
fn the_window_begins_where_a_turn_begins() {
    let mut entries = vec![
        user(&"long ".repeat(50)),
        exchange("python", "1"),
        assistant("one"),
    ];
    entries.push(user("short"));
    entries.push(assistant("two"));
    entries.push(user("now"));
    let window = plan(&Words, "s", &entries, budget(100)).unwrap();
    assert_eq!(window.plan.left_out, 3);
    assert_eq!(texts(&window)[2], "short");
}

#[test]
fn a_question_that_is_too_long_is_refused_with_numbers() {
    let question = user(&"word ".repeat(200));
    let error = plan(&Words, "s", &[question], budget(100)).unwrap_err();
    let tokens = 200 + MESSAGE_TOKENS + DATE_TOKENS;
    assert_eq!(
        error,
        ContextError::TooLong {
            tokens,
            available: 100 - (1 + MESSAGE_TOKENS)
        }
    );
}

#[test]
fn a_long_history_is_no_reason_to_refuse() {
    let mut entries = vec![user(&"word ".repeat(900)), assistant(&"word ".repeat(900))];
    entries.push(user("short"));
    let window = plan(&Words, "s", &entries, budget(100)).unwrap();
    assert_eq!(window.plan.left_out, 2);
}

#[test]
fn there_must_be_a_question() {
    assert_eq!(
        plan(&Words, "s", &[], budget(100)).unwrap_err(),
        ContextError::NoQuestion
    );
    let entries = [user("Hi"), assistant("Hello")];
    assert_eq!(
        plan(&Words, "s", &entries, budget(100)).unwrap_err(),
        ContextError::NoQuestion
    );
}

#[test]
fn earlier_decisions_are_told_by_what_was_called() {
    let entries = [
        user("What is 2**70?"),
        exchange("python", "1180591620717411303424"),
        exchange("web_fetch", "page"),
        assistant("It is 1180591620717411303424."),
        user("Thanks!"),
        assistant("You're welcome."),
        user("And halved?"),
    ];
    let window = plan(&Words, "s", &entries, budget(1000)).unwrap();
    let earlier: Vec<(&str, &str)> = window
        .earlier
        .iter()
        .map(|(q, name)| (q.as_str(), name.as_str()))
        .collect();
    assert_eq!(earlier, [("What is 2**70?", "python"), ("Thanks!", "none")]);
    assert_eq!(window.printed, ["1180591620717411303424", "page"]);
    assert!(window.written.contains(&"And halved?".to_owned()));
}

#[test]
fn a_budget_keeps_room_for_answer_and_results() {
    let large = Budget::new(8192, 2048, true);
    assert_eq!((large.output, large.results), (2048, 2048));
    let small = Budget::new(2048, 2048, true);
    assert_eq!(
        (small.output, small.results, small.available()),
        (512, 512, 1024)
    );
    assert_eq!(Budget::new(8192, 100, false).available(), 8092);
}

#[test]
fn a_plan_is_data() {
    let window = plan(&Words, "s", &history(3), budget(1000)).unwrap();
    let text = serde_json::to_string(&window.plan).unwrap();
    let read: ContextPlan = serde_json::from_str(&text).unwrap();
    assert_eq!(read, window.plan);
    assert_eq!(
        read.tokens,
        read.parts.iter().map(|part| part.tokens).sum::<u32>()
    );
}

#[test]
fn a_short_text_is_not_cut() {
    let cut = cut_to_tokens(&Words, "one two three", 3);
    assert_eq!(
        (cut.text.as_str(), cut.tokens, cut.is_cut),
        ("one two three", 3, false)
    );
}

#[test]
fn a_long_text_is_cut_and_says_so() {
    let text = "wörd ".repeat(1000);
    let cut = cut_to_tokens(&Words, &text, 100);
    assert!(cut.is_cut && cut.tokens <= 105, "{} tokens", cut.tokens);
    assert!(cut.text.ends_with("more characters]"), "{}", cut.text);
    // One token of a megabyte, and characters of several bytes at the cut.
    let dense = cut_to_tokens(&Words, &"é".repeat(1 << 20), 2);
    assert!(
        dense.is_cut && dense.text.len() < 100,
        "{} bytes",
        dense.text.len()
    );
    let nothing = cut_to_tokens(&Words, "one two three", 0);
    assert!(nothing.is_cut, "{nothing:?}");
}
