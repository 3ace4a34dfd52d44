//! Theme, API keys, signing out.

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::dialogs::Frame;
use super::keys::Keys;
use crate::api;
use crate::app::app;
use crate::theme::Theme;

#[component]
pub(super) fn Settings() -> impl IntoView {
    let app = app();
    let sign_out = move |_| {
        spawn_local(async move {
            // Where the server can't be told, the cookie stays; so the person is told instead.
            match api::sign_out().await {
                Ok(()) | Err(api::ApiError::SignedOut) => app.signed_out(),
                Err(error) => {
                    app.dialog.set(None);
                    app.chat.notice.set(Some(format!(
                        "You are still signed in. {}",
                        error.message()
                    )));
                }
            }
        });
    };
    let name = app
        .session
        .with_untracked(|session| session.me().map(|me| me.username.clone()));
    view! {
        <Frame title="Settings">
            <section>
                <h3 id="theme-title">"Appearance"</h3>
                <div class="choice" role="radiogroup" aria-labelledby="theme-title">
                    {Theme::ALL
                        .into_iter()
                        .map(|theme| {
                            let choose = move |_| {
                                theme.choose();
                                app.theme.set(theme);
                            };
                            view! {
                                <label>
                                    <input
                                        type="radio"
                                        name="theme"
                                        prop:checked=move || app.theme.get() == theme
                                        on:change=choose
                                    />
                                    <span>{theme.title()}</span>
                                </label>
                            }
                        })
                        .collect_view()}
                </div>
            </section>
            <Keys/>
            <section>
                <h3>"Account"</h3>
                <div class="row">
                    <span>"Signed in as " <strong>{name}</strong></span>
                    <button type="button" on:click=sign_out>"Sign out"</button>
                </div>
            </section>
            <div class="buttons">
                <button type="button" class="primary" on:click=move |_| app.dialog.set(None)>"Done"</button>
            </div>
        </Frame>
    }
}
