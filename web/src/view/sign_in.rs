//! Signing in, and the first start.

use alcove_api_types::{SetUp, SignIn};
use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::icon;
use crate::api::{self, ApiError};
use crate::app::app;
use crate::route::{self, Route};

/// The shortest password that the server takes.
const MIN_PASSWORD_CHARS: usize = 10;
/// The longest account name.
const MAX_NAME_CHARS: usize = 64;

#[component]
pub(super) fn SignInPage() -> impl IntoView {
    let app = app();
    let name = RwSignal::new(String::new());
    let password = RwSignal::new(String::new());
    let problem = RwSignal::new(None::<String>);
    let busy = RwSignal::new(false);
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() {
            return;
        }
        let body = SignIn {
            username: name.get_untracked().trim().to_owned(),
            password: password.get_untracked(),
        };
        if body.username.is_empty() || body.password.is_empty() {
            problem.set(Some("Enter your name and your password.".to_owned()));
            return;
        }
        busy.set(true);
        problem.set(None);
        spawn_local(async move {
            match api::sign_in(&body).await {
                Ok(()) => app.start(),
                Err(error) => {
                    problem.set(Some(error.message()));
                    busy.set(false);
                    crate::browser::focus("#password");
                }
            }
        });
    };
    view! {
        <main class="centre">
            <form class="entry" on:submit=submit>
                {icon::logo()}
                <h1>"Sign in to Alcove"</h1>
                <Field id="username" label="Name" value=name complete="username" focus=true/>
                <Field id="password" label="Password" value=password complete="current-password" secret=true/>
                <Problem problem/>
                <button type="submit" class="primary wide" disabled=move || busy.get()>
                    {move || if busy.get() { "Signing in" } else { "Sign in" }}
                </button>
                <p class="hint">
                    "First start? Open the link that the server printed: it creates the account."
                </p>
            </form>
        </main>
    }
}

#[component]
pub(super) fn SetUpPage() -> impl IntoView {
    let app = app();
    let token = StoredValue::new(route::setup_token());
    let name = RwSignal::new(String::new());
    let password = RwSignal::new(String::new());
    let again = RwSignal::new(String::new());
    let problem = RwSignal::new(None::<String>);
    let busy = RwSignal::new(false);
    let check = move || {
        let length = name.with_untracked(|name| name.trim().chars().count());
        if length == 0 || length > MAX_NAME_CHARS {
            return Err("Choose a name of 1 to 64 characters.");
        }
        if password.with_untracked(|text| text.chars().count()) < MIN_PASSWORD_CHARS {
            return Err("Choose a password of at least 10 characters.");
        }
        if password.get_untracked() != again.get_untracked() {
            return Err("The two passwords differ. Type them again.");
        }
        Ok(())
    };
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let Some(token) = token.get_value() else {
            return;
        };
        if busy.get_untracked() {
            return;
        }
        if let Err(wrong) = check() {
            problem.set(Some(wrong.to_owned()));
            return;
        }
        let set_up = SetUp {
            token,
            username: name.get_untracked().trim().to_owned(),
            password: password.get_untracked(),
        };
        busy.set(true);
        problem.set(None);
        spawn_local(async move {
            match api::set_up(&set_up).await {
                Ok(()) => {
                    // The token leaves the address, and with it the history.
                    app.router.replace(Route::Chat(None));
                    app.start();
                }
                Err(error) => {
                    problem.set(Some(explain(&error)));
                    busy.set(false);
                }
            }
        });
    };
    let form = move || {
        view! {
            <form class="entry" on:submit=submit>
                {icon::logo()}
                <h1>"Welcome to Alcove"</h1>
                <p>"This is the first start. Create the account that runs this server."</p>
                <Field id="username" label="Name" value=name complete="username" focus=true/>
                <Field
                    id="password"
                    label="Password"
                    value=password
                    complete="new-password"
                    secret=true
                    hint="At least 10 characters."
                />
                <Field id="password-again" label="Password, again" value=again complete="new-password" secret=true/>
                <Problem problem/>
                <button type="submit" class="primary wide" disabled=move || busy.get()>
                    {move || if busy.get() { "Creating the account" } else { "Create the account" }}
                </button>
            </form>
        }
    };
    view! {
        <main class="centre">
            {if token.with_value(Option::is_some) {
                form().into_any()
            } else {
                view! {
                    <div class="entry">
                        {icon::logo()}
                        <h1>"The link is not whole"</h1>
                        <p>
                            "It must end in #token=… as the server printed it. Copy all of it, or start the server again to see it."
                        </p>
                        <a class="button" href="/">"Sign in instead"</a>
                    </div>
                }
                    .into_any()
            }}
        </main>
    }
}

fn explain(error: &ApiError) -> String {
    match error {
        ApiError::Unreachable => error.message(),
        ApiError::SignedOut => "The link is not valid any more. Sign in instead.".to_owned(),
        ApiError::Refused { message, .. } => message.clone(),
    }
}

/// A labelled input.
#[component]
fn Field(
    id: &'static str,
    label: &'static str,
    value: RwSignal<String>,
    complete: &'static str,
    #[prop(optional)] secret: bool,
    #[prop(optional)] focus: bool,
    #[prop(optional)] hint: Option<&'static str>,
) -> impl IntoView {
    let hint_id = format!("{id}-hint");
    let described = hint.map(|_| hint_id.clone());
    view! {
        <div class="field">
            <label for=id>{label}</label>
            <input
                id=id
                name=id
                type=if secret { "password" } else { "text" }
                autocomplete=complete
                autocapitalize="off"
                spellcheck="false"
                autofocus=focus
                required
                aria-describedby=described
                prop:value=move || value.get()
                on:input=move |event| value.set(event_target_value(&event))
            />
            {hint.map(|hint| view! { <p class="hint" id=hint_id>{hint}</p> })}
        </div>
    }
}

/// What went wrong with a form.
#[component]
pub(super) fn Problem(problem: RwSignal<Option<String>>) -> impl IntoView {
    view! {
        <div role="alert" class="problem">
            {move || {
                problem
                    .get()
                    .map(|text| {
                        view! {
                            <div class="notice">
                                {icon::icon(icon::WARNING)}
                                <p>{text}</p>
                            </div>
                        }
                    })
            }}
        </div>
    }
}
