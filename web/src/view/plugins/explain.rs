//! "May this plugin send that request for this person, and which line decides?"

use alcove_api_types::{Explain, Explanation};
use leptos::ev::SubmitEvent;
use leptos::prelude::*;

use super::super::sign_in::Problem;
use super::desk::{Desk, Sending};
use super::grant_form::Who;
use super::words;
use crate::api;

const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

#[component]
pub(super) fn ExplainView(plugin: String) -> impl IntoView {
    let desk: Desk = expect_context();
    let sending = Sending::new();
    let method = RwSignal::new("GET".to_owned());
    let url = RwSignal::new(String::new());
    let whose = RwSignal::new(format!("user:{}", desk.me.get_value()));
    let answer = RwSignal::new(None::<Explanation>);
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let whose = whose.get_untracked();
        let body = Explain {
            key: None,
            plugin: plugin.clone(),
            user: whose.strip_prefix("user:").map(str::to_owned),
            method: method.get_untracked(),
            url: url.get_untracked().trim().to_owned(),
        };
        answer.set(None);
        sending.send(async move { api::explain(&body).await }, move |found| {
            let _ = answer.try_set(Some(found));
        });
    };
    view! {
        <h3>"Would it be allowed?"</h3>
        <form class="card explain" on:submit=submit>
            <div class="line">
                <select
                    aria-label="Method"
                    on:change=move |event| method.set(event_target_value(&event))
                >
                    {METHODS.map(|method| view! { <option value=method>{method}</option> }).collect_view()}
                </select>
                <input
                    type="text"
                    inputmode="url"
                    aria-label="Address"
                    placeholder="https://…"
                    autocomplete="off"
                    spellcheck="false"
                    prop:value=move || url.get()
                    on:input=move |event| url.set(event_target_value(&event))
                />
                {desk.admin.then(|| view! { <span class="for">"for" <label class="unseen" for="explain-for">"Person"</label> <Who id="explain-for" to=whose is_for_all=false/></span> })}
                <button type="submit" disabled=move || sending.busy.get()>"Ask"</button>
            </div>
            <Problem problem=sending.problem/>
            <div role="status">{move || answer.get().map(show)}</div>
        </form>
    }
}

fn show(answer: Explanation) -> AnyView {
    let Explanation {
        allowed,
        why,
        bindings: _,
        addresses,
        grant,
    } = answer;
    let (class, word) = match allowed {
        true => ("badge proven", "allowed"),
        false => ("badge refused", "denied"),
    };
    let goes = (!addresses.is_empty())
        .then(|| view! { <p class="hint">{format!("It may go to {addresses}.")}</p> });
    let lines = (!grant.is_empty()).then(|| {
        view! {
            <p class="phrases-title">"These lines in its policy would allow it"</p>
            {words::policy_text("Policy", &grant)}
        }
    });
    view! {
        <p class="verdict"><span class=class>{word}</span> {why}</p>
        {goes}
        {lines}
    }
    .into_any()
}
