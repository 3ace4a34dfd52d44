//! Granting, whole or narrowed: the policy's text, and what it means beside what is asked for.

use alcove_api_types::{CreateBinding, InWords};
use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::super::sign_in::Problem;
use super::asks::MAX_REASON;
use super::desk::{Desk, Draft, Sending};
use super::editor::Editor;
use super::words::{self, Sign};
use crate::api::{self, ApiError};
use crate::browser;

/// A text is read by the server when nobody has typed for so long.
const PAUSE_MS: i32 = 250;
const DAY_MS: u64 = 86_400_000;
/// For how many days a grant may hold; 0 is for ever.
const DAYS: [(u64, &str); 5] = [
    (0, "until it is revoked"),
    (1, "for a day"),
    (7, "for a week"),
    (30, "for 30 days"),
    (365, "for a year"),
];

#[component]
pub(super) fn GrantForm(draft: Draft) -> impl IntoView {
    let desk: Desk = expect_context();
    let sending = Sending::new();
    let Draft {
        plugin,
        principal,
        policy,
        reason,
    } = draft;
    let plugin = StoredValue::new(plugin);
    let to = RwSignal::new(principal);
    let reason = RwSignal::new(reason);
    let days = RwSignal::new(0_u64);
    let beyond = RwSignal::new(false);
    // What the author asks for, to know whether the grant is whole.
    let asked = RwSignal::new(None::<String>);
    let text = RwSignal::new(policy.clone().unwrap_or_default());
    let meaning = RwSignal::new(None::<InWords>);
    let wrong = RwSignal::new(None::<String>);

    let is_given = policy.is_some();
    spawn_local(async move {
        match api::read_policy(&plugin.get_value(), None).await {
            Ok(read) => {
                let _ = asked.try_set(Some(read.policy.clone()));
                if !is_given {
                    let _ = text.try_set(read.policy);
                }
            }
            Err(error) => desk.failed(sending.problem, &error),
        }
    });
    Effect::new(move |_| {
        let written = text.get();
        if written.is_empty() {
            return;
        }
        spawn_local(async move {
            browser::sleep(PAUSE_MS).await;
            let is_last = || text.try_with_untracked(|text| *text == written) == Some(true);
            if !is_last() {
                return;
            }
            let read = api::read_policy(&plugin.get_value(), Some(&written)).await;
            if !is_last() {
                return;
            }
            match read {
                Ok(read) => {
                    let _ = wrong.try_set(None);
                    let _ = meaning.try_set(Some(read.words));
                }
                Err(error @ ApiError::Refused { status: 422, .. }) => {
                    let _ = wrong.try_set(Some(error.message()));
                }
                Err(error) => desk.failed(sending.problem, &error),
            }
        });
    });

    browser::focus("#grant-to");

    let is_beyond = Memo::new(move |_| {
        meaning.with(|words| words.as_ref().is_some_and(|words| !words.beyond.is_empty()))
    });
    let replaces = Memo::new(move |_| {
        let to = to.get();
        desk.bindings.with(|all| {
            let standing = all.iter().find(|binding| {
                plugin.with_value(|id| binding.plugin == *id) && binding.principal == to
            })?;
            Some(standing.version)
        })
    });
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let policy = text.get_untracked();
        let is_whole = asked.with_untracked(|asked| asked.as_deref() == Some(policy.as_str()));
        let create = CreateBinding {
            plugin: plugin.get_value(),
            principal: to.get_untracked(),
            policy: (!is_whole).then_some(policy),
            reason: reason.get_untracked().trim().to_owned(),
            expires_in_ms: Some(days.get_untracked() * DAY_MS).filter(|ms| *ms > 0),
            beyond_request: beyond.get_untracked() && is_beyond.get_untracked(),
            accept_upgrade: false,
        };
        sending.send(async move { api::grant(&create).await }, move |binding| {
            let who = words::principal(&binding.principal);
            let _ = desk.draft.try_set(None);
            desk.said(format!("{who} may use {} now.", binding.plugin));
        });
    };
    let cannot = move || {
        sending.busy.get()
            || asked.with(Option::is_none)
            || wrong.with(Option::is_some)
            || (is_beyond.get() && !beyond.get())
    };
    view! {
        <form class="card grant-form" on:submit=submit>
            <div class="fields">
                <div class="field">
                    <label for="grant-to">"To"</label>
                    <Who id="grant-to" to is_for_all=true/>
                </div>
                <div class="field">
                    <label for="grant-until">"Holds"</label>
                    <select
                        id="grant-until"
                        on:change=move |event| days.set(event_target_value(&event).parse().unwrap_or(0))
                    >
                        {DAYS
                            .into_iter()
                            .map(|(days, words)| view! { <option value=days.to_string()>{words}</option> })
                            .collect_view()}
                    </select>
                </div>
                <div class="field">
                    <label for="grant-reason">"Reason"</label>
                    <input
                        id="grant-reason"
                        type="text"
                        autocomplete="off"
                        maxlength=MAX_REASON
                        placeholder="For the record"
                        prop:value=move || reason.get()
                        on:input=move |event| reason.set(event_target_value(&event))
                    />
                </div>
            </div>
            <div class="beside">
                <div>
                    <Editor id="grant-policy" label="Policy: take out what it shall not do" text wrong/>
                    <button
                        type="button"
                        class="quiet"
                        hidden=move || asked.with(|asked| text.with(|text| asked.as_ref().is_none_or(|asked| asked == text)))
                        on:click=move |_| text.set(asked.get_untracked().unwrap_or_default())
                    >
                        "Back to what is asked for"
                    </button>
                </div>
                <div class="meaning" aria-live="polite">
                    {move || meaning.get().map(|words| show(&words, wrong.with(Option::is_some)))}
                </div>
            </div>
            {move || {
                is_beyond
                    .get()
                    .then(|| {
                        view! {
                            <label class="check">
                                <input
                                    type="checkbox"
                                    prop:checked=move || beyond.get()
                                    on:change=move |event| beyond.set(event_target_checked(&event))
                                />
                                "Grant more than the author asks for"
                            </label>
                        }
                    })
            }}
            <Problem problem=sending.problem/>
            <div class="line">
                <button type="submit" class="primary" disabled=cannot>
                    {move || format!("Grant to {}", words::principal(&to.get()))}
                </button>
                <button type="button" on:click=move |_| desk.draft.set(None)>"Cancel"</button>
                <span class="hint">
                    {move || {
                        replaces
                            .get()
                            .map(|version| {
                                format!("It replaces version {version}; calls that run under that are stopped.")
                            })
                    }}
                </span>
            </div>
        </form>
    }
}

