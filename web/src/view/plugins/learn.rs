//! The smallest policy for a plugin's own examples.

use alcove_api_types::Learned;
use leptos::prelude::*;

use super::super::sign_in::Problem;
use super::desk::{Desk, Draft, Sending};
use super::words;
use crate::api;

#[component]
pub(super) fn LearnView(plugin: String) -> impl IntoView {
    let desk: Desk = expect_context();
    let sending = Sending::new();
    let learned = RwSignal::new(None::<Learned>);
    let plugin = StoredValue::new(plugin);
    let learn = move |_| {
        let id = plugin.get_value();
        sending.send(async move { api::learn(&id).await }, move |found| {
            let _ = learned.try_set(Some(found));
        });
    };
    view! {
        <div class="learn">
            <button type="button" disabled=move || sending.busy.get() on:click=learn>
                {move || if sending.busy.get() { "Running its examples …" } else { "Learn from its examples" }}
            </button>
            <p class="hint">
                "Runs the author's examples in the sandbox and writes the smallest policy for them. Their requests are really sent; nothing is granted."
            </p>
            <Problem problem=sending.problem/>
            {move || {
                learned
                    .get()
                    .map(|found| {
                        let ran = match found.examples {
                            0 => "It has no examples.".to_owned(),
                            1 => "1 example ran.".to_owned(),
                            ran => format!("{ran} examples ran."),
                        };
                        let notes = found.notes.into_iter().map(|note| view! { <li>{note}</li> }).collect_view();
                        let draft = Draft {
                            plugin: plugin.get_value(),
                            principal: "everyone".to_owned(),
                            policy: Some(found.policy.clone()),
                            reason: "what its examples need".to_owned(),
                        };
                        view! {
                            <p role="status">{ran}</p>
                            <ul class="notes">{notes}</ul>
                            {words::policy_text("Learnt policy", &found.policy)}
                            <button type="button" on:click=move |_| desk.write(draft.clone())>
                                "Use it for a grant"
                            </button>
                        }
                    })
            }}
        </div>
    }
}
