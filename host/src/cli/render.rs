//! A response in the terminal: the answer on standard output, all else on standard error.

use std::io::{self, IsTerminal};

use alcove_api_types::{EventBody, Item, Response, ToolCall, ToolOutcome, ToolPart, ToolUsage};
use serde_json::Value;

use crate::models::human_bytes;

use super::output;

/// How many lines of arguments or of a result a card shows.
const MAX_CARD_LINES: usize = 12;
/// How many characters of a line.
const MAX_CARD_COLUMNS: usize = 160;

/// Shows events as they come.
pub(super) struct Renderer {
    is_mid_line: bool,
    shows_progress: bool,
    /// The call that was begun last.
    call: Option<ToolCall>,
}

impl Renderer {
    pub(super) fn new() -> Renderer {
        Renderer {
            is_mid_line: false,
            call: None,
            shows_progress: io::stderr().is_terminal(),
        }
    }

    pub(super) fn show(&mut self, event: &EventBody) -> io::Result<()> {
        match event {
            EventBody::TextDelta { delta, .. } => {
                let text = output::clean(delta);
                if !text.is_empty() {
                    self.is_mid_line = !text.ends_with('\n');
                    output::piece(&text)?;
                }
                Ok(())
            }
            EventBody::ItemDone { item, .. } => {
                self.end_line()?;
                match item {
                    Item::ToolCall(call) => output::note(&card(call)),
                    Item::Message(_) => Ok(()),
                }
            }
            EventBody::ItemAdded {
                item: Item::ToolCall(call),
                ..
            } => {
                self.call = Some(call.clone());
                Ok(())
            }
            EventBody::ToolArgumentsDone { arguments, .. } => {
                if let Some(call) = &mut self.call {
                    call.arguments.clone_from(arguments);
                }
                Ok(())
            }
            EventBody::ToolLog { level, message, .. } if self.shows_progress => {
                self.end_line()?;
                let line = format!("{level}: {}", output::clean(message));
                output::note(&shorten(&line))
            }
            EventBody::ToolProgress { note, .. } if self.shows_progress => {
                self.end_line()?;
                output::note(&shorten(&output::clean(note)))
            }
            EventBody::Created { response } => self.loaded(response),
            EventBody::Failed { response } => {
                self.end(&failure(response))?;
                saved(response)
            }
            EventBody::Incomplete { response } => {
                self.end(&cut_short(response))?;
                saved(response)
            }
            EventBody::Cancelled { response } => {
                self.end("Stopped.")?;
                saved(response)
            }
            EventBody::Completed { response } => {
                self.end_line()?;
                saved(response)
            }
            _ => Ok(()),
        }
    }

    /// The call that was begun last, with its arguments once they are known.
    pub(super) fn call(&self) -> Option<&ToolCall> {
        self.call.as_ref()
    }

    /// Which checkpoint the answer goes on from, and what is not as it was.
    fn loaded(&mut self, response: &Response) -> io::Result<()> {
        let used = response.checkpoint.as_ref();
        let Some(loaded) = used.and_then(|used| used.loaded.as_ref()) else {
            return Ok(());
        };
        let name = output::clean(&loaded.checkpoint.full_name());
        self.end(&format!("The conversation goes on as it was at {name}."))?;
        loaded
            .drift
            .iter()
            .try_for_each(|drift| output::note(&output::clean(&format!("- {}", drift.message))))
    }

    fn end(&mut self, text: &str) -> io::Result<()> {
        self.end_line()?;
        output::note(text)
    }

    /// Notes begin on a line of their own.
    pub(super) fn end_line(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.is_mid_line) {
            output::line("")?;
        }
        Ok(())
    }
}

/// What became of the checkpoint that was to be saved.
fn saved(response: &Response) -> io::Result<()> {
    let Some(used) = &response.checkpoint else {
        return Ok(());
    };
    if let Some(saved) = &used.saved {
        output::note(&output::clean(&format!("Saved {}.", saved.full_name())))?;
    }
    match &used.not_saved {
        Some(why) => output::note(&output::clean(&format!("No checkpoint is saved: {why}."))),
        None => Ok(()),
    }
}

fn failure(response: &Response) -> String {
    match &response.error {
        Some(error) => format!("Failed: {}", output::clean(&error.message)),
        None => "Failed.".to_owned(),
    }
}

fn cut_short(response: &Response) -> String {
    let reason = response
        .incomplete_details
        .as_ref()
        .map_or("", |details| details.reason.as_str());
    match reason {
        "max_output_tokens" => "Cut short: the answer reached its limit of tokens.".to_owned(),
        "tool_calls" => "More tool calls were wanted than one answer may make.".to_owned(),
        "turn_time" => "Cut short: the answer reached its limit of time.".to_owned(),
        "interrupted" => "Cut short: the server stopped in the middle of it.".to_owned(),
        other => format!("Cut short: {other}"),
    }
}

/// A call as a short block.
fn card(call: &ToolCall) -> String {
    let mut lines = vec![format!(
        "┌ {} ({} of {})",
        shorten(&call.title),
        call.tool,
        call.plugin
    )];
    lines.extend(boxed(&arguments(&call.arguments), "│ "));
    for part in &call.output {
        lines.extend(boxed(&shown(part), "│ → "));
    }
    let (end, detail) = ending(call.outcome.as_ref());
    if let Some(detail) = detail {
        lines.extend(boxed(&detail, "│ "));
    }
    let used = call.usage.as_ref().map(used).unwrap_or_default();
    lines.push(format!("└ {end}{used}"));
    output::clean(&lines.join("\n"))
}

