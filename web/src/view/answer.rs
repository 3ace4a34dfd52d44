//! What the model says.

use alcove_api_types::ItemStatus;
use leptos::prelude::*;

use super::copy::CopyButton;
use super::markdown::Markdown;
use super::source;
use crate::app::app;
use crate::chat::{Answer, EntryKind};

#[component]
pub(super) fn AnswerView(answer: Answer) -> impl IntoView {
    let chat = app().chat;
    let running = chat.run;
    let Answer {
        text,
        cited,
        status,
        usage,
    } = answer;
    let streaming = {
        let status = status.clone();
        Memo::new(move |_| status.get() == ItemStatus::InProgress && running.with(Option::is_some))
    };
    // Cut short, and nothing follows that says why: so it is said here.
    let cut = Memo::new(move |_| {
        status.get() == ItemStatus::Incomplete
            && running.with(Option::is_none)
            && !chat.entries.with(|entries| {
                entries
                    .last()
                    .is_some_and(|entry| matches!(entry.kind, EntryKind::Ended(_)))
            })
    });
    let is_empty = {
        let text = text.clone();
        Memo::new(move |_| text.with(|text| text.trim().is_empty()))
    };
    let copied = text.clone();
    let tokens = move || {
        usage.get().map(|usage| {
            let counted = format!("{} tokens", usage.output_tokens);
            let detail = format!(
                "{} read, of which {} from the cache; {} written",
                usage.input_tokens, usage.cached_tokens, usage.output_tokens
            );
            view! { <span class="tokens" title=detail>{counted}</span> }
        })
    };
    view! {
        <article class="answer" class:streaming=move || streaming.get() aria-busy=move || streaming.get().to_string()>
            <span class="unseen">"Alcove said: "</span>
            <Markdown text cited=cited.clone()/>
            {move || cited.with(|cited| source::list(cited))}
            <Show when=move || !streaming.get() && !is_empty.get()>
                <footer>
                    <CopyButton
                        text={
                            let copied = copied.clone();
                            move |()| copied.get_untracked()
                        }
                        label="Copy the answer"
                    />
                    {move || cut.get().then(|| view! { <span class="cut">"cut short"</span> })}
                    {tokens.clone()}
                </footer>
            </Show>
        </article>
    }
}
