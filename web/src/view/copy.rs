//! Buttons that put a text on the clipboard.

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::icon;
use crate::browser;

/// How long the button says that it is done.
const DONE_MS: i32 = 1_600;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    Done,
    Failed,
}

/// A button that copies what `text` gives at that moment.
#[component]
pub(super) fn CopyButton(
    #[prop(into)] text: Callback<(), String>,
    /// What is copied, for screen readers: "Copy the code".
    label: &'static str,
    /// Only an icon, or with a word.
    #[prop(optional)]
    quiet: bool,
) -> impl IntoView {
    let state = RwSignal::new(State::Idle);
    let copy = move |_| {
        let text = text.run(());
        spawn_local(async move {
            let done = browser::copy(&text).await;
            // The button may have gone meanwhile.
            let _ = state.try_set(if done { State::Done } else { State::Failed });
            browser::sleep(DONE_MS).await;
            let _ = state.try_set(State::Idle);
        });
    };
    view! {
        <button type="button" class=if quiet { "copy quiet" } else { "copy" } aria-label=label on:click=copy>
            {move || icon::icon(if state.get() == State::Done { icon::CHECK } else { icon::COPY })}
            <span role="status">
                {move || match state.get() {
                    State::Idle => "Copy",
                    State::Done => "Copied",
                    State::Failed => "Not allowed here",
                }}
            </span>
        </button>
    }
}
