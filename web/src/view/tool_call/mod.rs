//! The card of a tool call: what ran, what it can do, how long and how big, and how it ended.

mod arguments;
mod folded;
mod part;
mod progress;
mod result;
mod state;

use alcove_api_types::{AnswerKind, Answered, Badge, Label, ToolCall};
use alcove_web_text::calls;
use alcove_web_text::format;
use leptos::prelude::*;

use super::ask::{AskView, Asker};
use super::badge::{are_proven, class_of};
use super::transcript::Clock;
use crate::app::app;
use crate::chat::Tool;
use arguments::{fields, show_arguments};
use progress::{LogView, ProgressView};
use result::show_result;
use state::State;

#[component]
pub(super) fn ToolCallView(tool: Tool) -> impl IntoView {
    let run = app().chat.run;
    let Tool {
        call,
        draft,
        progress,
        log,
        since_ms,
    } = tool;
    let state = {
        let call = call.clone();
        Memo::new(move |_| call.with(|call| State::of(call, run.with(Option::is_some))))
    };
    let (title, plugin) = call.with_untracked(|call| (call.title.clone(), call.plugin.clone()));
    let badges = {
        let call = call.clone();
        Memo::new(move |_| call.with(|call| call.badges.clone()))
    };
    let used = {
        let call = call.clone();
        move || call.with(used)
    };
    let arguments = {
        let call = call.clone();
        Memo::new(move |_| {
            let tool = call.with(|call| call.tool.clone());
            call.with(|call| {
                if call.arguments.is_empty() {
                    draft.with(|written| calls::draft(&tool, written))
                } else {
                    calls::arguments(&tool, fields(&call.arguments))
                }
            })
        })
    };
    let awaiting = {
        let call = call.clone();
        Memo::new(move |_| {
            let is_asked = run.with(Option::is_some);
            call.with(|call| {
                let awaiting = call.awaiting.clone().filter(|_| is_asked)?;
                Some((awaiting, Asker::of(call)))
            })
        })
    };
    let answered = {
        let call = call.clone();
        move || call.with(|call| call.answered.as_ref().and_then(receipt))
    };
    let counts_as = {
        let call = call.clone();
        move || call.with(|call| call.label.and_then(private))
    };
    let result = Memo::new(move |_| call.with(|call| (call.outcome.clone(), call.output.clone())));
    let label = format!("Tool: {title}");
    view! {
        <section class=move || state.with(State::class) aria-label=label>
            <header>
                <span class="dot" aria-hidden="true"></span>
                <strong title=plugin>{title}</strong>
                {move || main_badge(&badges.get())}
                <span class="usage">
                    {used}
                    <Show when=move || state.with(State::is_live)>
                        <span class="clock" aria-hidden="true"><Clock since=since_ms/></span>
                        " · "
                    </Show>
                    <span class="word" role="status">{move || state.with(State::words)}</span>
                </span>
            </header>
            <Show when=move || state.with(State::is_live)>
                <ProgressView progress=progress.clone()/>
            </Show>
            {move || show_arguments(arguments.get(), awaiting.with(Option::is_some))}
            {move || {
                awaiting.get().map(|(awaiting, asker)| view! { <AskView awaiting asker/> })
            }}
            <LogView log/>
            {answered}
            {move || {
                let (outcome, output) = result.get();
                show_result(outcome, output)
            }}
            {counts_as}
        </section>
    }
}

/// How long and how big.
fn used(call: &ToolCall) -> Option<AnyView> {
    let usage = call.usage?;
    let detail = format!(
        "{} of time, {} of CPU, at most {} of memory, {} of output",
        format::duration_us(usage.wall_us),
        format::duration_us(usage.cpu_us),
        format::bytes(usage.peak_memory_bytes),
        format::bytes(usage.output_bytes),
    );
    let view = view! {
        <span class="used" title=detail>
            {format::duration_us(usage.wall_us)}
            <span class="wide">{format!(" · CPU {}", format::duration_us(usage.cpu_us))}</span>
            {format!(" · {} · ", format::bytes(usage.peak_memory_bytes))}
        </span>
    };
    Some(view.into_any())
}

/// The badge that says most; the others stand in its title.
fn main_badge(badges: &[Badge]) -> Option<AnyView> {
    let main = badges
        .iter()
        .find(|badge| badge.subject == "network")
        .or(badges.first())?;
    let class = class_of(main);
    let all: Vec<_> = badges.iter().map(|badge| badge.text.as_str()).collect();
    let all = match are_proven(badges) {
        true => format!("Proven from the binary: {}", all.join("; ")),
        false => all.join("; "),
    };
    Some(view! { <span class=class title=all>{main.text.clone()}</span> }.into_any())
}

/// How the person's answer is remembered on the card; a no is the outcome itself.
fn receipt(answered: &Answered) -> Option<AnyView> {
    let words = match answered.answer {
        AnswerKind::Once => "You allowed this call.",
        AnswerKind::Conversation => "You allowed this tool for the chat.",
        AnswerKind::Input => "You answered its question.",
        AnswerKind::Denied
        | AnswerKind::Unanswered
        | AnswerKind::Stopped
        | AnswerKind::Interrupted => return None,
    };
    Some(view! { <p class="receipt">{words}</p> }.into_any())
}

/// Why later calls may ask: said where it begins.
fn private(label: Label) -> Option<AnyView> {
    (label == Label::Private).then(|| {
        view! {
            <p class="receipt">
                "What it returned counts as private: from here on, tools ask before they send to an address that nothing here has named."
            </p>
        }
        .into_any()
    })
}
