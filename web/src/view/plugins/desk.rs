//! What the pages about plugins share: what was read from the server, and a grant being written.

use std::pin::Pin;

use alcove_api_types::{Binding, GrantRequest, Plugin, Principals};
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::api::{self, ApiError};
use crate::app::AppState;
use crate::browser;
use crate::route::Route;

/// For how long it is shown what was done.
const SHOWN_MS: i32 = 8_000;

/// A grant that an admin is about to give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) plugin: String,
    /// `everyone`, `group:NAME` or `user:NAME`.
    pub(super) principal: String,
    /// What the author asks for where absent.
    pub(super) policy: Option<String>,
    pub(super) reason: String,
}

/// A cheap handle.
#[derive(Clone, Copy)]
pub(super) struct Desk {
    app: AppState,
    pub(super) admin: bool,
    /// The name of whoever looks.
    pub(super) me: StoredValue<String>,
    /// `None` until they were read.
    pub(super) plugins: RwSignal<Option<Vec<Plugin>>>,
    /// Nothing for who is no admin.
    pub(super) bindings: RwSignal<Vec<Binding>>,
    /// Those of others only for an admin.
    pub(super) requests: RwSignal<Vec<GrantRequest>>,
    pub(super) principals: RwSignal<Principals>,
    pub(super) draft: RwSignal<Option<Draft>>,
    /// Why the pages could not be read.
    pub(super) problem: RwSignal<Option<String>>,
    /// What was just done.
    pub(super) done: RwSignal<Option<String>>,
}

impl Desk {
    pub(super) fn new(app: AppState) -> Desk {
        let me = app
            .session
            .with_untracked(|session| session.me().cloned())
            .map(|me| (me.username, me.admin));
        let (name, admin) = me.unwrap_or_default();
        Desk {
            app,
            admin,
            me: StoredValue::new(name),
            plugins: RwSignal::new(None),
            bindings: RwSignal::new(Vec::new()),
            requests: RwSignal::new(Vec::new()),
            principals: RwSignal::new(Principals {
                users: Vec::new(),
                groups: Vec::new(),
            }),
            draft: RwSignal::new(None),
            problem: RwSignal::new(None),
            done: RwSignal::new(None),
        }
    }

    /// Reads everything anew. What is drawn changes only where something is different.
    pub(super) fn load(self) {
        spawn_local(async move {
            match self.read().await {
                Ok(()) => {
                    let _ = self.problem.try_set(None);
                }
                Err(error) => self.failed(self.problem, &error),
            }
        });
    }

    async fn read(self) -> api::Result<()> {
        let requests = api::requests().await?;
        if self.admin {
            let _ = self.bindings.try_set(api::bindings().await?);
            let _ = self.principals.try_set(api::principals().await?);
        }
        let plugins = api::plugins().await?;
        let _ = self.requests.try_set(requests);
        let _ = self.plugins.try_set(Some(plugins));
        Ok(())
    }

    /// Says what went wrong where it did. The place may be gone by then.
    pub(super) fn failed(self, place: RwSignal<Option<String>>, error: &ApiError) {
        let _ = place.try_set(Some(error.message()));
        self.app.note(Some(error));
    }

    /// Says what was done, and shows how things stand now.
    pub(super) fn said(self, text: String) {
        let _ = self.done.try_set(Some(text.clone()));
        self.load();
        spawn_local(async move {
            browser::sleep(SHOWN_MS).await;
            let is_still = self
                .done
                .try_with_untracked(|done| done.as_ref() == Some(&text));
            if is_still == Some(true) {
                let _ = self.done.try_set(None);
            }
        });
    }

    /// Opens the form for a grant.
    pub(super) fn write(self, draft: Draft) {
        let place = Route::Plugin(draft.plugin.clone());
        self.app.router.go(place);
        self.draft.set(Some(draft));
    }
}

/// A form that talks to the server: whether it is busy, and what went wrong.
#[derive(Clone, Copy)]
pub(super) struct Sending {
    pub(super) desk: Desk,
    pub(super) busy: RwSignal<bool>,
    pub(super) problem: RwSignal<Option<String>>,
}

impl Sending {
    pub(super) fn new() -> Sending {
        Sending {
            desk: expect_context(),
            busy: RwSignal::new(false),
            problem: RwSignal::new(None),
        }
    }

    /// Sends one request at a time, and does the rest when it succeeded.
    pub(super) fn send<T: 'static>(
        self,
        request: impl Future<Output = api::Result<T>> + 'static,
        then: impl FnOnce(T) + 'static,
    ) {
        if self.busy.get_untracked() {
            return;
        }
        self.busy.set(true);
        self.problem.set(None);
        self.watch(Box::pin(async move {
            then(request.await?);
            Ok(())
        }));
    }

    /// The same for all requests, so that it is compiled once.
    fn watch(self, request: Pin<Box<dyn Future<Output = api::Result<()>>>>) {
        spawn_local(async move {
            let answer = request.await;
            let _ = self.busy.try_set(false);
            if let Err(error) = answer {
                self.desk.failed(self.problem, &error);
            }
        });
    }
}
