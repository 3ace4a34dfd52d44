//! Small pieces that the pages about plugins share.

use alcove_api_types::Badge;
use leptos::prelude::*;

use super::super::badge::class_of;
use super::super::code;
use super::super::sidebar::go;
use crate::app::app;
use crate::route::Route;

/// `everyone`, `group:NAME` or `user:NAME` in words.
pub(super) fn principal(principal: &str) -> String {
    match principal.split_once(':') {
        Some(("group", name)) => format!("Group {name}"),
        Some(("user", name)) => name.to_owned(),
        _ if principal == "everyone" => "Everyone".to_owned(),
        _ => principal.to_owned(),
    }
}

/// A plugin's name without its publisher.
pub(super) fn name(id: &str) -> &str {
    id.split_once('/').map_or(id, |(_, name)| name)
}

/// "no call was running", "2 running calls were stopped".
pub(super) fn stopped(calls: u32) -> String {
    match calls {
        0 => "no call was running".to_owned(),
        1 => "1 running call was stopped".to_owned(),
        calls => format!("{calls} running calls were stopped"),
    }
}

/// The line that a refusal of a policy names: "line 4: …".
pub(super) fn line(message: &str) -> Option<usize> {
    let (_, after) = message.split_once("line ")?;
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

pub(super) fn badge(badge: &Badge) -> AnyView {
    let class = class_of(badge);
    view! { <span class=class>{badge.text.clone()}</span> " " }.into_any()
}

/// A policy's text, to be opened.
pub(super) fn policy(title: &'static str, text: &str) -> AnyView {
    view! {
        <details>
            <summary>{title}</summary>
            {policy_text(title, text)}
        </details>
    }
    .into_any()
}

pub(super) fn policy_text(title: &'static str, text: &str) -> AnyView {
    view! {
        <pre tabindex="0" role="region" aria-label=title><code>{code::spans("toml", text.trim_end())}</code></pre>
    }
    .into_any()
}

/// A list of phrases, each with a sign: what is granted, missing (−) or more (+). The sign is said
/// in words to who can't see it.
pub(super) fn phrases(sign: Sign, list: &[String]) -> AnyView {
    let (class, mark, said) = match sign {
        Sign::Granted => ("phrases", "", ""),
        Sign::Less => ("phrases less", "−", "not granted: "),
        Sign::More => ("phrases more", "+", "more: "),
    };
    let rows = list
        .iter()
        .map(|phrase| {
            view! {
                <li>
                    <span class="sign" aria-hidden="true">{mark}</span>
                    <span><span class="unseen">{said}</span>{phrase.clone()}</span>
                </li>
            }
        })
        .collect_view();
    view! { <ul class=class>{rows}</ul> }.into_any()
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Sign {
    Granted,
    Less,
    More,
}

/// A link to another of our pages.
pub(super) fn link(route: Route, text: impl Into<String>) -> AnyView {
    let app = app();
    let href = route.path();
    let click = go(move || app.router.go(route.clone()));
    view! { <a href=href on:click=click>{text.into()}</a> }.into_any()
}

/// A button whose deed is done only after a second one, which says what will happen.
#[component]
pub(super) fn Sure(
    label: &'static str,
    /// What a screen reader says in place of the label.
    about: String,
    what: &'static str,
    #[prop(into)] run: Callback<()>,
) -> impl IntoView {
    let asked = RwSignal::new(false);
    move || {
        if asked.get() {
            view! {
                <span class="sure">
                    {what}
                    <button type="button" autofocus on:click=move |_| asked.set(false)>"Keep"</button>
                    <button
                        type="button"
                        class="danger"
                        on:click=move |_| {
                            asked.set(false);
                            run.run(());
                        }
                    >
                        {label}
                    </button>
                </span>
            }
            .into_any()
        } else {
            view! {
                <button
                    type="button"
                    class="refuse"
                    aria-label=about.clone()
                    on:click=move |_| asked.set(true)
                >
                    {label}
                </button>
            }
            .into_any()
        }
    }
}
