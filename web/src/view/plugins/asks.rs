//! What people ask to be granted: their form, and what an admin says to it.

use alcove_api_types::{DeclineRequest, GrantRequest};
use leptos::ev::SubmitEvent;
use leptos::prelude::*;

use super::super::sign_in::Problem;
use super::desk::{Desk, Draft, Sending};
use super::words;
use crate::api;
use crate::browser;
use crate::route::Route;

/// The longest reason, as the server has it.
pub(super) const MAX_REASON: &str = "500";

/// What waits for an admin: of one plugin, or of all.
#[component]
pub(super) fn WaitingRequests(plugin: Option<String>) -> impl IntoView {
    let desk: Desk = expect_context();
    let is_one = plugin.is_some();
    let open = Memo::new(move |_| {
        desk.requests.with(|list| {
            list.iter()
                .filter(|request| request.declined.is_none())
                .filter(|request| plugin.as_ref().is_none_or(|id| *id == request.plugin))
                .cloned()
                .collect::<Vec<_>>()
        })
    });
    move || {
        if !desk.admin {
            return ().into_any();
        }
        open.get()
            .into_iter()
            .map(|request| view! { <Waiting request is_one/> })
            .collect_view()
            .into_any()
    }
}

#[component]
fn Waiting(request: GrantRequest, is_one: bool) -> impl IntoView {
    let desk: Desk = expect_context();
    let sending = Sending::new();
    let declining = RwSignal::new(false);
    let why = RwSignal::new(String::new());
    let GrantRequest {
        user,
        plugin,
        reason,
        created_at_ms,
        ..
    } = request;
    let said = match reason.is_empty() {
        true => format!("on {}, without a reason", browser::date(created_at_ms)),
        false => format!("on {}: {reason}", browser::date(created_at_ms)),
    };
    let what = match is_one {
        true => "it".into_any(),
        false => words::link(Route::Plugin(plugin.clone()), words::name(&plugin)),
    };
    let draft = Draft {
        plugin: plugin.clone(),
        principal: format!("user:{user}"),
        policy: None,
        reason,
    };
    let label = format!("Request of {user}");
    let (user, plugin) = (StoredValue::new(user), StoredValue::new(plugin));
    let decline = move |event: SubmitEvent| {
        event.prevent_default();
        let (user, plugin) = (user.get_value(), plugin.get_value());
        let done = format!("{user} is told that {plugin} is declined.");
        let body = DeclineRequest {
            user,
            reason: why.get_untracked().trim().to_owned(),
        };
        let request = async move { api::decline(&plugin, &body).await };
        sending.send(request, move |_| desk.said(done));
    };
    view! {
        <section class="waits request" aria-label=label>
            <p>
                <strong>{user.get_value()}</strong> " asks for " {what} " "
                <span class="muted">{said}</span>
            </p>
            <Problem problem=sending.problem/>
            {move || {
                if declining.get() {
                    view! {
                        <form class="line" on:submit=decline>
                            <input
                                type="text"
                                aria-label="Why not? They read this."
                                placeholder="Why not? They read this."
                                maxlength=MAX_REASON
                                autofocus
                                prop:value=move || why.get()
                                on:input=move |event| why.set(event_target_value(&event))
                            />
                            <button type="submit" class="danger" disabled=move || sending.busy.get()>
                                "Decline"
                            </button>
                            <button type="button" on:click=move |_| declining.set(false)>"Back"</button>
                        </form>
                    }
                        .into_any()
                } else {
                    let draft = draft.clone();
                    view! {
                        <div class="line">
                            <button type="button" class="primary review" on:click=move |_| desk.write(draft.clone())>
                                "Review and grant"
                            </button>
                            <button type="button" class="refuse" on:click=move |_| declining.set(true)>
                                "Decline…"
                            </button>
                        </div>
                    }
                        .into_any()
                }
            }}
        </section>
    }
}

/// How a person who has no grant stands, and the form to ask for one.
#[component]
pub(super) fn AskFor(plugin: String) -> impl IntoView {
    let desk: Desk = expect_context();
    let sending = Sending::new();
    let reason = RwSignal::new(String::new());
    let plugin = StoredValue::new(plugin);
    let own = Memo::new(move |_| {
        let me = desk.me.get_value();
        desk.requests.with(|list| {
            list.iter()
                .find(|asked| plugin.with_value(|id| asked.plugin == *id) && asked.user == me)
                .cloned()
        })
    });
    let ask = move |event: SubmitEvent| {
        event.prevent_default();
        let (id, why) = (plugin.get_value(), reason.get_untracked().trim().to_owned());
        let request = async move { api::ask_for(&id, &why).await };
        sending.send(request, move |_| {
            desk.said("You asked for it. An administrator sees it and decides.".to_owned());
        });
    };
    move || {
        let asked = own.get();
        if let Some(asked) = asked.as_ref().filter(|asked| asked.declined.is_none()) {
            let text = format!(
                "You asked for it on {}. An administrator decides.",
                browser::date(asked.created_at_ms)
            );
            return view! { <p class="asked">{text}</p> }.into_any();
        }
        let declined = asked.and_then(|asked| asked.declined).map(|why| {
            let text = match why.is_empty() {
                true => "An administrator declined it.".to_owned(),
                false => format!("An administrator declined it: {why}"),
            };
            view! { <p class="declined">{text}</p> }
        });
        view! {
            {declined}
            <form class="line ask-for" on:submit=ask>
                <input
                    type="text"
                    aria-label="What you need it for"
                    placeholder="What you need it for"
                    maxlength=MAX_REASON
                    prop:value=move || reason.get()
                    on:input=move |event| reason.set(event_target_value(&event))
                />
                <button type="submit" class="primary" disabled=move || sending.busy.get()>
                    "Ask for it"
                </button>
            </form>
            <Problem problem=sending.problem/>
        }
        .into_any()
    }
}
