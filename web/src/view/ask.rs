//! A call that waits for the person: leave to run, or a form that the tool asks to be filled in.

use std::collections::BTreeMap;

use alcove_api_types::{
    Answer, ApprovalQuestion, Awaiting, Badge, Choice, InputQuestion, ToolCall,
};
use alcove_web_text::form::{self, Field, Kind};
use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::sign_in::Problem;
use crate::api;
use crate::app::{AppState, app};
use crate::browser;

/// How much of a digest is shown.
const DIGEST_CHARS: usize = 12;
/// The longest reason, as the server has it.
const MAX_REASON: &str = "1000";

/// What is being sent, and what went wrong with it.
#[derive(Clone, Copy)]
struct Sending {
    app: AppState,
    busy: RwSignal<bool>,
    problem: RwSignal<Option<String>>,
}

impl Sending {
    fn new() -> Sending {
        Sending {
            app: app(),
            busy: RwSignal::new(false),
            problem: RwSignal::new(None),
        }
    }

    /// Sends an answer; the run's events take the question away.
    fn send(self, id: &str, answer: Answer) {
        if self.busy.get_untracked() {
            return;
        }
        self.busy.set(true);
        self.problem.set(None);
        let (app, id) = (self.app, id.to_owned());
        spawn_local(async move {
            let Err(error) = api::answer(&id, &answer).await else {
                return;
            };
            // The question may have gone meanwhile.
            let _ = self.busy.try_set(false);
            let _ = self.problem.try_set(Some(error.message()));
            app.note(Some(&error));
        });
    }
}

/// Who asks: the tool as it is known to the host, whatever it calls itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asker {
    title: String,
    plugin: String,
    tool: String,
    digest: String,
    badges: Vec<Badge>,
}

impl Asker {
    pub(super) fn of(call: &ToolCall) -> Asker {
        Asker {
            title: call.title.clone(),
            plugin: call.plugin.clone(),
            tool: call.tool.clone(),
            digest: call.digest.chars().take(DIGEST_CHARS).collect(),
            badges: call.badges.clone(),
        }
    }
}

/// The question under a call's arguments.
#[component]
pub(super) fn AskView(awaiting: Awaiting, asker: Asker) -> impl IntoView {
    match awaiting {
        Awaiting::Approval(question) => view! { <ApprovalView question asker/> }.into_any(),
        Awaiting::Input(question) => view! { <InputView question asker/> }.into_any(),
    }
}

#[component]
fn ApprovalView(question: ApprovalQuestion, asker: Asker) -> impl IntoView {
    let Asker {
        title,
        plugin,
        tool,
        digest,
        badges,
    } = asker;
    let ApprovalQuestion {
        id,
        reason,
        urls,
        reaches: _,
        choices,
        until_ms,
    } = question;
    let sending = Sending::new();
    let id = StoredValue::new(id);
    let allow = move |answer: Answer| sending.send(&id.get_value(), answer);
    let for_chat = choices.contains(&Choice::Conversation);
    let addresses = (!urls.is_empty()).then(|| {
        let rows = urls
            .into_iter()
            .map(|url| view! { <li><code>{url}</code></li> })
            .collect_view();
        view! {
            <p class="ask-label">"It wants to send to"</p>
            <ul class="ask-urls">{rows}</ul>
        }
    });
    let may = (!badges.is_empty()).then(|| {
        let rows = badges
            .into_iter()
            .map(|badge| view! { <li>{badge.text}</li> })
            .collect_view();
        view! {
            <p class="ask-label">"What it can and cannot reach"</p>
            <ul class="ask-reach">{rows}</ul>
        }
    });
    let label = format!("May {title} run?");
    view! {
        <div class="ask" role="group" aria-label=label>
            <p class="ask-reason">{sentence(&reason)}</p>
            <p class="ask-label">{format!("{tool} of {plugin}, sha256 {digest}…")}</p>
            {addresses}
            {may}
            <Problem problem=sending.problem/>
            <Decline id sending label="Deny" until_ms>
                <button
                    type="button"
                    class="primary allow"
                    disabled=move || sending.busy.get()
                    on:click=move |_| allow(Answer::Once)
                >
                    "Allow once"
                </button>
                {for_chat
                    .then(|| {
                        view! {
                            <button
                                type="button"
                                class="allow-chat"
                                disabled=move || sending.busy.get()
                                on:click=move |_| allow(Answer::Conversation)
                            >
                                "Allow in this chat"
                            </button>
                        }
                    })}
            </Decline>
        </div>
    }
}

