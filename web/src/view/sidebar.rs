//! New chat, the conversations, and the ways to other pages.

use alcove_api_types::ConversationSummary;
use alcove_web_text::format::DateGroup;
use leptos::ev::MouseEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::icon;
use super::menu::Menu;
use crate::app::{Dialog, app};
use crate::route::Route;

#[component]
pub(super) fn Sidebar() -> impl IntoView {
    let app = app();
    let name = move || {
        app.session
            .with(|session| session.me().map(|me| me.username.clone()))
    };
    let at_plugins = move || {
        let route = app.router.get();
        matches!(route, Route::Plugins | Route::Plugin(_) | Route::Ceiling)
    };
    view! {
        <nav class="sidebar" aria-label="Conversations">
            <div class="brand">
                {icon::logo()}
                <span>"Alcove"</span>
                <button
                    type="button"
                    class="icon-button close-sheet"
                    aria-label="Close the sidebar"
                    on:click=move |_| app.close_sheet()
                >
                    {icon::icon(icon::CLOSE)}
                </button>
            </div>
            <a class="new-chat" href="/" on:click=go(move || app.new_chat())>
                {icon::icon(icon::PLUS)}
                "New chat"
            </a>
            <div class="conversations">
                <List/>
            </div>
            <div class="places">
                <a
                    href="/plugins"
                    aria-current=move || at_plugins().then_some("page")
                    on:click=go(move || app.router.go(Route::Plugins))
                >
                    {icon::icon(icon::PLUGINS)}
                    "Plugins"
                </a>
                <button type="button" on:click=move |_| app.dialog.set(Some(Dialog::Settings))>
                    {icon::icon(icon::SETTINGS)}
                    "Settings"
                    <span class="who">{name}</span>
                </button>
            </div>
        </nav>
    }
}

#[component]
fn List() -> impl IntoView {
    let app = app();
    let list = app.conversations;
    let more = move |_| {
        spawn_local(async move {
            let answer = list.more().await;
            app.note(answer.err().as_ref());
        });
    };
    let groups = Memo::new(move |_| list.grouped());
    view! {
        <For
            each=move || groups.get()
            key=|(group, rows)| {
                (*group, rows.iter().map(|row| (row.id.clone(), row.title.clone())).collect::<Vec<_>>())
            }
            let:group
        >
            <Group group=group.0 rows=group.1/>
        </For>
        {move || list.problem.get().map(|problem| view! { <p class="hint">{problem}</p> })}
        <Show when=move || list.has_more()>
            <button type="button" class="more" on:click=more>"Show older"</button>
        </Show>
    }
}

#[component]
fn Group(group: DateGroup, rows: Vec<ConversationSummary>) -> impl IntoView {
    let id = format!("group-{}", group.title());
    let by = id.clone();
    view! {
        <section aria-labelledby=by>
            <h2 id=id>{group.title()}</h2>
            <ul>
                {rows.into_iter().map(|row| view! { <Row row/> }).collect_view()}
            </ul>
        </section>
    }
}

#[component]
fn Row(row: ConversationSummary) -> impl IntoView {
    let app = app();
    let ConversationSummary { id, title, .. } = row;
    let route = Route::Chat(Some(id.clone()));
    let href = route.path();
    let current = {
        let route = route.clone();
        Memo::new(move |_| app.router.get() == route)
    };
    let rename = Dialog::Rename {
        id: id.clone(),
        title: title.clone(),
    };
    let delete = Dialog::Delete {
        id: id.clone(),
        title: title.clone(),
    };
    let menu = format!("menu-{id}");
    let open = go(move || {
        app.sheet.set(false);
        app.router.go(route.clone());
    });
    view! {
        <li class:current=move || current.get()>
            <a
                href=href
                title=title.clone()
                aria-current=move || current.get().then_some("page")
                on:click=open
            >
                {title.clone()}
            </a>
            <Menu id=menu label=format!("Actions for {title}")>
                <button type="button" on:click=move |_| app.dialog.set(Some(rename.clone()))>
                    {icon::icon(icon::PENCIL)}
                    "Rename"
                </button>
                <button type="button" class="refuse" on:click=move |_| app.dialog.set(Some(delete.clone()))>
                    {icon::icon(icon::TRASH)}
                    "Delete"
                </button>
            </Menu>
        </li>
    }
}

/// A click on a link within the application, unless the person wants a new tab.
pub(super) fn go(action: impl Fn() + 'static) -> impl Fn(MouseEvent) {
    move |event| {
        if event.ctrl_key() || event.meta_key() || event.shift_key() || event.button() != 0 {
            return;
        }
        event.prevent_default();
        action();
    }
}
