//! The conversation: its heading, its entries, the composer.

use leptos::html;
use leptos::prelude::*;

use super::composer::Composer;
use super::icon;
use super::menu::Menu;
use super::transcript::Transcript;
use crate::app::{AppState, Dialog, app};
use crate::chat::Stage;

/// What one could ask for a start.
const EXAMPLES: [(&str, &str); 3] = [
    ("Calculate exactly", "What is 2**200 + 7? Use Python."),
    (
        "Work through data",
        "Write Python that finds the ten most common words in a text, and run it on a short example.",
    ),
    (
        "Explain something",
        "Explain how a hash table works, with a small table of an example.",
    ),
];

/// So near to the end one is at the end.
const END_PX: i32 = 56;

#[component]
pub(super) fn ConversationPage() -> impl IntoView {
    let app = app();
    let chat = app.chat;
    let title = Memo::new(move |_| {
        let id = chat.conversation.get()?;
        Some((id.clone(), app.conversations.title(&id)?))
    });
    Effect::new(move |_| {
        let name = title.get().map(|(_, title)| format!("{title} · Alcove"));
        document().set_title(name.as_deref().unwrap_or("Alcove"));
    });
    let model = move || {
        app.session
            .with(|session| session.me().map(|me| me.default_model.clone()))
    };
    view! {
        <header class="bar">
            <button
                type="button"
                class="icon-button open-sheet"
                aria-label="Open the sidebar"
                on:click=move |_| app.open_sheet()
            >
                {icon::icon(icon::SIDEBAR)}
            </button>
            <h1>{move || title.get().map_or_else(|| "New chat".to_owned(), |(_, title)| title)}</h1>
            <span class="model" title="The model that answers">{model}</span>
            {move || title.get().map(|(id, title)| actions(app, id, title))}
        </header>
        <Body/>
    }
}

fn actions(app: AppState, id: String, title: String) -> impl IntoView {
    let rename = Dialog::Rename {
        id: id.clone(),
        title: title.clone(),
    };
    let delete = Dialog::Delete { id, title };
    view! {
        <Menu id="menu-current".to_owned() label="Actions for this conversation">
            <button type="button" on:click=move |_| app.dialog.set(Some(rename.clone()))>
                {icon::icon(icon::PENCIL)}
                "Rename"
            </button>
            <button type="button" class="refuse" on:click=move |_| app.dialog.set(Some(delete.clone()))>
                {icon::icon(icon::TRASH)}
                "Delete"
            </button>
        </Menu>
    }
}

#[component]
fn Body() -> impl IntoView {
    let app = app();
    let chat = app.chat;
    let scroll = NodeRef::<html::Main>::new();
    let to_end = move || {
        if let Some(scroll) = scroll.get_untracked() {
            scroll.set_scroll_top(scroll.scroll_height());
        }
    };
    // Whenever entries come or grow and the end is in view, it stays in view.
    Effect::new(move |_| {
        chat.entries.with(|entries| {
            if let Some(last) = entries.last() {
                last.track();
            }
        });
        chat.run.track();
        if chat.pinned.get_untracked() {
            request_animation_frame(to_end);
        }
    });
    let scrolled = move |_| {
        if let Some(scroll) = scroll.get_untracked() {
            let below = scroll.scroll_height() - scroll.scroll_top() - scroll.client_height();
            let pinned = below < END_PX;
            if chat.pinned.get_untracked() != pinned {
                chat.pinned.set(pinned);
            }
        }
    };
    let is_new = Memo::new(move |_| {
        chat.stage.get() == Stage::Shown
            && chat.conversation.with(Option::is_none)
            && chat.entries.with(Vec::is_empty)
    });
    let stage = Memo::new(move |_| chat.stage.get());
    view! {
        <main class="scroll" node_ref=scroll on:scroll=scrolled>
            {move || match stage.get() {
                Stage::Shown if is_new.get() => view! { <Empty/> }.into_any(),
                Stage::Shown => view! { <Transcript/> }.into_any(),
                Stage::Loading => loading().into_any(),
                Stage::Failed(message) => view! { <Failed message/> }.into_any(),
            }}
        </main>
        <div class="bottom">
            <Show when=move || !chat.pinned.get() && chat.stage.get() == Stage::Shown>
                <button
                    type="button"
                    class="to-end"
                    on:click=move |_| {
                        chat.pinned.set(true);
                        to_end();
                    }
                >
                    {icon::icon(icon::ARROW_DOWN)}
                    "To the end"
                </button>
            </Show>
            <Composer/>
        </div>
        <div class="unseen" role="log" aria-live="polite" aria-label="Answer">
            {move || chat.announcement.get()}
        </div>
    }
}

fn loading() -> impl IntoView {
    view! {
        <div class="column" role="status" aria-label="Loading the conversation">
            <div class="bone short"></div>
            <div class="bone"></div>
            <div class="bone"></div>
        </div>
    }
}

#[component]
fn Failed(message: String) -> impl IntoView {
    let app = app();
    let retry = move |_| {
        if let Some(id) = app.chat.conversation.get_untracked() {
            app.chat.load(app, id);
        }
    };
    view! {
        <div class="column">
            <div class="notice" role="alert">
                {icon::icon(icon::WARNING)}
                <p>{message}</p>
                <button type="button" on:click=retry>"Try again"</button>
            </div>
        </div>
    }
}

#[component]
fn Empty() -> impl IntoView {
    let app = app();
    let ask = move |text: &'static str| {
        app.chat.draft.set(text.to_owned());
        crate::browser::focus(".composer textarea");
    };
    view! {
        <div class="column empty">
            <h2>"What would you like to work on?"</h2>
            <p>"The model runs on this machine. Its tools run in a sandbox and do only what was granted."</p>
            <ul>
                {EXAMPLES
                    .into_iter()
                    .map(|(title, text)| {
                        view! {
                            <li>
                                <button type="button" on:click=move |_| ask(text)>
                                    <strong>{title}</strong>
                                    <span>{text}</span>
                                </button>
                            </li>
                        }
                    })
                    .collect_view()}
            </ul>
        </div>
    }
}
