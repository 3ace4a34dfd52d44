//! One part of a result: a text, a value, a link, an image, a file.

use alcove_api_types::{Audience, ToolPart};
use alcove_web_text::links::safe_target;
use leptos::prelude::*;

use super::super::code;
use super::folded::Folded;

/// Where the server has an asset; nothing for what is not an asset's id.
fn asset_path(id: &str) -> Option<String> {
    let digits = id.strip_prefix("asset_")?;
    let is_id = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then(|| format!("/api/assets/{id}"))
}

pub(super) fn show_part(part: ToolPart) -> Option<AnyView> {
    let note = (part.audience == Audience::Model)
        .then(|| view! { <span class="for-model">"for the model"</span> });
    let shown = match part.kind.as_str() {
        "link" => {
            let title = part.title.unwrap_or_else(|| part.value.clone());
            match safe_target(&part.value).map(str::to_owned) {
                Some(target) => view! {
                    <p class="link">
                        <a href=target target="_blank" rel="noopener noreferrer nofollow">{title}</a>
                    </p>
                }
                .into_any(),
                None => view! { <p class="link">{title}</p> }.into_any(),
            }
        }
        "image" => {
            // Our own server's, never a remote one: what stands here is an id.
            let source = asset_path(&part.value)?;
            let page = source.clone();
            let title = part.title.unwrap_or_else(|| "image".to_owned());
            // What calls itself an image may be none.
            let broken = RwSignal::new(false);
            view! {
                <p class="image">
                    <a href=page target="_blank" rel="noopener">
                        {move || {
                            if broken.get() {
                                return format!("{title} can't be shown").into_any();
                            }
                            view! {
                                <img
                                    src=source.clone()
                                    alt=title.clone()
                                    loading="lazy"
                                    on:error=move |_| broken.set(true)
                                />
                            }
                                .into_any()
                        }}
                    </a>
                </p>
            }
            .into_any()
        }
        "asset" => {
            let source = asset_path(&part.value)?;
            let title = part.title.unwrap_or_default();
            let name = title.clone();
            view! { <p class="link"><a href=source download=name>{title}</a></p> }.into_any()
        }
        "json" => {
            let text = serde_json::from_str::<serde_json::Value>(&part.value)
                .and_then(|value| serde_json::to_string_pretty(&value))
                .unwrap_or(part.value);
            let shown = code::spans("json", &text).into_any();
            view! { <Folded label="Result" class="result" text shown/> }.into_any()
        }
        _ => {
            let text = part.value.trim_end().to_owned();
            if text.is_empty() {
                return None;
            }
            let shown = text.clone().into_any();
            view! { <Folded label="Result" class="result" text shown/> }.into_any()
        }
    };
    Some(view! { {note}{shown} }.into_any())
}
