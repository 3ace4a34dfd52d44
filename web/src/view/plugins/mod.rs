//! What is installed, what it can ask for, and who may use it under which policy.

mod asks;
mod ceiling;
mod desk;
pub(super) mod editor;
mod explain;
mod facts;
mod grant_form;
mod grants;
mod history;
mod learn;
mod list;
mod plugin;
mod upgrade;
mod words;

use leptos::prelude::*;

use super::icon;
use super::sign_in::Problem;
use crate::app::app;
use crate::route::Route;
use ceiling::CeilingView;
use desk::Desk;
use list::ListView;
use plugin::PluginView;

#[component]
pub(super) fn PluginsPage() -> impl IntoView {
    let app = app();
    let desk = Desk::new(app);
    provide_context(desk);
    desk.load();
    let place = Memo::new(move |_| app.router.get());
    Effect::new(move |_| {
        let name = match place.get() {
            Route::Plugin(id) => id,
            Route::Ceiling => "Ceiling".to_owned(),
            _ => "Plugins".to_owned(),
        };
        document().set_title(&format!("{name} · Alcove"));
    });
    let is_read = Memo::new(move |_| desk.plugins.with(Option::is_some));
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
            <h1>
                {move || match place.get() {
                    Route::Plugin(id) => {
                        let name = words::name(&id).to_owned();
                        view! { {words::link(Route::Plugins, "Plugins")} <span>" / "</span> {name} }.into_any()
                    }
                    Route::Ceiling => {
                        view! { {words::link(Route::Plugins, "Plugins")} <span>" / "</span> "Ceiling" }.into_any()
                    }
                    _ => "Plugins".into_any(),
                }}
            </h1>
        </header>
        {move || {
            let place = place.get();
            view! {
                <main class="scroll">
                    <div class="column wide plugins">
                        <Problem problem=desk.problem/>
                        {move || {
                            if is_read.get() {
                                match place.clone() {
                                    Route::Plugin(id) => view! { <PluginView id/> }.into_any(),
                                    Route::Ceiling => view! { <CeilingView/> }.into_any(),
                                    _ => view! { <ListView/> }.into_any(),
                                }
                            } else if desk.problem.with(Option::is_some) {
                                view! {
                                    <button type="button" on:click=move |_| desk.load()>"Try again"</button>
                                }
                                    .into_any()
                            } else {
                                view! { <p class="hint" role="status">"Reading what is installed …"</p> }
                                    .into_any()
                            }
                        }}
                    </div>
                </main>
            }
        }}
        <div role="status" class="done-place">
            {move || {
                desk.done
                    .get()
                    .map(|text| {
                        view! {
                            <p class="done">
                                <span>{text}</span>
                                <button
                                    type="button"
                                    class="icon-button"
                                    aria-label="Close"
                                    on:click=move |_| desk.done.set(None)
                                >
                                    {icon::icon(icon::CLOSE)}
                                </button>
                            </p>
                        }
                    })
            }}
        </div>
    }
}
