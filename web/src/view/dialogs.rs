//! Questions that stand before everything else.

use leptos::ev::SubmitEvent;
use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;

use super::settings::Settings;
use super::sign_in::Problem;
use super::source::SourceCard;
use crate::app::{Dialog, app};
use crate::route::Route;

/// The longest title.
const MAX_TITLE_CHARS: usize = 200;

/// The dialog that is open, if one is.
#[component]
pub(super) fn Dialogs() -> impl IntoView {
    let app = app();
    move || {
        app.dialog.get().map(|dialog| match dialog {
            Dialog::Settings => view! { <Settings/> }.into_any(),
            Dialog::Rename { id, title } => view! { <Rename id title/> }.into_any(),
            Dialog::Source(passage) => view! { <SourceCard passage/> }.into_any(),
            Dialog::Delete { id, title } => view! { <Delete id title/> }.into_any(),
        })
    }
}

/// A dialog of the browser: it keeps the focus inside, and Escape closes it.
#[component]
pub(super) fn Frame(title: &'static str, children: Children) -> impl IntoView {
    let app = app();
    let dialog = NodeRef::<html::Dialog>::new();
    Effect::new(move |_| {
        if let Some(dialog) = dialog.get() {
            // Fails only for a dialog that is open already.
            let _ = dialog.show_modal();
        }
    });
    // A click on the backdrop is a click on the dialog itself, outside all that is in it.
    let backdrop = move |event: leptos::ev::MouseEvent| {
        let on_itself = dialog.get_untracked().is_some_and(|dialog| {
            let dialog: &web_sys::EventTarget = dialog.unchecked_ref();
            event.target().as_ref() == Some(dialog)
        });
        if on_itself {
            app.dialog.set(None);
        }
    };
    view! {
        <dialog
            node_ref=dialog
            aria-labelledby="dialog-title"
            on:close=move |_| app.dialog.set(None)
            on:mousedown=backdrop
        >
            <div class="dialog">
                <h2 id="dialog-title">{title}</h2>
                {children()}
            </div>
        </dialog>
    }
}

#[component]
fn Rename(id: String, title: String) -> impl IntoView {
    let app = app();
    let value = RwSignal::new(title);
    let problem = RwSignal::new(None::<String>);
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let title = value.get_untracked().trim().to_owned();
        if title.is_empty() || title.chars().count() > MAX_TITLE_CHARS {
            problem.set(Some("A title has 1 to 200 characters.".to_owned()));
            return;
        }
        let id = id.clone();
        spawn_local(async move {
            match app.conversations.rename(&id, &title).await {
                Ok(()) => app.dialog.set(None),
                Err(error) => {
                    problem.set(Some(error.message()));
                    app.note(Some(&error));
                }
            }
        });
    };
    view! {
        <Frame title="Rename the conversation">
            <form on:submit=submit>
                <div class="field">
                    <label for="title">"Title"</label>
                    <input
                        id="title"
                        type="text"
                        autofocus
                        autocomplete="off"
                        prop:value=move || value.get()
                        on:input=move |event| value.set(event_target_value(&event))
                    />
                </div>
                <Problem problem/>
                <div class="buttons">
                    <button type="button" on:click=move |_| app.dialog.set(None)>"Cancel"</button>
                    <button type="submit" class="primary">"Rename"</button>
                </div>
            </form>
        </Frame>
    }
}

#[component]
fn Delete(id: String, title: String) -> impl IntoView {
    let app = app();
    let problem = RwSignal::new(None::<String>);
    let delete = move |_| {
        let id = id.clone();
        spawn_local(async move {
            match app.conversations.delete(&id).await {
                Ok(()) => {
                    app.dialog.set(None);
                    if app.chat.conversation.get_untracked() == Some(id) {
                        app.chat.clear();
                        app.router.replace(Route::Chat(None));
                    }
                }
                Err(error) => {
                    problem.set(Some(error.message()));
                    app.note(Some(&error));
                }
            }
        });
    };
    view! {
        <Frame title="Delete the conversation?">
            <p>
                <strong>{title}</strong>
                " and everything in it will be gone. This can't be undone."
            </p>
            <Problem problem/>
            <div class="buttons">
                <button type="button" autofocus on:click=move |_| app.dialog.set(None)>"Keep it"</button>
                <button type="button" class="danger" on:click=delete>"Delete"</button>
            </div>
        </Frame>
    }
}
