//! One plugin: what it is, what it may do for whom, and what somebody can do about that.

use alcove_web_text::format;
use leptos::prelude::*;

use super::asks::AskFor;
use super::desk::Desk;
use super::explain::ExplainView;
use super::facts::{Facts, Tools};
use super::grants::Grants;
use super::words::{self, Sign};
use crate::route::Route;

/// How much of a digest is shown.
const DIGEST_CHARS: usize = 12;

#[component]
pub(super) fn PluginView(id: String) -> impl IntoView {
    let desk: Desk = expect_context();
    let wanted = id.clone();
    let plugin = Memo::new(move |_| {
        desk.plugins.with(|list| {
            let list = list.as_ref()?;
            list.iter().find(|plugin| plugin.id == wanted).cloned()
        })
    });
    let is_there = Memo::new(move |_| plugin.with(Option::is_some));
    move || {
        if !is_there.get() {
            return view! {
                <p class="hint">
                    {format!("{id} is not installed. ")} {words::link(Route::Plugins, "See what is")} "."
                </p>
            }
            .into_any();
        }
        let (for_facts, for_grants, for_explain) = (id.clone(), id.clone(), id.clone());
        view! {
            <article class="plugin">
                {move || {
                    plugin
                        .get()
                        .map(|plugin| {
                            let (publisher, name) = plugin.id.split_once('/').unwrap_or(("", &plugin.id));
                            let digest: String = plugin.digest.chars().take(DIGEST_CHARS).collect();
                            let made = plugin
                                .is_generated
                                .then_some(" · manifest made from its types");
                            view! {
                                <h2>{name.to_owned()}</h2>
                                <p class="origin">
                                    {publisher.to_owned()} " · " {plugin.version.clone()} " · "
                                    <span title=plugin.digest.clone()>"sha256:" {digest} "…"</span> " · "
                                    {format::bytes(plugin.size_bytes)} {made}
                                </p>
                            }
                        })
                }}
                <Facts id=for_facts plugin/>
                <Tools plugin/>
                {if desk.admin {
                    view! { <Grants plugin=for_grants/> }.into_any()
                } else {
                    (move || yours(plugin.get().and_then(|plugin| plugin.allowed), &for_grants)).into_any()
                }}
                <ExplainView plugin=for_explain/>
            </article>
        }
        .into_any()
    }
}

/// What the person who looks may do with it.
fn yours(allowed: Option<Vec<String>>, id: &str) -> AnyView {
    let stands = match allowed {
        Some(phrases) if phrases.is_empty() => view! {
            <p>"You may use it: it computes within the default limits, and does nothing else."</p>
        }
        .into_any(),
        Some(phrases) => view! {
            <p>"You may use it. It is granted:"</p>
            {words::phrases(Sign::Granted, &phrases)}
        }
        .into_any(),
        None => view! {
            <p>"It is not granted to you, so it does nothing in your chats."</p>
            <AskFor plugin=id.to_owned()/>
        }
        .into_any(),
    };
    view! {
        <h3>"What you may do with it"</h3>
        <section class="card yours">{stands}</section>
    }
    .into_any()
}
