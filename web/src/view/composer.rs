//! Where the person writes.

use leptos::ev::KeyboardEvent;
use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::files::{self, AttachButton, Attached, WorkspaceFiles};
use super::icon;
use crate::app::app;
use crate::readiness::Server;

/// The server takes at most this many bytes of text in a message.
const MAX_BYTES: usize = 256 * 1024;

#[component]
pub(super) fn Composer() -> impl IntoView {
    let app = app();
    let chat = app.chat;
    let area = NodeRef::<html::Textarea>::new();
    // As high as its text, up to what the style sheet allows.
    Effect::new(move |_| {
        chat.draft.track();
        if let Some(area) = area.get() {
            let style: &web_sys::HtmlElement = area.unchecked_ref();
            let style = style.style();
            let _ = style.set_property("height", "auto");
            let _ = style.set_property("height", &format!("{}px", area.scroll_height()));
        }
    });
    let running = Memo::new(move |_| chat.run.with(Option::is_some));
    let stopping = Memo::new(move |_| {
        chat.run
            .with(|run| run.as_ref().is_some_and(|run| run.stopping))
    });
    // Why nothing can be sent now.
    let obstacle = Memo::new(move |_| match app.server.server.get() {
        Server::Ready if chat.draft.with(|text| text.len() > MAX_BYTES) => Some((
            true,
            "The message is too long. Shorten it to at most 256 KiB.".to_owned(),
        )),
        Server::Ready if chat.files.sending.with(|all| !all.is_empty()) => {
            Some((false, "Files are on their way".to_owned()))
        }
        Server::Ready => None,
        Server::Loading(detail) => Some((false, detail)),
        Server::Broken(detail) => Some((true, detail)),
        Server::Unreachable => Some((
            true,
            "The server does not answer. Trying again …".to_owned(),
        )),
    });
    let can_send = Memo::new(move |_| {
        !running.get()
            && obstacle.with(Option::is_none)
            && chat.draft.with(|text| !text.trim().is_empty())
    });
    let send = move || {
        if can_send.get_untracked() {
            chat.send(app);
        }
    };
    let key = move |event: KeyboardEvent| {
        // While an input method composes a character, Enter belongs to it.
        if event.key() == "Enter" && !event.shift_key() && !event.is_composing() {
            event.prevent_default();
            send();
        }
    };
    let paste = move |event: web_sys::ClipboardEvent| {
        let carried = files::carried(event.clipboard_data());
        if !carried.is_empty() {
            event.prevent_default();
            chat.attach(app, carried);
        }
    };
    let dropping = files::take_drops(app);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        send();
    };
    let notice = move || {
        chat.notice.get().map(|notice| {
            view! {
                <div class="notice" role="alert">
                    {icon::icon(icon::WARNING)}
                    <p>{notice}</p>
                    <button
                        type="button"
                        class="icon-button"
                        aria-label="Close this notice"
                        on:click=move |_| chat.notice.set(None)
                    >
                        {icon::icon(icon::CLOSE)}
                    </button>
                </div>
            }
        })
    };
    let state = move || {
        if chat.reconnecting.get() {
            return Some((false, "The connection is lost. Reconnecting …".to_owned()));
        }
        obstacle.get()
    };
    view! {
        <div class="composing">
            {notice}
            <WorkspaceFiles/>
            <form class="composer" class:dropping=move || dropping.get() on:submit=submit>
                <Attached/>
                <label class="unseen" for="message">"Message"</label>
                <textarea
                    id="message"
                    rows="1"
                    placeholder="Ask anything"
                    autocomplete="off"
                    autofocus
                    node_ref=area
                    prop:value=move || chat.draft.get()
                    on:input=move |event| chat.draft.set(event_target_value(&event))
                    on:keydown=key
                    on:paste=paste
                    aria-describedby="composer-state"
                ></textarea>
                <div class="controls">
                    <AttachButton/>
                    <div class="state" id="composer-state" role="status">
                        {move || match state() {
                            Some((broken, text)) => {
                                view! {
                                    <span class="pulse" class:broken=broken></span>
                                    <span>{text}</span>
                                }
                                    .into_any()
                            }
                            None => {
                                let hint = if running.get() {
                                    "You can write on, and send when the answer has ended"
                                } else {
                                    "Enter sends, Shift+Enter starts a new line"
                                };
                                view! { <span class="keys">{hint}</span> }
                                    .into_any()
                            }
                        }}
                    </div>
                    {move || {
                        if running.get() {
                            view! {
                                <button
                                    type="button"
                                    class="stop"
                                    disabled=move || stopping.get()
                                    on:click=move |_| chat.cancel(app)
                                >
                                    <span class="square" aria-hidden="true"></span>
                                    {move || if stopping.get() { "Stopping" } else { "Stop" }}
                                </button>
                            }
                                .into_any()
                        } else {
                            view! {
                                <button type="submit" class="primary" disabled=move || !can_send.get()>
                                    "Send"
                                </button>
                            }
                                .into_any()
                        }
                    }}
                </div>
            </form>
        </div>
    }
}
