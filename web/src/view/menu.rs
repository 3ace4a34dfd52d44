//! A button with a menu. The browser's popover closes it on Escape and on a click elsewhere.

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};

use super::icon;

/// From the button to the menu, in pixels.
const GAP: f64 = 4.0;

/// Three dots that open what is inside.
#[component]
pub(super) fn Menu(
    /// Unique on the page.
    id: String,
    /// What the menu is for: "Actions for …".
    #[prop(into)]
    label: String,
    children: Children,
) -> impl IntoView {
    let button = NodeRef::<html::Button>::new();
    let list = NodeRef::<html::Div>::new();
    // A popover stands on the page's top layer, so it is put beside its button by hand.
    let place = move |_| {
        let (Some(button), Some(list)) = (button.get_untracked(), list.get_untracked()) else {
            return;
        };
        let at = button.get_bounding_client_rect();
        let size = list.get_bounding_client_rect();
        let height = window_size("innerHeight");
        let below = at.bottom() + GAP;
        let top = if below + size.height() > height {
            at.top() - GAP - size.height()
        } else {
            below
        };
        let left = (at.right() - size.width()).max(GAP);
        let list: &web_sys::HtmlElement = list.unchecked_ref();
        let style = list.style();
        let _ = style.set_property("top", &format!("{top}px"));
        let _ = style.set_property("left", &format!("{left}px"));
    };
    let close = move |_| {
        if let Some(list) = list.get_untracked() {
            call(&list, "hidePopover");
        }
    };
    view! {
        <button
            type="button"
            class="icon-button"
            node_ref=button
            aria-label=label
            aria-haspopup="true"
            popovertarget=id.clone()
        >
            {icon::icon(icon::MORE)}
        </button>
        <div class="menu" id=id popover="auto" node_ref=list on:toggle=place on:click=close>
            {children()}
        </div>
    }
}

fn window_size(name: &str) -> f64 {
    js_sys::Reflect::get(&window(), &name.into())
        .ok()
        .and_then(|size| size.as_f64())
        .unwrap_or(f64::MAX)
}

fn call(element: &JsValue, method: &str) {
    if let Ok(function) = js_sys::Reflect::get(element, &method.into())
        && let Ok(function) = function.dyn_into::<js_sys::Function>()
    {
        let _ = function.call0(element);
    }
}
