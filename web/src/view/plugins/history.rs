//! Every version of what was granted of a plugin.

use alcove_api_types::Binding;
use leptos::prelude::*;

use super::super::sign_in::Problem;
use super::desk::Sending;
use super::words;
use crate::api;
use crate::browser;

#[component]
pub(super) fn HistoryView(plugin: String) -> impl IntoView {
    let sending = Sending::new();
    let rows = RwSignal::new(None::<Vec<Binding>>);
    let plugin = StoredValue::new(plugin);
    let read = move || {
        let id = plugin.get_value();
        sending.send(async move { api::history(&id).await }, move |list| {
            let _ = rows.try_set(Some(list));
        });
    };
    // Read when it is opened, and anew when grants change meanwhile.
    let bindings = sending.desk.bindings;
    Effect::new(move |_| {
        bindings.track();
        if rows.with_untracked(Option::is_some) {
            read();
        }
    });
    view! {
        <details class="history" on:toggle=move |_| if rows.with_untracked(Option::is_none) { read() }>
            <summary>"History of its grants"</summary>
            <Problem problem=sending.problem/>
            {move || match rows.get() {
                None => view! { <p class="hint">"Reading …"</p> }.into_any(),
                Some(list) if list.is_empty() => {
                    view! { <p class="hint">"It was never granted."</p> }.into_any()
                }
                Some(list) => {
                    let rows = list.into_iter().rev().map(row).collect_view();
                    view! { <ol class="versions">{rows}</ol> }.into_any()
                }
            }}
        </details>
    }
}

fn row(binding: Binding) -> AnyView {
    let title = format!(
        "{}, version {}",
        words::principal(&binding.principal),
        binding.version
    );
    let mut about = format!(
        "granted by {} on {}",
        binding.author,
        browser::date(binding.created_at_ms)
    );
    if !binding.reason.is_empty() {
        about.push_str(&format!(": {}", binding.reason));
    }
    let ended = match (binding.revoked_at_ms, &binding.revoked_by) {
        (Some(at), Some(by)) => format!("ended by {by} on {}", browser::date(at)),
        (Some(at), None) => format!("ended on {}", browser::date(at)),
        (None, _) => "in force".to_owned(),
    };
    view! {
        <li>
            <strong>{title}</strong> <small>{about}</small> <small>{ended}</small>
            {words::policy("Its policy", &binding.policy)}
        </li>
    }
    .into_any()
}
