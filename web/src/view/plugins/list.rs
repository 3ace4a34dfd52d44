//! All plugins, and what waits for an admin.

use alcove_api_types::Plugin;
use leptos::prelude::*;

use super::asks::WaitingRequests;
use super::desk::Desk;
use super::words;
use crate::route::Route;

#[component]
pub(super) fn ListView() -> impl IntoView {
    let desk: Desk = expect_context();
    let upgrades = Memo::new(move |_| {
        let mut waiting: Vec<(String, String)> = desk.bindings.with(|bindings| {
            bindings
                .iter()
                .filter_map(|binding| {
                    let upgrade = binding.upgrade.as_ref()?;
                    Some((binding.plugin.clone(), upgrade.version.clone()))
                })
                .collect()
        });
        waiting.dedup();
        waiting
    });
    view! {
        <p class="lead">
            "A tool runs in a sandbox unless its badge says that it does not. What it can ask for is read from its binary; what it may do is what was granted. No grant exceeds "
            {words::link(Route::Ceiling, "the organisation's ceiling")} "."
        </p>
        <WaitingRequests plugin=None/>
        {move || {
            upgrades
                .get()
                .into_iter()
                .map(|(plugin, version)| {
                    let said = format!(" {version} asks for more than was granted, or describes itself differently.");
                    view! {
                        <p class="waits">
                            <span>{words::link(Route::Plugin(plugin.clone()), words::name(&plugin))} {said}</span>
                        </p>
                    }
                })
                .collect_view()
        }}
        {move || {
            let list = desk.plugins.get().unwrap_or_default();
            if list.is_empty() {
                view! {
                    <p class="hint">
                        "Nothing is installed. " <code>"alcove plugin install FILE"</code> " adds a component."
                    </p>
                }
                    .into_any()
            } else {
                let rows = list.into_iter().map(|plugin| row(desk, plugin)).collect_view();
                view! { <ul class="card plugin-list">{rows}</ul> }.into_any()
            }
        }}
    }
}

fn row(desk: Desk, plugin: Plugin) -> AnyView {
    let (publisher, name) = plugin.id.split_once('/').unwrap_or(("", &plugin.id));
    let about = format!("{publisher} · {}", plugin.version);
    let tools: Vec<&str> = plugin
        .tools
        .iter()
        .map(|tool| tool.title.as_str())
        .collect();
    let (id, is_allowed) = (plugin.id.clone(), plugin.allowed.is_some());
    let who = move || {
        if !desk.admin {
            let asks = desk.requests.with(|list| {
                let own = list.iter().find(|request| request.plugin == id)?;
                Some(match own.declined {
                    Some(_) => "declined",
                    None => "asked for",
                })
            });
            let words = match (is_allowed, asks) {
                (true, _) => "you may use it",
                (false, Some(asks)) => asks,
                (false, None) => "not granted to you",
            };
            return words.to_owned();
        }
        desk.bindings.with(|bindings| {
            let of: Vec<String> = bindings
                .iter()
                .filter(|binding| binding.plugin == id)
                .map(|binding| words::principal(&binding.principal))
                .collect();
            match of.len() {
                0 => "granted to nobody".to_owned(),
                1..=3 => of.join(", "),
                more => format!("{more} grants"),
            }
        })
    };
    let flag = flag(desk, plugin.id.clone());
    view! {
        <li>
            <div class="plugin-name">
                <strong>{words::link(Route::Plugin(plugin.id.clone()), name)}</strong>
                <small>{about}</small>
            </div>
            <div>
                <p>{tools.join(", ")}</p>
                <p class="badges">{plugin.badges.iter().map(words::badge).collect_view()}{flag}</p>
            </div>
            <span class="plugin-who">{who}</span>
        </li>
    }
    .into_any()
}

/// Said where a grant opens both a private source and the whole network.
pub(super) fn flag(desk: Desk, id: String) -> AnyView {
    let is_risky = move || {
        desk.bindings.with(|bindings| {
            let own = bindings.iter().filter(|binding| binding.plugin == id);
            own.filter_map(|binding| binding.words.as_ref())
                .any(|words| words.warning.is_some())
        })
    };
    (move || {
        is_risky().then(|| {
            view! { <span class="badge flag">"reads private data and has an open network"</span> }
        })
    })
    .into_any()
}