/// The buttons: the given ones, and a no with a reason.
#[component]
fn Decline(
    id: StoredValue<String>,
    sending: Sending,
    label: &'static str,
    until_ms: i64,
    children: Children,
) -> impl IntoView {
    let open = RwSignal::new(false);
    let reason = RwSignal::new(String::new());
    let field = NodeRef::<html::Input>::new();
    Effect::new(move |_| {
        if open.get()
            && let Some(field) = field.get()
        {
            let _ = field.focus();
        }
    });
    let deny = move || {
        let reason = reason.get_untracked().trim().to_owned();
        let reason = (!reason.is_empty()).then_some(reason);
        sending.send(&id.get_value(), Answer::Deny { reason });
    };
    let by_key = move |event: web_sys::KeyboardEvent| match event.key().as_str() {
        "Enter" if !event.is_composing() => {
            event.prevent_default();
            deny();
        }
        "Escape" => open.set(false),
        _ => {}
    };
    view! {
        <div class="ask-buttons" hidden=move || open.get()>
            {children()}
            <button
                type="button"
                class="refuse deny"
                disabled=move || sending.busy.get()
                on:click=move |_| open.set(true)
            >
                {label}"…"
            </button>
            <span class="ask-until">{until(until_ms)}</span>
        </div>
        <Show when=move || open.get()>
            <div class="ask-deny">
                <label>
                    "Why not? The assistant reads this."
                    <input
                        type="text"
                        maxlength=MAX_REASON
                        node_ref=field
                        prop:value=move || reason.get()
                        on:input=move |event| reason.set(event_target_value(&event))
                        on:keydown=by_key
                    />
                </label>
                <div class="ask-buttons">
                    <button
                        type="button"
                        class="danger deny-now"
                        disabled=move || sending.busy.get()
                        on:click=move |_| deny()
                    >
                        {label}
                    </button>
                    <button type="button" on:click=move |_| open.set(false)>
                        "Back"
                    </button>
                </div>
            </div>
        </Show>
    }
}

#[component]
fn InputView(question: InputQuestion, asker: Asker) -> impl IntoView {
    let Asker { title, plugin, .. } = asker;
    let InputQuestion {
        id,
        prompt,
        schema,
        until_ms,
    } = question;
    let sending = Sending::new();
    let fields = form::fields(&schema);
    let given = RwSignal::new(form::beginning(&fields));
    let rows = fields
        .iter()
        .cloned()
        .map(|field| view! { <FieldView field given/> })
        .collect_view();
    let id = StoredValue::new(id);
    let fields = StoredValue::new(fields);
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let value =
            fields.with_value(|fields| given.with_untracked(|given| form::value(fields, given)));
        match value {
            Ok(value) => sending.send(&id.get_value(), Answer::Input { value }),
            Err(problem) => sending.problem.set(Some(problem)),
        }
    };
    let label = format!("{title} asks");
    view! {
        <form class="ask" aria-label=label on:submit=submit novalidate>
            <p class="ask-reason">{prompt}</p>
            <p class="ask-label">{format!("{plugin} asks this, and gets what you answer.")}</p>
            <div class="ask-fields">{rows}</div>
            <Problem problem=sending.problem/>
            <Decline id sending label="Don't answer" until_ms>
                <button type="submit" class="primary" disabled=move || sending.busy.get()>
                    "Answer"
                </button>
            </Decline>
        </form>
    }
}

#[component]
fn FieldView(field: Field, given: RwSignal<BTreeMap<String, String>>) -> impl IntoView {
    let Field {
        name,
        label,
        help,
        kind,
        required,
    } = field;
    let name = StoredValue::new(name);
    let text = move || {
        given.with(|given| name.with_value(|name| given.get(name).cloned().unwrap_or_default()))
    };
    let set = move |value: String| {
        given.update(|given| {
            given.insert(name.get_value(), value);
        });
    };
    let is_open = !required && kind != Kind::Yes;
    let mark = is_open.then(|| view! { <span class="ask-optional">" (optional)"</span> });
    let help = help.map(|help| view! { <small>{help}</small> });
    let input = match kind {
        Kind::Yes => view! {
            <input
                type="checkbox"
                prop:checked=move || text() == "true"
                on:change=move |event| set(event_target_checked(&event).to_string())
            />
        }
        .into_any(),
        Kind::Choice(values) => {
            let options = values
                .into_iter()
                .map(|value| {
                    let shown = value.clone();
                    view! { <option value=value>{shown}</option> }
                })
                .collect_view();
            view! {
                <select prop:value=text on:change=move |event| set(event_target_value(&event))>
                    {options}
                </select>
            }
            .into_any()
        }
        Kind::Whole | Kind::Number => view! {
            <input
                type="text"
                inputmode=if kind == Kind::Whole { "numeric" } else { "decimal" }
                prop:value=text
                on:input=move |event| set(event_target_value(&event))
            />
        }
        .into_any(),
        Kind::Text | Kind::Json => view! {
            <input
                type="text"
                prop:value=text
                on:input=move |event| set(event_target_value(&event))
            />
        }
        .into_any(),
    };
    view! { <label class="ask-field"><span>{label}{mark}</span>{help}{input}</label> }
}

/// When the waiting is over.
fn until(until_ms: i64) -> String {
    let minutes = (until_ms as f64 - browser::now_ms()) / 60_000.0;
    let left = match minutes.ceil() as i64 {
        ..=0 => return "No answer is a no.".to_owned(),
        1 => "a minute".to_owned(),
        minutes => format!("{minutes} minutes"),
    };
    format!("Waits {left}; no answer is a no.")
}

/// The server's words as a sentence.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string());
    let end = if text.ends_with(['.', '?']) { "" } else { "." };
    format!("{}{}{end}", first.unwrap_or_default(), chars.as_str())
}
