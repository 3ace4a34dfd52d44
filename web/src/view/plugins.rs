//! What is installed, what it can ask for, and who may use it under which policy.

use alcove_api_types::{Badge, BadgeKind, Binding, Plugin};
use alcove_web_text::format;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::code;
use super::icon;
use super::sign_in::Problem;
use crate::api;
use crate::app::app;
use crate::browser;

/// How much of a digest is shown.
const DIGEST_CHARS: usize = 12;

#[component]
pub(super) fn PluginsPage() -> impl IntoView {
    let app = app();
    let plugins = RwSignal::new(None::<Vec<Plugin>>);
    let bindings = RwSignal::new(Vec::<Binding>::new());
    let problem = RwSignal::new(None::<String>);
    let done = RwSignal::new(None::<String>);
    let admin = app
        .session
        .with_untracked(|session| session.me().is_some_and(|me| me.admin));
    document().set_title("Plugins · Alcove");
    let failed = move |error: api::ApiError| {
        let _ = problem.try_set(Some(error.message()));
        app.note(Some(&error));
    };
    let load = move || {
        spawn_local(async move {
            match api::plugins().await {
                Ok(list) => {
                    let _ = plugins.try_set(Some(list));
                }
                Err(error) => failed(error),
            }
            if admin {
                match api::bindings().await {
                    Ok(list) => {
                        let _ = bindings.try_set(list);
                    }
                    Err(error) => failed(error),
                }
            }
        });
    };
    load();
    let revoke = Callback::new(move |binding: Binding| {
        spawn_local(async move {
            match api::revoke_binding(&binding.id).await {
                Ok(revoked) => {
                    let stopped = match revoked.stopped_calls {
                        0 => "no call was running".to_owned(),
                        1 => "1 running call was stopped".to_owned(),
                        calls => format!("{calls} running calls were stopped"),
                    };
                    let said = format!(
                        "{} may no longer use {}; {stopped}.",
                        principal(&binding.principal),
                        binding.plugin
                    );
                    let _ = done.try_set(Some(said));
                    load();
                }
                Err(error) => failed(error),
            }
        });
    });
    view! {
        <header class="bar">
            <button
                type="button"
                class="icon-button open-sheet"
                aria-label="Open the sidebar"
                on:click=move |_| app.open_sheet()
            >
                {icon::icon(icon::SIDEBAR)}
            </button>
            <h1>"Plugins"</h1>
        </header>
        <main class="scroll">
            <div class="column wide plugins">
                <p class="lead">
                    "Every tool is a sandboxed component. What it can ask for is read from its binary; what it may do is what was granted here."
                </p>
                <Problem problem/>
                <div role="status">
                    {move || done.get().map(|text| view! { <p class="done">{text}</p> })}
                </div>
                {move || {
                    plugins
                        .get()
                        .map(|list| {
                            if list.is_empty() {
                                view! {
                                    <p class="hint">
                                        "Nothing is installed. " <code>"alcove plugin install FILE"</code> " adds a component."
                                    </p>
                                }
                                    .into_any()
                            } else {
                                list.into_iter()
                                    .map(|plugin| view! { <PluginView plugin bindings revoke admin/> })
                                    .collect_view()
                                    .into_any()
                            }
                        })
                }}
            </div>
        </main>
    }
}

