//! The decision: which tool, or none, as one name under a grammar.
//!
//! Two things were measured to help models of 0.5B most, with the same answers from 1.5B: what a
//! message contains is said in brackets before it (a web address, numbers, only words), and there
//! are as many example turns without a tool as with one.

use super::{Exchange, Message, Prompt, ToolSpec};

/// The name that stands for no tool.
pub const NONE: &str = "none";

/// Most example turns of tools, all together.
pub const EXAMPLE_LIMIT: usize = 8;
/// Fewest example turns without a tool.
const LEAST_PLAIN: usize = 2;
/// Most example turns of one tool.
const EXAMPLES_PER_TOOL: usize = 4;
/// Earlier questions that a decision sees, so that "and in euros?" means something.
const EARLIER_LIMIT: usize = 3;
/// Most characters of a question in a decision: its beginning and its end say what is wanted.
const QUESTION_CHARS: usize = 600;
/// Most characters of a result in a decision.
const RESULT_CHARS: usize = 400;

/// Questions for which no tool is right: a greeting, knowledge, writing; with a number and
/// without.
const PLAIN: [&str; 6] = [
    "Hello there!",
    "Why is the sky blue?",
    "Who won the World Cup in 1998?",
    "Write a short poem about autumn.",
    "What is the capital of Italy?",
    "Explain how a fridge works.",
];

/// The prompt of a decision. Instructions and examples come first and are the same in every
/// conversation with these tools, so their cache is shared by all.
pub fn decision(
    tools: &[ToolSpec],
    earlier: &[(String, String)],
    question: &str,
    exchanges: &[Exchange],
) -> Prompt {
    let mut messages = vec![Message::system(instructions(tools))];
    for (example, name) in examples(tools) {
        messages.push(asked(example));
        messages.push(Message::assistant(name));
    }
    for (question, name) in &earlier[earlier.len().saturating_sub(EARLIER_LIMIT)..] {
        messages.push(asked(question));
        messages.push(Message::assistant(name));
    }
    messages.push(asked(question));
    for exchange in exchanges {
        messages.push(Message::assistant(&exchange.tool));
        let report = shorten(&exchange.report(), RESULT_CHARS);
        messages.push(Message::user(format!(
            "{report}\nReply {NONE} if this is enough to answer my question."
        )));
    }
    Prompt {
        messages,
        begun: String::new(),
    }
}

/// The prompt of a first decision among tools whose authors show no example questions: no example
/// turns at all, since made-up ones keep small models from calling anything.
pub fn choice(tools: &[&ToolSpec], question: &str) -> Prompt {
    let mut text =
        "You choose the tool that does what the user's last message asks for. Reply with \
                    one name and nothing else."
            .to_owned();
    for tool in tools {
        text.push_str(&format!("\n{}: {}", tool.name, tool.line));
    }
    text.push_str(&format!(
        "\n{NONE}: none of these does it, or it is small talk"
    ));
    Prompt {
        messages: vec![
            Message::system(text),
            Message::user(shorten(question, QUESTION_CHARS)),
        ],
        begun: String::new(),
    }
}

/// The answers to [`check`].
pub const YES: &str = "yes";
/// See [`YES`].
pub const NO: &str = "no";

/// Messages, each with a tool, and whether it does what the message asks for.
const CHECKS: [(&str, &str, &str); 6] = [
    (
        "weather: Tells the weather of a city on a day.",
        "Will it rain in Oslo tomorrow?",
        YES,
    ),
    (
        "body_mass_index: Calculates the body mass index from weight and height.",
        "What is the area of a triangle with a base of 10 and a height of 5?",
        NO,
    ),
    (
        "weather: Tells the weather of a city on a day.",
        "What time is it in Oslo?",
        NO,
    ),
    (
        "convert_currency: Converts an amount from one currency to another.",
        "How much are 20 dollars in euros?",
        YES,
    ),
    (
        "capital: Finds the capital of a country.",
        "Which city is the capital of Peru?",
        YES,
    ),
    (
        "capital: Finds the capital of a country.",
        "Who is the president of Peru?",
        NO,
    ),
];

/// The prompt that asks whether a tool that was chosen does what is asked for at all.
pub fn check(tool: &ToolSpec, question: &str) -> Prompt {
    let asked = |tool: &str, question: &str| {
        Message::user(format!(
            "The tool: {tool}\nThe message: {question}\nDoes the tool do what the message asks for?"
        ))
    };
    let mut messages = vec![Message::system(
        "You say whether a tool does what a message asks for. Reply yes or no. A tool that is about \
         something similar, or gives something else than is asked for, does not.",
    )];
    for (tool, question, answer) in CHECKS {
        messages.push(asked(tool, question));
        messages.push(Message::assistant(answer));
    }
    let described = format!("{}: {}", tool.name, tool.line);
    messages.push(asked(&described, &shorten(question, QUESTION_CHARS)));
    Prompt {
        messages,
        begun: String::new(),
    }
}

