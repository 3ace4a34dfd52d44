//! A version that asks for more than was granted, or describes itself differently.

use alcove_api_types::{Binding, CreateBinding, Upgrade};
use leptos::prelude::*;

use super::super::sign_in::Problem;
use super::desk::{Desk, Sending};
use super::words::{self, Sign};
use crate::api;
use crate::browser;

/// How much of a digest is shown.
const DIGEST_CHARS: usize = 12;

#[component]
pub(super) fn UpgradeView(binding: Binding, upgrade: Upgrade) -> impl IntoView {
    let desk: Desk = expect_context();
    let sending = Sending::new();
    let who = words::principal(&binding.principal);
    let version = upgrade.version.clone();
    // A grant that ends goes on to end then.
    let left = binding
        .expires_at_ms
        .map(|at| (at as f64 - browser::now_ms()).max(1.0) as u64);
    let create = CreateBinding {
        plugin: binding.plugin,
        principal: binding.principal,
        reason: format!("version {version} is accepted"),
        expires_in_ms: left,
        accept_upgrade: true,
        ..CreateBinding::default()
    };
    let said = format!("{who} may use version {version} now.");
    let accept = move |_| {
        let (create, said) = (create.clone(), said.clone());
        sending.send(async move { api::grant(&create).await }, move |_| {
            desk.said(said);
        });
    };
    let digest: String = upgrade.digest.chars().take(DIGEST_CHARS).collect();
    let title = format!("Version {version} waits");
    let described = (!upgrade.described.is_empty()).then(|| {
        let tools = upgrade.described.join(", ");
        view! { <p>{format!("It describes these tools differently, adds or drops them: {tools}. Models read these words: look at them above.")}</p> }
    });
    let asks = (!upgrade.asks.is_empty()).then(|| words::phrases(Sign::More, &upgrade.asks));
    view! {
        <div class="waits upgrade">
            <p>
                <strong>{title}</strong>
                <span class="muted">{format!(" sha256:{digest}… {who} stay on the version that was granted until it is accepted.")}</span>
            </p>
            {asks}
            {described}
            <Problem problem=sending.problem/>
            <div class="line">
                <button type="button" class="primary" disabled=move || sending.busy.get() on:click=accept>
                    {format!("Accept {version} for {who}")}
                </button>
            </div>
        </div>
    }
}
