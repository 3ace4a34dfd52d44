//! What no grant of the organisation can exceed.

use alcove_api_types::{Ceiling, SetCeiling};
use leptos::ev::SubmitEvent;
use leptos::prelude::*;

use super::super::sign_in::Problem;
use super::asks::MAX_REASON;
use super::desk::{Desk, Sending};
use super::editor::Editor;
use super::words::{self, Sure};
use crate::api;
use crate::browser;

/// What an empty editor begins with.
const EXAMPLE: &str = "version = 1\n\n[[deny]]\nhost   = \"*.intranet.example\"\nreason = \"our own servers are not for tools\"\n";

#[component]
pub(super) fn CeilingView() -> impl IntoView {
    let desk: Desk = expect_context();
    let reading = Sending::new();
    let ceiling = RwSignal::new(None::<Ceiling>);
    let load = move || {
        reading.send(api::ceiling(), move |found| {
            let _ = ceiling.try_set(Some(found));
        });
    };
    load();
    view! {
        <h2>"The organisation's ceiling"</h2>
        <p class="lead">
            "The only place with " <code>"deny"</code> ", and it wins over every grant. It grants nothing itself. Changing it stops the calls that run under the old one."
        </p>
        <Problem problem=reading.problem/>
        {move || match ceiling.get() {
            None if reading.problem.with(Option::is_some) => {
                view! { <button type="button" on:click=move |_| load()>"Try again"</button> }.into_any()
            }
            None => view! { <p class="hint" role="status">"Reading …"</p> }.into_any(),
            Some(ceiling) if desk.admin => {
                view! { <Edit ceiling changed=move |()| load()/> }.into_any()
            }
            Some(ceiling) if ceiling.policy.is_empty() => {
                view! { <p class="hint">"There is none: grants decide alone."</p> }.into_any()
            }
            Some(ceiling) => {
                view! {
                    <section class="card">
                        {about(&ceiling)} {words::policy_text("Ceiling", &ceiling.policy)}
                    </section>
                }
                    .into_any()
            }
        }}
    }
}

#[component]
fn Edit(ceiling: Ceiling, #[prop(into)] changed: Callback<()>) -> impl IntoView {
    let sending = Sending::new();
    let desk = sending.desk;
    let is_set = !ceiling.policy.is_empty();
    let text = RwSignal::new(match is_set {
        true => ceiling.policy.clone(),
        false => EXAMPLE.to_owned(),
    });
    let reason = RwSignal::new(String::new());
    let done = move |stopped: u32, what: &'static str| {
        desk.said(format!("{what}; {}.", words::stopped(stopped)));
        changed.run(());
    };
    let save = move |event: SubmitEvent| {
        event.prevent_default();
        let set = SetCeiling {
            policy: text.get_untracked(),
            reason: reason.get_untracked().trim().to_owned(),
        };
        sending.send(async move { api::set_ceiling(&set).await }, move |answer| {
            done(answer.stopped_calls, "The ceiling is set");
        });
    };
    let clear = move |()| {
        sending.send(api::clear_ceiling(), move |answer| {
            done(answer.stopped_calls, "The ceiling is taken away");
        });
    };
    // The server's refusal names a line: it belongs beside the text.
    Effect::new(move |_| {
        text.track();
        sending.problem.set(None);
    });
    view! {
        {about(&ceiling)}
        <form class="card ceiling" on:submit=save>
            <Editor id="ceiling-policy" label="Ceiling" text wrong=sending.problem/>
            <div class="field">
                <label for="ceiling-reason">"Reason"</label>
                <input
                    id="ceiling-reason"
                    type="text"
                    autocomplete="off"
                    maxlength=MAX_REASON
                    placeholder="For the record"
                    prop:value=move || reason.get()
                    on:input=move |event| reason.set(event_target_value(&event))
                />
            </div>
            <div class="line">
                <button type="submit" class="primary" disabled=move || sending.busy.get()>"Set the ceiling"</button>
                {is_set
                    .then(|| {
                        view! {
                            <Sure
                                label="Take it away"
                                about="Take the ceiling away".to_owned()
                                what="Grants decide alone then."
                                run=clear
                            />
                        }
                    })}
            </div>
        </form>
    }
}

fn about(ceiling: &Ceiling) -> AnyView {
    if ceiling.policy.is_empty() {
        return view! { <p class="hint">"None is set: grants decide alone. Below is an example to begin with."</p> }
            .into_any();
    }
    let mut text = format!(
        "Version {} by {}, {}",
        ceiling.version,
        ceiling.author,
        browser::date(ceiling.created_at_ms)
    );
    if !ceiling.reason.is_empty() {
        text.push_str(&format!(": {}", ceiling.reason));
    }
    view! { <p class="hint">{text}</p> }.into_any()
}
