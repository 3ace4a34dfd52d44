//! What a tool was called with.

use alcove_web_text::calls::Arguments;
use alcove_web_text::links::safe_target;
use leptos::prelude::*;

use super::super::code;
use super::folded::Folded;

/// The arguments' names and values; what is no object is shown as it is.
pub(super) fn fields(arguments: &str) -> Vec<(String, String)> {
    match serde_json::from_str(arguments) {
        Ok(serde_json::Value::Object(fields)) => fields
            .into_iter()
            .map(|(name, value)| match value {
                serde_json::Value::String(text) => (name, text),
                other => (name, other.to_string()),
            })
            .collect(),
        _ => vec![("arguments".to_owned(), arguments.to_owned())],
    }
}

/// `whole`: nothing is folded away from somebody who decides about it.
pub(super) fn show_arguments(arguments: Arguments, whole: bool) -> Option<AnyView> {
    match arguments {
        Arguments::None => None,
        Arguments::Code { language, text } => {
            let shown = code::spans(&language, &text).into_any();
            Some(view! { <Folded label="Code" class="input" text shown whole/> }.into_any())
        }
        Arguments::Address(url) => {
            let target = safe_target(&url).map(str::to_owned);
            let text = format!("GET {url}");
            let shown = match target {
                Some(target) => view! {
                    <span class="hl-keyword">"GET "</span>
                    <a href=target target="_blank" rel="noopener noreferrer nofollow">{url}</a>
                }
                .into_any(),
                None => text.clone().into_any(),
            };
            Some(view! { <Folded label="Arguments" class="input" text shown whole/> }.into_any())
        }
        Arguments::Fields(fields) => {
            let text = fields
                .iter()
                .map(|(name, value)| format!("{name}: {value}"))
                .collect::<Vec<_>>()
                .join("\n");
            let shown = code::spans("yaml", &text).into_any();
            Some(view! { <Folded label="Arguments" class="input" text shown whole/> }.into_any())
        }
    }
}
