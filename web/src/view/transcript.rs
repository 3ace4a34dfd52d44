//! The entries of a conversation, and the sign that something is being done.

use std::time::Duration;

use alcove_web_text::format;
use leptos::prelude::*;

use super::answer::AnswerView;
use super::icon;
use super::tool_call::ToolCallView;
use crate::app::app;
use crate::browser;
use crate::chat::EntryKind;

/// How often a running clock is drawn.
const TICK: Duration = Duration::from_millis(100);

#[component]
pub(super) fn Transcript() -> impl IntoView {
    let app = app();
    let chat = app.chat;
    // The model is at work, but nothing that grows is to be seen.
    let thinking = Memo::new(move |_| {
        chat.run.with(Option::is_some)
            && !chat
                .entries
                .with(|entries| entries.last().is_some_and(|entry| entry.is_in_progress()))
    });
    view! {
        <div class="column">
            <For each=move || chat.entries.get() key=|entry| entry.key.clone() let:entry>
                {match entry.kind {
                    EntryKind::Question(text) => {
                        view! {
                            <div class="question">
                                <span class="unseen">"You said: "</span>
                                {text}
                            </div>
                        }
                            .into_any()
                    }
                    EntryKind::Answer(answer) => view! { <AnswerView answer/> }.into_any(),
                    EntryKind::Tool(tool) => view! { <ToolCallView tool/> }.into_any(),
                    EntryKind::Ended(note) => {
                        view! {
                            <div class="ended">
                                {icon::icon(icon::WARNING)}
                                <p>{note}</p>
                            </div>
                        }
                            .into_any()
                    }
                }}
            </For>
            <Show when=move || thinking.get()>
                <Thinking/>
            </Show>
        </div>
    }
}

#[component]
fn Thinking() -> impl IntoView {
    let chat = app().chat;
    let since = chat.run.with_untracked(|run| {
        run.as_ref()
            .map_or_else(browser::now_ms, |run| run.since_ms)
    });
    let words = move || {
        chat.run.with(|run| match run {
            Some(run) if run.stopping => "Stopping",
            Some(run) if run.id.is_none() => "Sending",
            _ => "Thinking",
        })
    };
    view! {
        <div class="thinking">
            <span class="pulse"></span>
            <span>{words}</span>
            <span class="clock" aria-hidden="true"><Clock since/></span>
        </div>
    }
}

/// The time since a moment.
#[component]
pub(super) fn Clock(since: f64) -> impl IntoView {
    let elapsed = move || (browser::now_ms() - since).max(0.0) as u64;
    let shown = RwSignal::new(elapsed());
    if let Ok(interval) = set_interval_with_handle(move || shown.set(elapsed()), TICK) {
        on_cleanup(move || interval.clear());
    }
    move || format::elapsed_ms(shown.get())
}
