//! Code.

use alcove_web_text::highlight;
use leptos::prelude::*;

use super::copy::CopyButton;

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
    view! {
        <figure class="code">
            <figcaption>
                <span>{name.clone()}</span>
                <CopyButton text=move |()| text.clone() label="Copy the code"/>
            </figcaption>
            <pre tabindex="0" role="region" aria-label=format!("Code: {name}")><code>{shown}</code></pre>
        </figure>
    }
}
