//! What is drawn.

mod answer;
mod ask;
mod badge;
mod code;
mod composer;
mod conversation;
mod copy;
mod dialogs;
mod files;
mod icon;
mod key_policies;
mod keys;
mod markdown;
mod menu;
mod plugins;
mod preview;
mod settings;
mod shell;
mod sidebar;
mod sign_in;
mod source;
mod tool_call;
mod transcript;

use leptos::prelude::*;

use crate::app::AppState;
use crate::route::Route;
use crate::session::Session;

/// The whole page, as far as it does not depend on where in the application a person is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Page {
    Waiting,
    Unreachable,
    SetUp,
    SignIn,
    Main,
}

/// The root.
#[component]
pub(crate) fn App() -> impl IntoView {
    let app = AppState::new();
    provide_context(app);
    app.start();
    let page = Memo::new(move |_| match (app.router.get(), app.session.get()) {
        (Route::SetUp, _) => Page::SetUp,
        (_, Session::Unknown) => Page::Waiting,
        (_, Session::Unreachable) => Page::Unreachable,
        (_, Session::SignedOut) => Page::SignIn,
        (_, Session::SignedIn(_)) => Page::Main,
    });
    move || match page.get() {
        // For the blink of an eye: an empty page is calmer than a spinner.
        Page::Waiting => ().into_any(),
        Page::Unreachable => view! {
            <main class="centre">
                {icon::logo()}
                <p role="status" class="waiting">"The server does not answer. Trying again …"</p>
            </main>
        }
        .into_any(),
        Page::SetUp => view! { <sign_in::SetUpPage/> }.into_any(),
        Page::SignIn => view! { <sign_in::SignInPage/> }.into_any(),
        Page::Main => view! { <shell::Shell/> }.into_any(),
    }
}
