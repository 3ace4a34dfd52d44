//! Code.

use alcove_web_text::highlight;
use leptos::prelude::*;

use super::copy::CopyButton;
use super::preview::Preview;

/// Coloured code as spans.
pub(super) fn spans(language: &str, text: &str) -> impl IntoView + use<> {
    highlight::highlight(language, text)
        .into_iter()
        .map(|(kind, piece)| match kind.class() {
            Some(class) => view! { <span class=class>{piece.to_owned()}</span> }.into_any(),
            None => piece.to_owned().into_any(),
        })
        .collect_view()
}

/// A block of code in an answer: its language, a button to copy it, and the code.
pub(super) fn block(language: String, text: String) -> impl IntoView {
    let shown = spans(&language, &text);
    let name = if language.is_empty() {
        "text".to_owned()
    } else {
        language
    };
    let is_page = ["html", "svg"].contains(&name.as_str());
    let previews = RwSignal::new(false);
    let page = StoredValue::new(text.clone());
    let preview_button = is_page.then(|| {
        view! {
            <button
                type="button"
                class="quiet preview-button"
                aria-pressed=move || previews.get().to_string()
                on:click=move |_| previews.update(|shown| *shown = !*shown)
            >
                {move || if previews.get() { "Close preview" } else { "Preview" }}
            </button>
        }
    });
    view! {
        <figure class="code">
            <figcaption>
                <span>{name.clone()}</span>
                {preview_button}
                <CopyButton text=move |()| text.clone() label="Copy the code"/>
            </figcaption>
            <Show when=move || previews.get()>
                <Preview text=page.get_value()/>
            </Show>
            <pre tabindex="0" role="region" aria-label=format!("Code: {name}")><code>{shown}</code></pre>
        </figure>
    }
}
