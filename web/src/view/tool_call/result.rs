//! How a call ended, and what it returned.

use alcove_api_types::{ToolOutcome, ToolPart};
use leptos::prelude::*;

use super::super::code;
use super::super::copy::CopyButton;
use super::folded::Folded;
use super::part::show_part;

pub(super) fn show_result(outcome: Option<ToolOutcome>, output: Vec<ToolPart>) -> Option<AnyView> {
    match outcome? {
        ToolOutcome::Ok => {
            let parts = joined(output).into_iter().map(show_part).collect_view();
            Some(view! { <div class="output">{parts}</div> }.into_any())
        }
        ToolOutcome::Failed { failure, message } if failure == "raised" => Some(
            view! {
                <p class="reason">"The code ended with an error."</p>
                <div class="output">
                    <pre>{message}</pre>
                </div>
            }
            .into_any(),
        ),
        ToolOutcome::Failed { failure, message } => {
            let shown = message.clone().into_any();
            Some(
                view! {
                    <p class="reason">"The tool gave up: "{kind_in_words(&failure)}"."</p>
                    <Folded label="What the tool said" class="output" text=message shown/>
                }
                .into_any(),
            )
        }
        ToolOutcome::Denied {
            capability,
            message,
        } => Some(denial(&capability, &message)),
        ToolOutcome::Limit { limit, message } => {
            let reason = match limit.as_str() {
                "stopped" => "You stopped it.".to_owned(),
                "revoked" => "Its grant was revoked while it ran.".to_owned(),
                _ => format!("It was ended at its limit. Allowed: {message}."),
            };
            Some(view! { <p class="reason">{reason}</p> }.into_any())
        }
        ToolOutcome::Trapped { message } => Some(
            view! {
                <p class="reason">
                    "The tool crashed inside its sandbox; nothing else was touched."
                    {(!message.is_empty()).then(|| format!(" Known of it: {message}."))}
                </p>
            }
            .into_any(),
        ),
    }
}

/// Passages that follow each other are one text, with their numbers.
fn joined(output: Vec<ToolPart>) -> Vec<ToolPart> {
    let mut parts: Vec<ToolPart> = Vec::new();
    for mut part in output {
        if let Some(passage) = &part.passage {
            part.value = format!("[{}] {}", passage.number, part.value);
            if let Some(last) = parts.last_mut().filter(|last| last.passage.is_some()) {
                last.value.push_str("\n\n");
                last.value.push_str(&part.value);
                continue;
            }
        }
        parts.push(part);
    }
    parts
}

/// The documented kinds of failure.
fn kind_in_words(kind: &str) -> String {
    match kind {
        "internal" => "it met an error of its own".to_owned(),
        other => other.replace('-', " "),
    }
}

/// Why it was refused, and the lines of a policy that would grant it.
fn denial(capability: &str, message: &str) -> AnyView {
    let grant_at = message
        .lines()
        .scan(0, |at, line| {
            let start = *at;
            *at += line.len() + 1;
            Some((start, line))
        })
        .find(|(_, line)| line.trim_start().starts_with('['))
        .map(|(start, _)| start.min(message.len()));
    let (reason, grant) = message.split_at(grant_at.unwrap_or(message.len()));
    // The server's lead to the lines; the card has one of its own.
    let reason = reason
        .trim()
        .trim_end_matches("To grant it:")
        .trim()
        .to_owned();
    let grant = grant.trim_end().to_owned();
    let lines = (!grant.is_empty()).then(|| {
        let copied = grant.clone();
        view! {
            <div class="grant">
                <div class="grant-head">
                    <span>"These lines in its policy would allow it:"</span>
                    <CopyButton text=move |()| copied.clone() label="Copy the lines"/>
                </div>
                <pre tabindex="0" role="region" aria-label="Policy"><code>{code::spans("toml", &grant)}</code></pre>
            </div>
        }
    });
    view! {
        <p class="reason">
            <span class="badge refused">{capability.to_owned()}</span>
            {reason}
        </p>
        {lines}
    }
    .into_any()
}
