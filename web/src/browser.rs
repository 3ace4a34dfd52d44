//! The few things that the client needs of the browser.

use js_sys::{Date, Promise, Reflect};
use leptos::prelude::{document, request_animation_frame, window};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{HtmlElement, HtmlTextAreaElement};

/// A frame is waited for no longer than this: a hidden page draws none.
const FRAME_LIMIT_MS: i32 = 200;

/// Milliseconds since the Unix epoch, by the person's clock.
pub(crate) fn now_ms() -> f64 {
    Date::now()
}

/// The last midnight and the one before it, in the person's time zone.
pub(crate) fn midnights_ms() -> (f64, f64) {
    let now = Date::new_0();
    let day = |days: i32| {
        Date::new_with_year_month_day(
            now.get_full_year(),
            now.get_month() as i32,
            now.get_date() as i32 - days,
        )
        .get_time()
    };
    (day(0), day(1))
}

/// A date as the person writes it.
pub(crate) fn date(at_ms: i64) -> String {
    let date = Date::new(&JsValue::from_f64(at_ms as f64));
    date.to_locale_date_string("default", &JsValue::UNDEFINED)
        .into()
}

/// Waits.
pub(crate) async fn sleep(ms: i32) {
    let promise = Promise::new(&mut |done, _| {
        // Fails only where the page is going away.
        let _ = window().set_timeout_with_callback_and_timeout_and_arguments_0(&done, ms);
    });
    let _ = JsFuture::from(promise).await;
}

/// Waits for the next frame, so that all that came since is drawn at once.
pub(crate) async fn frame() {
    let promise = Promise::new(&mut |done, _| {
        let window = window();
        let _ = window.set_timeout_with_callback_and_timeout_and_arguments_0(&done, FRAME_LIMIT_MS);
        let _ = window.request_animation_frame(&done);
    });
    let _ = JsFuture::from(promise).await;
}

/// 32 random hex digits.
pub(crate) fn random_key() -> String {
    let mut bytes = [0u8; 16];
    if let Ok(crypto) = window().crypto() {
        let _ = crypto.get_random_values_with_u8_array(&mut bytes);
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Focuses the first element that matches, after the page has been drawn.
pub(crate) fn focus(selector: &'static str) {
    request_animation_frame(move || {
        if let Ok(Some(element)) = document().query_selector(selector)
            && let Ok(element) = element.dyn_into::<HtmlElement>()
        {
            let _ = element.focus();
        }
    });
}

/// Whether the person has the focus on an element of their own choice.
pub(crate) fn focus_is_elsewhere() -> bool {
    document().active_element().is_some_and(|element| {
        element.tag_name() != "BODY" && element.closest(".composer").ok().flatten().is_none()
    })
}

/// Puts a text on the clipboard, also where the page has no secure origin (plain HTTP on a local
/// network), where only the old command works.
pub(crate) async fn copy(text: &str) -> bool {
    let clipboard =
        Reflect::get(&window().navigator(), &"clipboard".into()).unwrap_or(JsValue::UNDEFINED);
    if !clipboard.is_undefined() {
        let promise = window().navigator().clipboard().write_text(text);
        if JsFuture::from(promise).await.is_ok() {
            return true;
        }
    }
    copy_by_command(text).unwrap_or(false)
}

fn copy_by_command(text: &str) -> Result<bool, JsValue> {
    let document = document();
    let area: HtmlTextAreaElement = document.create_element("textarea")?.dyn_into()?;
    area.set_class_name("unseen");
    area.set_value(text);
    let body = document.body().ok_or(JsValue::NULL)?;
    body.append_child(&area)?;
    area.select();
    let command: js_sys::Function = Reflect::get(&document, &"execCommand".into())?.dyn_into()?;
    let done = command.call1(&document, &"copy".into())?;
    area.remove();
    Ok(done.is_truthy())
}

/// Reads a value that this browser keeps.
pub(crate) fn stored(key: &str) -> Option<String> {
    window().local_storage().ok()??.get_item(key).ok()?
}

/// Keeps a value in this browser; `None` forgets it.
pub(crate) fn store(key: &str, value: Option<&str>) {
    if let Ok(Some(storage)) = window().local_storage() {
        let _ = match value {
            Some(value) => storage.set_item(key, value),
            None => storage.remove_item(key),
        };
    }
}
