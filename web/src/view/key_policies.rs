//! What narrows an API key: its policies, written and shown.

use alcove_api_types::KeyPolicy;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::plugins::editor::Editor;
use crate::api::{self, ApiError};
use crate::app::{AppState, app};

/// A policy that is being written for a new key.
#[derive(Clone, Copy)]
pub(super) struct Draft {
    plugin: StoredValue<String>,
    text: RwSignal<String>,
    wrong: RwSignal<Option<String>>,
}

/// The texts, once the server could read all of them: `None` where one is wrong, which is said
/// beside it. Without a text the key is as wide as its maker: `Some(None)`.
pub(super) async fn checked(drafts: RwSignal<Vec<Draft>>) -> Option<Option<Vec<String>>> {
    let drafts = drafts.get_untracked();
    let mut is_right = true;
    for draft in &drafts {
        let text = draft.text.get_untracked();
        let read = api::read_policy(&draft.plugin.get_value(), Some(&text)).await;
        is_right &= read.is_ok();
        draft.wrong.set(read.err().map(|error| error.message()));
    }
    let texts = || drafts.iter().map(|draft| draft.text.get_untracked());
    is_right.then(|| (!drafts.is_empty()).then(|| texts().collect()))
}

/// The policies of the key that is to be made: none at first.
#[component]
pub(super) fn Narrow(
    drafts: RwSignal<Vec<Draft>>,
    problem: RwSignal<Option<String>>,
    /// What stands beside the choice of a plugin.
    children: Children,
) -> impl IntoView {
    let app = app();
    let plugins = RwSignal::new(Vec::<String>::new());
    spawn_local(async move {
        match api::plugins().await {
            Ok(list) => {
                let usable = list.into_iter().filter(|plugin| plugin.allowed.is_some());
                let _ = plugins.try_set(usable.map(|plugin| plugin.id).collect());
            }
            Err(error) => {
                let _ = problem.try_set(Some(error.message()));
            }
        }
    });
    let add = move |plugin: String| {
        spawn_local(async move {
            match granted(&app, &plugin).await {
                Ok(text) => drafts.update(|drafts| {
                    drafts.push(Draft {
                        plugin: StoredValue::new(plugin),
                        text: RwSignal::new(text),
                        wrong: RwSignal::new(None),
                    });
                }),
                Err(error) => problem.set(Some(error.message())),
            }
        });
    };
    let left = move || {
        let taken = drafts.get();
        let mut left = plugins.get();
        left.retain(|plugin| taken.iter().all(|own| own.plugin.get_value() != *plugin));
        left
    };
    view! {
        {move || {
            drafts
                .get()
                .into_iter()
                .map(|draft| {
                    let plugin = draft.plugin.get_value();
                    let remove = move |_| {
                        drafts.update(|all| all.retain(|own| own.plugin != draft.plugin));
                    };
                    view! {
                        <div class="key-policy">
                            <Editor
                                id=format!("key-policy-{}", plugin.replace('/', "-"))
                                label=format!("Only {plugin}, and no more than:")
                                text=draft.text
                                wrong=draft.wrong
                            />
                            <button type="button" on:click=remove>
                                "Remove"
                            </button>
                        </div>
                    }
                })
                .collect_view()
        }}
        <p class="hint">
            {move || match drafts.with(Vec::is_empty) {
                true => "It may use all of your tools, unless you narrow it to some.",
                false => "It may use no other tools than these, and change nothing here.",
            }}
        </p>
        <div class="row">
            <select
                class="add-policy"
                aria-label="Narrow it to a plugin"
                on:change=move |event| {
                    let plugin = event_target_value(&event);
                    if !plugin.is_empty() {
                        add(plugin);
                    }
                }
            >
                {move || {
                    let left = left();
                    view! {
                        <option value="" selected=true>
                            "Narrow it to…"
                        </option>
                        {left
                            .into_iter()
                            .map(|plugin| {
                                let shown = plugin.clone();
                                view! { <option value=plugin>{shown}</option> }
                            })
                            .collect_view()}
                    }
                }}
            </select>
            {children()}
        </div>
    }
}

/// What the person is granted of a plugin, to be narrowed. Only an admin may read the grants; who
/// is none begins with what the plugin's author asks for.
async fn granted(app: &AppState, plugin: &str) -> Result<String, ApiError> {
    let is_admin = app
        .session
        .with_untracked(|session| session.me().is_some_and(|me| me.admin));
    let bindings = if is_admin {
        api::bindings().await?
    } else {
        Vec::new()
    };
    match bindings.into_iter().find(|own| own.plugin == plugin) {
        Some(binding) => Ok(binding.policy),
        None => Ok(api::read_policy(plugin, None).await?.policy),
    }
}

/// The plugins of a key, and their policies once somebody wants to read them.
#[component]
pub(super) fn Policies(id: String, plugins: Vec<String>) -> impl IntoView {
    let shown = RwSignal::new(None::<Result<Vec<KeyPolicy>, String>>);
    let read = move || {
        let id = id.clone();
        spawn_local(async move {
            let key = api::key(&id).await;
            let _ = shown.try_set(Some(
                key.map(|key| key.policies).map_err(|error| error.message()),
            ));
        });
    };
    let summary = match plugins.is_empty() {
        true => "Only to talk: no tools".to_owned(),
        false => format!("Only {}", plugins.join(", ")),
    };
    view! {
        <details
            class="key-policies"
            on:toggle=move |_| if shown.with_untracked(Option::is_none) { read() }
        >
            <summary>{summary}</summary>
            {move || match shown.get() {
                None => ().into_any(),
                Some(Err(text)) => view! { <p class="hint">{text}</p> }.into_any(),
                Some(Ok(policies)) => policies
                    .into_iter()
                    .map(|own| view! { <pre tabindex="0">{own.policy}</pre> })
                    .collect_view()
                    .into_any(),
            }}
        </details>
    }
}