/// Whether a tool cannot be the first one for a question: code has no network, so where the message
/// has a web address and a tool that takes one is offered, code comes after it, unless the message
/// names the language.
pub fn comes_later(tool: &ToolSpec, tools: &[ToolSpec], question: &str) -> bool {
    let Some(code) = &tool.code else {
        return false;
    };
    let takes_address = |tool: &ToolSpec| tool.input["properties"].get("url").is_some();
    let is_named = || question.to_lowercase().contains(&code.language);
    question.split_whitespace().any(is_web_address)
        && tools.iter().any(takes_address)
        && !is_named()
}

fn instructions(tools: &[ToolSpec]) -> String {
    let mut text = format!(
        "You choose the tool that is needed to answer the user's last message. Reply with one name \
         and nothing else.\n{NONE}: no tool is needed: greetings, small talk, opinions, writing, \
         translation, general knowledge"
    );
    for tool in tools {
        text.push('\n');
        text.push_str(&tool.name);
        text.push_str(": ");
        text.push_str(&tool.line);
    }
    text.push_str("\nThe brackets before a message say what it contains.");
    text
}

/// A message with what it contains before it.
fn asked(question: &str) -> Message {
    Message::user(format!(
        "[{}] {}",
        contents(question),
        shorten(question, QUESTION_CHARS)
    ))
}

/// What a message contains, as far as it can be seen without reading it.
fn contents(text: &str) -> &'static str {
    if text.contains(FILES) {
        return "a file";
    }
    let mut address = false;
    let mut numbers = false;
    for word in text.split_whitespace() {
        if is_web_address(word) {
            address = true;
        } else {
            numbers |= word.bytes().any(|byte| byte.is_ascii_digit());
        }
    }
    match (address, numbers) {
        (true, true) => "a web address and numbers",
        (true, false) => "a web address",
        (false, true) => "numbers",
        (false, false) => "only words",
    }
}

/// Where the files of a conversation are: a message with which one was attached names it so.
const FILES: &str = "/workspace/";

/// Endings of names that people write without `https://`. Others end in letters too, but so do
/// names of files.
const ENDINGS: [&str; 12] = [
    "com", "org", "net", "edu", "gov", "info", "io", "dev", "eu", "de", "uk", "fr",
];

fn is_web_address(word: &str) -> bool {
    if word.contains("://") || word.starts_with("www.") {
        return true;
    }
    let word = word.trim_matches(|c: char| !c.is_alphanumeric());
    let host = word.split('/').next().unwrap_or_default();
    host.rsplit_once('.').is_some_and(|(name, ending)| {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        ENDINGS.contains(&ending) && !name.is_empty() && name.chars().all(plain)
    })
}

/// Example turns: questions of tools, and after each a plain one while there are some.
fn examples(tools: &[ToolSpec]) -> Vec<(&str, &str)> {
    let mut of_tools = Vec::new();
    for round in 0..EXAMPLES_PER_TOOL {
        for tool in tools {
            let question = match tool.questions.get(round) {
                Some(question) => Some(question.as_str()),
                None if round == 0 => request(tool),
                None => None,
            };
            of_tools.extend(question.map(|question| (question, tool.name.as_str())));
        }
    }
    let of_tools = of_tools.into_iter().take(EXAMPLE_LIMIT);
    let count = of_tools.len().max(LEAST_PLAIN);
    let mut plain = PLAIN
        .into_iter()
        .map(|question| (question, NONE))
        .take(count);
    let mut examples = Vec::new();
    examples.extend(plain.next());
    for example in of_tools {
        examples.push(example);
        examples.extend(plain.next());
    }
    examples.extend(plain);
    examples
}

/// What somebody may ask for of a tool that shows no examples: its first sentence, which mostly is
/// a request already ("Calculate the area of a triangle").
fn request(tool: &ToolSpec) -> Option<&str> {
    let sentence = tool.line.split(". ").next()?.trim();
    (!sentence.is_empty()).then_some(sentence)
}

/// The beginning and the end of a long text, with what is missing said between them.
fn shorten(text: &str, limit: usize) -> String {
    let chars = text.chars().count();
    if chars <= limit {
        return text.to_owned();
    }
    let half = limit / 2;
    let head: String = text.chars().take(half).collect();
    let tail: String = text.chars().skip(chars - half).collect();
    format!("{head}\n[… {} characters …]\n{tail}", chars - 2 * half)
}

#[cfg(test)]
mod tests {
    use super::contents;

    #[test]
    fn contents_are_seen() {
        for (text, expected) in [
            ("Hi!", "only words"),
            ("What is 2**200 + 7?", "numbers"),
            ("Summarise https://a.example/x/42 for me.", "a web address"),
            ("Read example.com, please", "a web address"),
            ("What does (www.example.com) say?", "a web address"),
            (
                "3 facts from docs.example.org/a?",
                "a web address and numbers",
            ),
            ("Explain main.rs and notes.txt, e.g. line one", "only words"),
            ("Is https safer than http?", "only words"),
            ("And this? Attached: /workspace/a.pdf (3 bytes)", "a file"),
        ] {
            assert_eq!(contents(text), expected, "{text}");
        }
    }
}
