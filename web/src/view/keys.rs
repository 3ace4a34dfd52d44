//! API keys: making, listing, revoking.

use alcove_api_types::{ApiKey, CreatedApiKey};
use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::copy::CopyButton;
use super::key_policies::{Draft, Narrow, Policies, checked};
use super::sign_in::Problem;
use crate::api;
use crate::app::app;
use crate::browser;

#[component]
pub(super) fn Keys() -> impl IntoView {
    let app = app();
    let keys = RwSignal::new(None::<Vec<ApiKey>>);
    let created = RwSignal::new(None::<CreatedApiKey>);
    let name = RwSignal::new(String::new());
    let problem = RwSignal::new(None::<String>);
    let drafts = RwSignal::new(Vec::<Draft>::new());
    let failed = move |error: api::ApiError| {
        problem.set(Some(error.message()));
        app.note(Some(&error));
    };
    let load = move || {
        spawn_local(async move {
            match api::keys().await {
                Ok(list) => {
                    let _ = keys.try_set(Some(list));
                }
                Err(error) => failed(error),
            }
        });
    };
    load();
    let create = move |event: SubmitEvent| {
        event.prevent_default();
        let text = name.get_untracked().trim().to_owned();
        if text.is_empty() {
            problem.set(Some("Say what the key is for.".to_owned()));
            return;
        }
        spawn_local(async move {
            let Some(within) = checked(drafts).await else {
                return;
            };
            match api::create_key(&text, within).await {
                Ok(key) => {
                    name.set(String::new());
                    drafts.set(Vec::new());
                    problem.set(None);
                    created.set(Some(key));
                    load();
                }
                Err(error) => failed(error),
            }
        });
    };
    let revoke = move |id: String| {
        spawn_local(async move {
            match api::revoke_key(&id).await {
                Ok(()) => {
                    created.update(|created| {
                        if created.as_ref().is_some_and(|created| created.key.id == id) {
                            *created = None;
                        }
                    });
                    load();
                }
                Err(error) => failed(error),
            }
        });
    };
    view! {
        <section>
            <h3>"API keys"</h3>
            <p class="hint">"For programs that speak to this server in your name."</p>
            {move || {
                keys.get()
                    .filter(|keys| !keys.is_empty())
                    .map(|keys| {
                        let rows = keys
                            .into_iter()
                            .map(|key| {
                                let id = key.id.clone();
                                view! {
                                    <li>
                                        <div class="row">
                                            <span>
                                                <strong>{key.name.clone()}</strong>
                                                <small>{about(&key)}</small>
                                            </span>
                                            <button
                                                type="button"
                                                class="refuse"
                                                aria-label=format!("Revoke {}", key.name)
                                                on:click=move |_| revoke(id.clone())
                                            >
                                                "Revoke"
                                            </button>
                                        </div>
                                        {key.within.as_ref().map(|plugins| {
                                            view! {
                                                <Policies id=key.id.clone() plugins=plugins.clone()/>
                                            }
                                        })}
                                    </li>
                                }
                            })
                            .collect_view();
                        view! { <ul class="rows">{rows}</ul> }
                    })
            }}
            {move || {
                created
                    .get()
                    .map(|created| {
                        let secret = created.secret;
                        let copied = secret.clone();
                        view! {
                            <div class="secret" role="status">
                                <p>"Copy the key now: it is shown only this once."</p>
                                <div class="row">
                                    <code>{secret}</code>
                                    <CopyButton text=move |()| copied.clone() label="Copy the key"/>
                                </div>
                            </div>
                        }
                    })
            }}
            <form class="new-key" on:submit=create>
                <input
                    type="text"
                    aria-label="What the new key is for"
                    placeholder="What the new key is for"
                    autocomplete="off"
                    prop:value=move || name.get()
                    on:input=move |event| name.set(event_target_value(&event))
                />
                <Narrow drafts problem>
                    <button type="submit">"Create"</button>
                </Narrow>
            </form>
            <Problem problem/>
        </section>
    }
}

fn about(key: &ApiKey) -> String {
    let mut text = format!("made {}", browser::date(key.created_at_ms));
    match key.last_used_at_ms {
        Some(at) => text.push_str(&format!(" · last used {}", browser::date(at))),
        None => text.push_str(" · never used"),
    }
    if let Some(at) = key.expires_at_ms {
        text.push_str(&format!(" · ends {}", browser::date(at)));
    }
    text
}
