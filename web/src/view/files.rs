//! The conversation's files beside the composer: on their way, attached to the next message, and
//! all of them with download and removal.

use alcove_api_types::WorkspaceFile;
use alcove_web_text::format;
use leptos::ev::DragEvent;
use leptos::html;
use leptos::prelude::*;
use web_sys::{DataTransfer, File, FileList};

use super::icon;
use crate::api;
use crate::app::{AppState, app};

/// The button that opens the person's files.
#[component]
pub(super) fn AttachButton() -> impl IntoView {
    let app = app();
    let input = NodeRef::<html::Input>::new();
    let open = move |_| {
        if let Some(input) = input.get_untracked() {
            input.click();
        }
    };
    let chosen = move |_| {
        let Some(input) = input.get_untracked() else {
            return;
        };
        app.chat.attach(app, files_of(input.files()));
        // The same file may be chosen again.
        input.set_value("");
    };
    view! {
        <input type="file" id="attach" class="unseen" tabindex="-1" multiple node_ref=input on:change=chosen aria-label="Files"/>
        <button type="button" class="icon-button attach" aria-label="Attach files" title="Attach files" on:click=open>
            {icon::icon(icon::CLIP)}
        </button>
    }
}

/// Files that are on their way or attached to the next message.
#[component]
pub(super) fn Attached() -> impl IntoView {
    let app = app();
    let files = app.chat.files;
    let is_shown = Memo::new(move |_| {
        files.sending.with(|all| !all.is_empty()) || files.fresh.with(|all| !all.is_empty())
    });
    view! {
        <Show when=move || is_shown.get()>
            <ul class="attached" aria-label="Attached to the next message">
                {move || {
                    let fresh = files.attached();
                    fresh.into_iter().map(|file| attached(app, file)).collect_view()
                }}
                <For each=move || files.sending.get() key=|sending| sending.name.clone() let(sending)>
                    {
                        let (name, permille) = (sending.name.clone(), sending.permille.clone());
                        let label = format!("Stop sending {name}");
                        view! {
                            <li class="sending">
                                <span class="name">{sending.name}</span>
                                <progress max="1000" prop:value=move || permille.get()></progress>
                                <button
                                    type="button"
                                    class="icon-button"
                                    aria-label=label
                                    on:click=move |_| app.chat.stop_sending(&name)
                                >
                                    {icon::icon(icon::CLOSE)}
                                </button>
                            </li>
                        }
                    }
                </For>
            </ul>
        </Show>
    }
}

fn attached(app: AppState, file: WorkspaceFile) -> impl IntoView {
    let label = format!("Remove {}", file.path);
    let path = file.path.clone();
    view! {
        <li>
            <span class="name">{file.path}</span>
            <span class="size">{format::bytes(file.bytes)}</span>
            <button
                type="button"
                class="icon-button"
                aria-label=label
                on:click=move |_| app.chat.remove_file(app, path.clone())
            >
                {icon::icon(icon::CLOSE)}
            </button>
        </li>
    }
}

/// All files of the conversation, folded.
#[component]
pub(super) fn WorkspaceFiles() -> impl IntoView {
    let app = app();
    let chat = app.chat;
    let files = chat.files.listed;
    let count = Memo::new(move |_| files.with(|listed| (listed.files.len(), listed.more)));
    let summary = move || match count.get() {
        (count, true) => format!("{count} files and more"),
        (1, _) => "1 file".to_owned(),
        (count, _) => format!("{count} files"),
    };
    let size = move || files.with(|listed| format::bytes(listed.bytes));
    view! {
        <Show when=move || count.get().0 != 0>
            <details class="files">
                <summary>
                    {icon::icon(icon::CLIP)} <span>{summary}</span> <span class="size">{size}</span>
                </summary>
                <ul>
                    {move || {
                        let id = chat.conversation.get().unwrap_or_default();
                        let listed = files.get().files.into_iter();
                        listed.map(move |file| listed_file(app, &id, file)).collect_view()
                    }}
                </ul>
            </details>
        </Show>
    }
}

fn listed_file(app: AppState, conversation: &str, file: WorkspaceFile) -> impl IntoView + use<> {
    let name = file.path.rsplit('/').next().unwrap_or_default().to_owned();
    let label = format!("Remove {}", file.path);
    let path = file.path.clone();
    let address = api::file_path(conversation, &file.path);
    view! {
        <li>
            <a href=address download=name title="Download">
                {file.path}
            </a>
            <span class="size">{format::bytes(file.bytes)}</span>
            <button
                type="button"
                class="icon-button"
                aria-label=label
                on:click=move |_| app.chat.remove_file(app, path.clone())
            >
                {icon::icon(icon::TRASH)}
            </button>
        </li>
    }
}

/// Takes what is dropped anywhere on the page; whether something is held over it.
pub(super) fn take_drops(app: AppState) -> RwSignal<bool> {
    let over = RwSignal::new(false);
    let carries_files = |event: &DragEvent| {
        let types = event.data_transfer().map(|data| data.types());
        types.is_some_and(|types| types.includes(&"Files".into(), 0))
    };
    let dragged = window_event_listener(leptos::ev::dragover, move |event| {
        if carries_files(&event) {
            // Without this the browser would leave the page and open the file.
            event.prevent_default();
            over.set(true);
        }
    });
    let left = window_event_listener(leptos::ev::dragleave, move |event| {
        // Out of the window, not from one element to the next.
        if event.related_target().is_none() {
            over.set(false);
        }
    });
    let dropped = window_event_listener(leptos::ev::drop, move |event| {
        over.set(false);
        if carries_files(&event) {
            event.prevent_default();
            app.chat.attach(app, carried(event.data_transfer()));
        }
    });
    on_cleanup(move || {
        dragged.remove();
        left.remove();
        dropped.remove();
    });
    over
}

/// The files of a drop or a paste.
pub(super) fn carried(data: Option<DataTransfer>) -> Vec<File> {
    files_of(data.and_then(|data| data.files()))
}

fn files_of(list: Option<FileList>) -> Vec<File> {
    let list = list.into_iter();
    list.flat_map(|list| (0..list.length()).filter_map(move |at| list.item(at)))
        .collect()
}
