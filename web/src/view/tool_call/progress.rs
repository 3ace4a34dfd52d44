//! What a tool says while it runs.

use leptos::prelude::*;

use crate::chat::{LogLine, Progress};

#[component]
pub(super) fn ProgressView(progress: ArcRwSignal<Option<Progress>>) -> impl IntoView {
    move || {
        progress.get().map(|Progress { permille, note }| {
            let bar = permille.map(|permille| {
                view! { <progress max="1000" value=permille.min(1000).to_string()></progress> }
            });
            view! {
                <div class="progress">
                    {bar}
                    <span>{note}</span>
                </div>
            }
        })
    }
}

/// The lines that a tool logs, as they come.
#[component]
pub(super) fn LogView(log: ArcRwSignal<Vec<LogLine>>) -> impl IntoView {
    let count = {
        let log = log.clone();
        Memo::new(move |_| log.with(Vec::len))
    };
    let lines = move || {
        log.with(|log| {
            log.iter()
                .map(|LogLine { level, message }| format!("{level:<5} {message}"))
                .collect::<Vec<_>>()
                .join("\n")
        })
    };
    let lines = StoredValue::new_local(lines);
    view! {
        <Show when=move || { count.get() > 0 }>
            <details class="log">
                <summary>
                    {move || match count.get() {
                        1 => "1 line of log".to_owned(),
                        count => format!("{count} lines of log"),
                    }}
                </summary>
                <pre tabindex="0" role="region" aria-label="Log">
                    <code>{move || lines.with_value(|lines| lines())}</code>
                </pre>
            </details>
        </Show>
    }
}
