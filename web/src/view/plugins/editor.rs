//! A policy's text with its line numbers, and the line that is wrong.

use leptos::prelude::*;

use super::words;

/// The least and the most lines that are numbered; the text itself may be longer.
const MIN_LINES: usize = 8;
const MAX_LINES: usize = 1_000;

#[component]
pub(in crate::view) fn Editor(
    #[prop(into)] id: String,
    #[prop(into)] label: String,
    text: RwSignal<String>,
    /// The server's refusal, which names a line.
    wrong: RwSignal<Option<String>>,
) -> impl IntoView {
    let lines = Memo::new(move |_| {
        let lines = text.with(|text| text.split('\n').count());
        lines.clamp(MIN_LINES, MAX_LINES)
    });
    let wrong_line = Memo::new(move |_| wrong.with(|wrong| wrong.as_deref().and_then(words::line)));
    let wrong_id = format!("{id}-wrong");
    let described = wrong_id.clone();
    let is_wrong = move || wrong.with(Option::is_some);
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <p class="editor-wrong" id=wrong_id role="alert">{move || wrong.get()}</p>
            <div class="editor" class:wrong=is_wrong>
                <div class="numbers" aria-hidden="true">
                    {move || {
                        let at = wrong_line.get();
                        (1..=lines.get())
                            .map(|line| view! { <span class:at=at == Some(line)>{line}</span> })
                            .collect_view()
                    }}
                </div>
                <textarea
                    id=id
                    rows=move || lines.get().to_string()
                    wrap="off"
                    spellcheck="false"
                    autocapitalize="off"
                    autocomplete="off"
                    aria-invalid=move || is_wrong().to_string()
                    aria-describedby=described
                    prop:value=move || text.get()
                    on:input=move |event| text.set(event_target_value(&event))
                ></textarea>
            </div>
        </div>
    }
}
