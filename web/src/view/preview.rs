//! HTML that the model wrote, shown as a page: in a frame that reaches nothing.

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsValue;

/// A page of this server that has nobody's origin and loads nothing; it becomes what it is sent.
const FRAME: &str = "/preview";

/// The page itself; it begins when it is drawn, and ends when it is taken away.
#[component]
pub(super) fn Preview(text: String) -> impl IntoView {
    let frame = NodeRef::<html::Iframe>::new();
    let sent = StoredValue::new(false);
    let loaded = move |_| {
        // A page that loads another within itself gets nothing more.
        if sent.get_value() {
            return;
        }
        sent.set_value(true);
        if let Some(window) = frame
            .get_untracked()
            .and_then(|frame| frame.content_window())
        {
            // Any origin: that of the frame is none. Only our own page hears the first message.
            let _ = window.post_message(&JsValue::from_str(&text), "*");
        }
    };
    view! {
        <iframe
            class="preview"
            title="Preview of the HTML"
            sandbox="allow-scripts"
            referrerpolicy="no-referrer"
            src=FRAME
            node_ref=frame
            on:load=loaded
        ></iframe>
    }
}
