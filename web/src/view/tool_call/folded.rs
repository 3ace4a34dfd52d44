//! Long texts.

use alcove_web_text::format;
use leptos::prelude::*;

use super::super::copy::CopyButton;

/// Longer code or output is folded.
const FOLD_LINES: usize = 12;
/// So is text that long in few lines.
const FOLD_BYTES: usize = 1_600;

/// A text that is cut where it is long, with a button that shows the rest.
#[component]
pub(super) fn Folded(
    label: &'static str,
    class: &'static str,
    text: String,
    shown: AnyView,
    /// It is shown whole whatever its length.
    #[prop(optional)]
    whole: bool,
) -> impl IntoView {
    let lines = text.lines().count();
    let long = !whole && (lines > FOLD_LINES || text.len() > FOLD_BYTES);
    let folded = RwSignal::new(long);
    let more = if lines > FOLD_LINES {
        format!("Show all {lines} lines")
    } else {
        format!("Show all {}", format::bytes(text.len() as u64))
    };
    view! {
        <div class=class class:folded=move || folded.get()>
            <pre tabindex="0" role="region" aria-label=label><code>{shown}</code></pre>
            {long.then(|| view! {
                <div class="fold">
                    <button
                        type="button"
                        aria-expanded=move || (!folded.get()).to_string()
                        on:click=move |_| folded.update(|folded| *folded = !*folded)
                    >
                        {move || if folded.get() { more.clone() } else { "Show less".to_owned() }}
                    </button>
                    <CopyButton text=move |()| text.clone() label="Copy"/>
                </div>
            })}
        </div>
    }
}