/// One text argument as it is, such as code; anything else as JSON.
fn arguments(text: &str) -> String {
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(map)) if map.len() == 1 => match map.values().next() {
            Some(Value::String(only)) => only.clone(),
            _ => text.to_owned(),
        },
        _ => text.to_owned(),
    }
}

fn shown(part: &ToolPart) -> String {
    match (&part.title, part.kind.as_str()) {
        (Some(title), "link") => format!("{title} <{}>", part.value),
        (Some(title), _) => format!("{title}: {}", part.value),
        (None, _) => part.value.clone(),
    }
}

fn ending(outcome: Option<&ToolOutcome>) -> (String, Option<String>) {
    match outcome {
        None => ("not ended".to_owned(), None),
        Some(ToolOutcome::Ok) => ("ok".to_owned(), None),
        Some(ToolOutcome::Failed { failure, message }) => {
            (format!("failed: {failure}"), Some(message.clone()))
        }
        Some(ToolOutcome::Denied {
            capability,
            message,
        }) => (format!("denied: {capability}"), Some(message.clone())),
        Some(ToolOutcome::Limit { limit, message }) => {
            (format!("limit: {limit}"), Some(message.clone()))
        }
        Some(ToolOutcome::Trapped { message }) => ("crashed".to_owned(), Some(message.clone())),
    }
}

fn used(usage: &ToolUsage) -> String {
    format!(
        " · {} · CPU {} · {}",
        seconds(usage.wall_us),
        seconds(usage.cpu_us),
        human_bytes(usage.peak_memory_bytes)
    )
}

fn seconds(micros: u64) -> String {
    if micros < 1_000_000 {
        format!("{:.1} ms", micros as f64 / 1e3)
    } else {
        format!("{:.2} s", micros as f64 / 1e6)
    }
}

/// The first lines, each behind `prefix`, and how many more there are.
fn boxed(text: &str, prefix: &str) -> Vec<String> {
    let all: Vec<&str> = text.trim_end().lines().collect();
    let mut lines: Vec<String> = all
        .iter()
        .take(MAX_CARD_LINES)
        .map(|line| format!("{prefix}{}", shorten(line)))
        .collect();
    if all.len() > MAX_CARD_LINES {
        lines.push(format!(
            "{prefix}… {} more lines",
            all.len() - MAX_CARD_LINES
        ));
    }
    lines
}

fn shorten(line: &str) -> String {
    if line.chars().count() <= MAX_CARD_COLUMNS {
        return line.to_owned();
    }
    let kept: String = line.chars().take(MAX_CARD_COLUMNS).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    use alcove_api_types::{Audience, ItemStatus};

    fn call(outcome: ToolOutcome, output: &str) -> ToolCall {
        ToolCall {
            id: "item_1".into(),
            status: ItemStatus::Completed,
            plugin: "alcove/python".into(),
            digest: String::new(),
            tool: "python".into(),
            title: "Python".into(),
            arguments: r#"{"code":"x = 2\nx**3"}"#.into(),
            badges: vec![],
            outcome: Some(outcome),
            output: vec![ToolPart {
                audience: Audience::Both,
                kind: "text".into(),
                value: output.into(),
                title: None,
                passage: None,
            }],
            usage: Some(ToolUsage {
                wall_us: 1_500,
                cpu_us: 1_200_000,
                peak_memory_bytes: 3 << 20,
                output_bytes: 1,
            }),
            awaiting: None,
            answered: None,
            label: None,
            fetched: false,
        }
    }

    #[test]
    fn a_card_has_the_call_its_result_and_what_it_used() {
        insta::assert_snapshot!(card(&call(ToolOutcome::Ok, "8\n")), @r"
        ┌ Python (python of alcove/python)
        │ x = 2
        │ x**3
        │ → 8
        └ ok · 1.5 ms · CPU 1.20 s · 3.00 MiB
        ");
    }

    #[test]
    fn a_result_cannot_write_over_the_terminal() {
        let hostile = format!("\u{1b}[2J{}", "line\n".repeat(40));
        let shown = card(&call(ToolOutcome::Ok, &hostile));
        assert!(!shown.contains('\u{1b}'));
        assert!(shown.contains("… 28 more lines"));
        assert!(shown.lines().count() < 20);
    }

    #[test]
    fn the_five_ends_differ() {
        let text = || String::from("m");
        let ends: Vec<String> = [
            ToolOutcome::Ok,
            ToolOutcome::Failed {
                failure: text(),
                message: text(),
            },
            ToolOutcome::Denied {
                capability: text(),
                message: text(),
            },
            ToolOutcome::Limit {
                limit: text(),
                message: text(),
            },
            ToolOutcome::Trapped { message: text() },
        ]
        .iter()
        .map(|outcome| ending(Some(outcome)).0)
        .collect();
        assert_eq!(
            ends,
            ["ok", "failed: m", "denied: m", "limit: m", "crashed"]
        );
    }
}
