//! What a plugin is: its tools, what its binary proves, and what its author asks for.

use alcove_api_types::{Plugin, PluginTool, PolicyRead};
use leptos::prelude::*;
use leptos::task::spawn_local;
use serde_json::Value;

use super::super::badge::are_proven;
use super::super::code;
use super::desk::Desk;
use super::learn::LearnView;
use super::list::flag;
use super::words::{self, Sign};
use crate::api;

#[component]
pub(super) fn Facts(id: String, plugin: Memo<Option<Plugin>>) -> impl IntoView {
    let desk: Desk = expect_context();
    // Granting changes the badges: nothing else is drawn anew for it.
    let badges = move || {
        plugin.with(|plugin| {
            let badges = plugin.iter().flat_map(|plugin| &plugin.badges);
            badges.map(words::badge).collect_view()
        })
    };
    let title = move || {
        let is_proven = plugin.with(|plugin| {
            plugin
                .as_ref()
                .is_none_or(|plugin| are_proven(&plugin.badges))
        });
        match is_proven {
            true => "What it can do, proven from the binary",
            false => "What it can do",
        }
    };
    let imports = Memo::new(move |_| {
        plugin
            .get()
            .map(|plugin| plugin.imports)
            .unwrap_or_default()
    });
    let asked = RwSignal::new(None::<Result<PolicyRead, String>>);
    let of = id.clone();
    spawn_local(async move {
        let read = api::read_policy(&of, None).await;
        let _ = asked.try_set(Some(read.map_err(|error| error.message())));
    });
    let count = move || match imports.with(Vec::len) {
        1 => "1 import".to_owned(),
        count => format!("{count} imports"),
    };
    let rows = move || {
        let imports = imports.get().into_iter();
        imports
            .map(|import| view! { <li><code>{import}</code></li> })
            .collect_view()
    };
    view! {
        <div class="cards">
            <section class="card">
                <h3>{title}</h3>
                <p class="badges">
                    {badges}
                    {flag(desk, id.clone())}
                </p>
                <details>
                    <summary>{count}</summary>
                    <ul class="imports">{rows}</ul>
                </details>
            </section>
            <section class="card">
                <h3>"What it asks for"</h3>
                {move || match asked.get() {
                    None => view! { <p class="hint">"Reading …"</p> }.into_any(),
                    Some(Err(why)) => view! { <p class="hint">{why}</p> }.into_any(),
                    Some(Ok(asked)) if asked.words.grants.is_empty() => {
                        view! { <p class="hint">"Nothing beyond computing within the default limits."</p> }
                            .into_any()
                    }
                    Some(Ok(asked)) => {
                        view! {
                            {words::phrases(Sign::Granted, &asked.words.grants)}
                            {asked.words.warning.map(|warning| view! { <p class="warning">{warning}</p> })}
                            {words::policy("As policy text", &asked.policy)}
                        }
                            .into_any()
                    }
                }}
                {desk.admin.then(|| view! { <LearnView plugin=id/> })}
            </section>
        </div>
    }
}

#[component]
pub(super) fn Tools(plugin: Memo<Option<Plugin>>) -> impl IntoView {
    let tools = Memo::new(move |_| plugin.get().map(|plugin| plugin.tools).unwrap_or_default());
    let rows = move || tools.get().into_iter().map(tool).collect_view();
    view! {
        <h3>"What it offers"</h3>
        <ul class="card tools">{rows}</ul>
    }
}

fn tool(tool: PluginTool) -> AnyView {
    let effects = tool
        .effects
        .into_iter()
        .map(|effect| view! { <span class="badge">{effect}</span> " " })
        .collect_view();
    let schema = |title: &'static str, schema: &Value| {
        let text = serde_json::to_string_pretty(schema).unwrap_or_default();
        view! {
            <details>
                <summary>{title}</summary>
                <pre tabindex="0" role="region" aria-label=title><code>{code::spans("json", &text)}</code></pre>
            </details>
        }
    };
    view! {
        <li>
            <p><strong>{tool.title}</strong> " " <code>{tool.name}</code> " " {effects}</p>
            <p class="muted">{tool.description}</p>
            {(!tool.input.is_null()).then(|| schema("Arguments", &tool.input))}
            {tool.output.map(|output| schema("Result", &output))}
        </li>
    }
    .into_any()
}