#[component]
fn PluginView(
    plugin: Plugin,
    bindings: RwSignal<Vec<Binding>>,
    revoke: Callback<Binding>,
    admin: bool,
) -> impl IntoView {
    let id = plugin.id.clone();
    let own = Memo::new(move |_| {
        bindings
            .get()
            .into_iter()
            .filter(|binding| binding.plugin == id)
            .collect::<Vec<_>>()
    });
    let (publisher, name) = plugin.id.split_once('/').unwrap_or(("", &plugin.id));
    let digest: String = plugin.digest.chars().take(DIGEST_CHARS).collect();
    view! {
        <article class="plugin">
            <h2>{name.to_owned()}</h2>
            <p class="origin">
                {publisher.to_owned()} " · " {plugin.version.clone()} " · "
                <span title=plugin.digest.clone()>"sha256:" {digest} "…"</span> " · "
                {format::bytes(plugin.size_bytes)}
            </p>
            <div class="cards">
                <section class="card">
                    <h3>"What it offers"</h3>
                    <dl>
                        {plugin
                            .tools
                            .into_iter()
                            .map(|tool| view! { <dt>{tool.title}</dt><dd>{tool.description}</dd> })
                            .collect_view()}
                    </dl>
                </section>
                <section class="card">
                    <h3>"What it can do, proven from the binary"</h3>
                    <p class="badges">{plugin.badges.iter().map(badge).collect_view()}</p>
                    <details>
                        <summary>{format!("{} imports", plugin.imports.len())}</summary>
                        <ul class="imports">
                            {plugin
                                .imports
                                .into_iter()
                                .map(|import| view! { <li><code>{import}</code></li> })
                                .collect_view()}
                        </ul>
                    </details>
                    {(!plugin.requests.trim().is_empty())
                        .then(|| policy("What the author asks for", &plugin.requests))}
                </section>
            </div>
            {admin
                .then(|| {
                    view! {
                        <h3>"Who may use it"</h3>
                        {move || {
                            let own = own.get();
                            if own.is_empty() {
                                view! {
                                    <p class="hint">"Nobody. " <code>"alcove grant"</code> " allows it."</p>
                                }
                                    .into_any()
                            } else {
                                own.into_iter()
                                    .map(|binding| view! { <BindingView binding revoke/> })
                                    .collect_view()
                                    .into_any()
                            }
                        }}
                    }
                })}
        </article>
    }
}

#[component]
fn BindingView(binding: Binding, revoke: Callback<Binding>) -> impl IntoView {
    let asked = RwSignal::new(false);
    let who = principal(&binding.principal);
    let made = format!(
        "granted by {} on {}{}{}",
        binding.author,
        browser::date(binding.created_at_ms),
        if binding.reason.is_empty() { "" } else { ": " },
        binding.reason
    );
    let text = binding.policy.clone();
    let binding = StoredValue::new(binding);
    view! {
        <section class="card binding">
            <div class="row">
                <span>
                    <strong>{who.clone()}</strong>
                    <small>{made}</small>
                </span>
                {move || {
                    if asked.get() {
                        view! {
                            <span class="sure">
                                "Running calls stop."
                                <button type="button" on:click=move |_| asked.set(false)>"Keep"</button>
                                <button
                                    type="button"
                                    class="danger"
                                    on:click=move |_| revoke.run(binding.get_value())
                                >
                                    "Revoke"
                                </button>
                            </span>
                        }
                            .into_any()
                    } else {
                        view! {
                            <button
                                type="button"
                                class="refuse"
                                aria-label=format!("Revoke the grant of {who}")
                                on:click=move |_| asked.set(true)
                            >
                                "Revoke"
                            </button>
                        }
                            .into_any()
                    }
                }}
            </div>
            {policy("Policy in force", &text)}
        </section>
    }
}

fn policy(title: &'static str, text: &str) -> impl IntoView + use<> {
    view! {
        <details>
            <summary>{title}</summary>
            <pre tabindex="0" role="region" aria-label=title><code>{code::spans("toml", text.trim_end())}</code></pre>
        </details>
    }
}

fn badge(badge: &Badge) -> impl IntoView + use<> {
    let class = match badge.kind {
        BadgeKind::CannotAsk | BadgeKind::Refused => "badge proven",
        BadgeKind::Granted => "badge",
    };
    view! { <span class=class>{badge.text.clone()}</span> " " }
}

/// `everyone`, `group:NAME` or `user:NAME` in words.
fn principal(principal: &str) -> String {
    match principal.split_once(':') {
        Some(("group", name)) => format!("Group {name}"),
        Some(("user", name)) => name.to_owned(),
        _ if principal == "everyone" => "Everyone".to_owned(),
        _ => principal.to_owned(),
    }
}