/// What the text means, beside what is asked for.
fn show(words: &InWords, is_old: bool) -> AnyView {
    let title = match (words.withheld.is_empty(), words.beyond.is_empty()) {
        (true, true) => "Whole: all that is asked for",
        (false, true) => "Narrowed",
        (true, false) => "More than is asked for",
        (false, false) => "Other than what is asked for",
    };
    let grants = match words.grants.is_empty() {
        true => view! { <p class="hint">"Computing within the default limits, nothing else."</p> }
            .into_any(),
        false => words::phrases(Sign::Granted, &words.grants),
    };
    let section = |title: &'static str, sign: Sign, list: &[String]| {
        (!list.is_empty()).then(|| {
            view! { <p class="phrases-title">{title}</p> {words::phrases(sign, list)} }
        })
    };
    let warning = words.warning.clone();
    view! {
        <div class:old=is_old>
            <p class="meaning-title">{title}</p>
            <p class="phrases-title">"It may"</p>
            {grants}
            {section("Asked for and not granted", Sign::Less, &words.withheld)}
            {section("Beyond what is asked for", Sign::More, &words.beyond)}
            {warning.map(|warning| view! { <p class="warning">{warning}</p> })}
        </div>
    }
    .into_any()
}

/// Chooses a person, or whoever a grant can go to.
#[component]
pub(super) fn Who(id: &'static str, to: RwSignal<String>, is_for_all: bool) -> impl IntoView {
    let desk: Desk = expect_context();
    let option = move |value: String| {
        let words = words::principal(&value);
        let chosen = to.with_untracked(|to| *to == value);
        view! { <option value=value selected=chosen>{words}</option> }
    };
    view! {
        <select id=id on:change=move |event| to.set(event_target_value(&event))>
            {move || {
                let people = desk.principals.get();
                let mut all = Vec::new();
                if is_for_all {
                    all.push("everyone".to_owned());
                    // The group of that name is everyone.
                    let groups = people.groups.iter().filter(|name| *name != "everyone");
                    all.extend(groups.map(|name| format!("group:{name}")));
                }
                all.extend(people.users.iter().map(|name| format!("user:{name}")));
                all.into_iter().map(option).collect_view()
            }}
        </select>
    }
}
