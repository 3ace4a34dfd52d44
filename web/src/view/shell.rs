//! Sidebar and the place beside it.

use leptos::prelude::*;

use super::conversation::ConversationPage;
use super::dialogs::Dialogs;
use super::plugins::PluginsPage;
use super::sidebar::Sidebar;
use crate::app::app;
use crate::route::Route;

/// Which page stands beside the sidebar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Chat,
    Plugins,
    Nowhere,
}

/// The application as somebody who is signed in sees it.
#[component]
pub(super) fn Shell() -> impl IntoView {
    let app = app();
    Effect::new(move |_| {
        if let Route::Chat(id) = app.router.get() {
            app.chat.show(app, id);
        }
        app.sheet.set(false);
    });
    let place = Memo::new(move |_| match app.router.get() {
        Route::Chat(_) => Place::Chat,
        Route::Plugins | Route::Plugin(_) | Route::Ceiling => Place::Plugins,
        Route::SetUp | Route::Unknown => Place::Nowhere,
    });
    let escape = window_event_listener(leptos::ev::keydown, move |event| {
        if event.key() == "Escape" && app.sheet.get_untracked() {
            app.close_sheet();
        }
    });
    on_cleanup(move || escape.remove());
    view! {
        <div class="shell" class:sheet-open=move || app.sheet.get()>
            <a class="skip" href="#content" on:click=skip>"Skip to the conversation"</a>
            <Sidebar/>
            <div class="scrim" aria-hidden="true" on:click=move |_| app.close_sheet()></div>
            <div class="content" id="content" tabindex="-1" inert=move || app.sheet.get()>
                {move || match place.get() {
                    Place::Chat => view! { <ConversationPage/> }.into_any(),
                    Place::Plugins => view! { <PluginsPage/> }.into_any(),
                    Place::Nowhere => view! { <Nowhere/> }.into_any(),
                }}
            </div>
            <Dialogs/>
        </div>
    }
}

/// Moves the focus without touching the address, which names a page.
fn skip(event: leptos::ev::MouseEvent) {
    event.prevent_default();
    crate::browser::focus("#content");
}

#[component]
fn Nowhere() -> impl IntoView {
    let app = app();
    view! {
        <main class="centre">
            <h1>"There is no such page"</h1>
            <p>"The address may be mistyped."</p>
            <button type="button" class="primary" on:click=move |_| app.router.go(Route::Chat(None))>
                "Go to a new chat"
            </button>
        </main>
    }
}
