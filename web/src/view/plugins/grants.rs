//! The grants in force of a plugin, as an admin sees them.

use alcove_api_types::Binding;
use leptos::prelude::*;

use super::super::sign_in::Problem;
use super::asks::WaitingRequests;
use super::desk::{Desk, Draft, Sending};
use super::grant_form::GrantForm;
use super::history::HistoryView;
use super::upgrade::UpgradeView;
use super::words::{self, Sign, Sure};
use crate::api;
use crate::browser;

#[component]
pub(super) fn Grants(plugin: String) -> impl IntoView {
    let desk: Desk = expect_context();
    let id = StoredValue::new(plugin);
    let own = Memo::new(move |_| {
        let of = |binding: &&Binding| id.with_value(|id| binding.plugin == *id);
        desk.bindings
            .with(|all| all.iter().filter(of).cloned().collect::<Vec<_>>())
    });
    let draft = Memo::new(move |_| {
        desk.draft
            .get()
            .filter(|draft| id.with_value(|id| draft.plugin == *id))
    });
    let begin = move |_| {
        desk.write(Draft {
            plugin: id.get_value(),
            principal: "everyone".to_owned(),
            policy: None,
            reason: String::new(),
        });
    };
    view! {
        <div class="row heading">
            <h3>"Who may use it"</h3>
            <button type="button" class="begin-grant" on:click=begin hidden=move || draft.get().is_some()>
                "Grant…"
            </button>
        </div>
        <WaitingRequests plugin=Some(id.get_value())/>
        {move || draft.get().map(|draft| view! { <GrantForm draft/> })}
        {move || {
            let own = own.get();
            if own.is_empty() {
                view! { <p class="hint nobody">"Nobody. Nothing of it runs until it is granted."</p> }.into_any()
            } else {
                own.into_iter().map(|binding| view! { <BindingView binding/> }).collect_view().into_any()
            }
        }}
        <HistoryView plugin=id.get_value()/>
    }
}

#[component]
fn BindingView(binding: Binding) -> impl IntoView {
    let desk: Desk = expect_context();
    let sending = Sending::new();
    let who = words::principal(&binding.principal);
    let mut made = format!(
        "version {} · granted by {} on {}",
        binding.version,
        binding.author,
        browser::date(binding.created_at_ms)
    );
    if let Some(at) = binding.expires_at_ms {
        made.push_str(&format!(" · ends {}", browser::date(at)));
    }
    let reason =
        (!binding.reason.is_empty()).then(|| view! { <p class="why">{binding.reason.clone()}</p> });
    let words = match &binding.words {
        Some(words) => {
            let grants = match words.grants.is_empty() {
                true => view! { <p class="hint">"Computing within the default limits, nothing else."</p> }
                    .into_any(),
                false => words::phrases(Sign::Granted, &words.grants),
            };
            let withheld = (!words.withheld.is_empty()).then(|| {
                view! {
                    <p class="phrases-title">"Narrowed: asked for and not granted"</p>
                    {words::phrases(Sign::Less, &words.withheld)}
                }
            });
            let beyond = (!words.beyond.is_empty()).then(|| {
                view! {
                    <p class="phrases-title">"Granted beyond what is asked for"</p>
                    {words::phrases(Sign::More, &words.beyond)}
                }
            });
            let warning = words.warning.clone();
            let warning = warning.map(|warning| view! { <p class="warning">{warning}</p> });
            view! { {grants} {withheld} {beyond} {warning} }.into_any()
        }
        None => view! {
            <p class="hint">"This version of the server can't read its policy, so it grants nothing."</p>
        }
        .into_any(),
    };
    let upgrade = binding.upgrade.clone();
    let upgrade = upgrade.map(|upgrade| {
        let binding = binding.clone();
        view! { <UpgradeView binding upgrade/> }
    });
    let text = words::policy("Policy in force", &binding.policy);
    let (id, plugin) = (binding.id.clone(), binding.plugin.clone());
    let revoked = who.clone();
    let revoke = move |()| {
        let (id, plugin, who) = (id.clone(), plugin.clone(), revoked.clone());
        sending.send(
            async move { api::revoke_binding(&id).await },
            move |answer| {
                let stopped = words::stopped(answer.stopped_calls);
                desk.said(format!(
                    "{who} may no longer use {plugin} by this grant; {stopped}."
                ));
            },
        );
    };
    let draft = Draft {
        plugin: binding.plugin,
        principal: binding.principal,
        policy: Some(binding.policy),
        reason: String::new(),
    };
    let (change, about) = (
        format!("Change what {who} may do"),
        format!("Revoke the grant of {who}"),
    );
    view! {
        <section class="card binding">
            <div class="row">
                <span><strong>{who}</strong> <small>{made}</small></span>
                <span class="line">
                    <button type="button" aria-label=change on:click=move |_| desk.write(draft.clone())>
                        "Change…"
                    </button>
                    <Sure label="Revoke" about what="Running calls stop." run=revoke/>
                </span>
            </div>
            {reason}
            <Problem problem=sending.problem/>
            {words}
            {text}
            {upgrade}
        </section>
    }
}
