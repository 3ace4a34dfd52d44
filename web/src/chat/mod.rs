//! The conversation that is shown, and the run that continues it.

mod entry;
mod files;
mod follow;
mod transcript;

use alcove_api_types::{ConversationRef, CreateResponse, Ended, Input, Response, WorkspaceFile};
use leptos::prelude::*;
use leptos::task::spawn_local;

pub(crate) use entry::{Answer, Entry, EntryKind, LogLine, Progress, Tool};
pub(crate) use files::Files;
use follow::{News, Stop};

use crate::api::{self, ApiError};
use crate::app::AppState;
use crate::browser;
use crate::route::Route;

/// A message that could not be sent for want of an answer is tried this often in all; the
/// idempotency key makes it one run.
const SEND_ATTEMPTS: u32 = 3;
/// Between these attempts.
const SEND_PAUSE_MS: i32 = 700;

/// What the conversation's place shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stage {
    /// A new conversation, or one with its entries.
    Shown,
    Loading,
    /// It can't be shown; with what to do.
    Failed(String),
}

/// A run that is going on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Run {
    /// Absent until the server has taken the message.
    pub(crate) id: Option<String>,
    /// The person has asked for a stop.
    pub(crate) stopping: bool,
    /// When it began, by the person's clock.
    pub(crate) since_ms: f64,
}

/// Handles to the state of the conversation; cheap to copy.
#[derive(Clone, Copy)]
pub(crate) struct Chat {
    pub(crate) conversation: RwSignal<Option<String>>,
    pub(crate) entries: RwSignal<Vec<Entry>>,
    pub(crate) stage: RwSignal<Stage>,
    pub(crate) run: RwSignal<Option<Run>>,
    pub(crate) reconnecting: RwSignal<bool>,
    /// What went wrong with the last thing the person did.
    pub(crate) notice: RwSignal<Option<String>>,
    /// The text in the composer.
    pub(crate) draft: RwSignal<String>,
    pub(crate) files: Files,
    /// What a screen reader says next.
    pub(crate) announcement: RwSignal<String>,
    /// Whether the end is in view, and stays so while the answer grows.
    pub(crate) pinned: RwSignal<bool>,
    /// Changes with the shown conversation: answers to older requests are dropped.
    epoch: StoredValue<u64>,
    stop: StoredValue<Stop, LocalStorage>,
}

impl Chat {
    pub(crate) fn new() -> Chat {
        Chat {
            conversation: RwSignal::new(None),
            entries: RwSignal::new(Vec::new()),
            stage: RwSignal::new(Stage::Shown),
            run: RwSignal::new(None),
            reconnecting: RwSignal::new(false),
            notice: RwSignal::new(None),
            draft: RwSignal::new(String::new()),
            files: Files::new(),
            announcement: RwSignal::new(String::new()),
            pinned: RwSignal::new(true),
            epoch: StoredValue::new(0),
            stop: StoredValue::new_local(Stop::default()),
        }
    }

    /// Shows nothing and follows nothing.
    pub(crate) fn clear(self) {
        self.stop.with_value(Stop::stop);
        self.stop.set_value(Stop::default());
        self.epoch.update_value(|epoch| *epoch += 1);
        self.conversation.set(None);
        self.entries.set(Vec::new());
        self.files.clear();
        self.stage.set(Stage::Shown);
        self.run.set(None);
        self.reconnecting.set(false);
        self.notice.set(None);
        self.announcement.set(String::new());
        self.pinned.set(true);
    }

    /// Shows the conversation of the address, unless it is shown already.
    pub(crate) fn show(self, app: AppState, id: Option<String>) {
        if self.conversation.get_untracked() == id {
            return;
        }
        self.clear();
        self.conversation.set(id.clone());
        if let Some(id) = id {
            self.load(app, id);
        }
    }

    /// Reads the conversation and follows what is still running in it.
    pub(crate) fn load(self, app: AppState, id: String) {
        self.stage.set(Stage::Loading);
        self.list_files(app);
        let epoch = self.epoch.get_value();
        spawn_local(async move {
            let answer = api::conversation(&id).await;
            if self.epoch.get_value() != epoch {
                return;
            }
            match answer {
                Ok(conversation) => {
                    app.conversations.merge(vec![conversation.summary]);
                    let items = conversation.items.into_iter();
                    let mut entries: Vec<Entry> = items.filter_map(Entry::of).collect();
                    if let Some(ended) = &conversation.ended {
                        entries.extend(ended_entry(ended));
                    }
                    self.entries.set(entries);
                    self.stage.set(Stage::Shown);
                    self.pinned.set(true);
                    if let Some(response) = conversation.running {
                        self.run.set(Some(Run {
                            id: Some(response.id.clone()),
                            stopping: false,
                            since_ms: started_ms(&response),
                        }));
                        self.follow(app, response.id);
                    }
                }
                Err(error) => {
                    app.note(Some(&error));
                    let message = if error.is_not_found() {
                        "This conversation does not exist, or it is not yours. It may have been deleted."
                            .to_owned()
                    } else {
                        error.message()
                    };
                    self.stage.set(Stage::Failed(message));
                }
            }
        });
    }

    /// Sends what is in the composer.
    pub(crate) fn send(self, app: AppState) {
        let typed = self.draft.get_untracked().trim().to_owned();
        if typed.is_empty() || self.run.with_untracked(Option::is_some) {
            return;
        }
        let text = WorkspaceFile::name_in(&typed, &untrack(|| self.files.attached()));
        let fresh = self.files.fresh.get_untracked();
        self.files.fresh.set(Vec::new());
        self.draft.set(String::new());
        self.notice.set(None);
        self.announcement.set(String::new());
        self.pinned.set(true);
        let key = browser::random_key();
        self.entries.update(|entries| {
            entries.push(Entry {
                key: key.clone(),
                kind: EntryKind::Question(text.clone()),
            });
        });
        self.run.set(Some(Run {
            id: None,
            stopping: false,
            since_ms: browser::now_ms(),
        }));
        let request = CreateResponse {
            input: Input::Text(text.clone()),
            background: true,
            conversation: self.conversation.get_untracked().map(ConversationRef::Id),
            ..CreateResponse::default()
        };
        let epoch = self.epoch.get_value();
        spawn_local(async move {
            let answer = post(&request, &key).await;
            if self.epoch.get_value() != epoch {
                // The person is elsewhere; the server owns the run, and the list shows it.
                let _ = app.conversations.refresh().await;
                return;
            }
            match answer {
                Ok(response) => self.taken(app, response),
                Err(error) => {
                    self.run.set(None);
                    self.entries
                        .update(|entries| entries.retain(|entry| entry.key != key));
                    // Nothing is lost: the text goes back, before what has been typed since, and
                    // so does what was attached.
                    self.files
                        .fresh
                        .update(|now| now.splice(0..0, fresh).for_each(drop));
                    self.draft.update(|draft| {
                        *draft = if draft.is_empty() {
                            typed
                        } else {
                            format!("{typed}\n{draft}")
                        };
                    });
                    self.notice.set(Some(error.message()));
                    app.note(Some(&error));
                    if matches!(error, ApiError::Refused { status: 503, .. }) {
                        app.server.start();
                    }
                }
            }
        });
    }

    /// The server has taken the message.
    fn taken(self, app: AppState, response: Response) {
        let named = response
            .conversation
            .as_ref()
            .map(|named| named.id().to_owned());
        if let Some(id) = named
            && self.conversation.get_untracked().as_ref() != Some(&id)
        {
            self.conversation.set(Some(id.clone()));
            app.router.replace(Route::Chat(Some(id)));
        }
        let stopping = self
            .run
            .with_untracked(|run| run.as_ref().is_some_and(|run| run.stopping));
        self.run.update(|run| {
            if let Some(run) = run {
                run.id = Some(response.id.clone());
            }
        });
        self.follow(app, response.id);
        if stopping {
            self.cancel(app);
        }
        spawn_local(async move {
            let listed = app.conversations.refresh().await;
            app.note(listed.err().as_ref());
        });
    }

    /// Stops the run: the server keeps what there is.
    pub(crate) fn cancel(self, app: AppState) {
        self.run.update(|run| {
            if let Some(run) = run {
                run.stopping = true;
            }
        });
        let id = self
            .run
            .with_untracked(|run| run.as_ref().and_then(|run| run.id.clone()));
        // Without an id the message is still on its way: `taken` comes back here.
        let Some(id) = id else { return };
        let epoch = self.epoch.get_value();
        spawn_local(async move {
            let Err(error) = api::cancel(&id).await else {
                return;
            };
            app.note(Some(&error));
            if self.epoch.get_value() == epoch {
                self.run.update(|run| {
                    if let Some(run) = run {
                        run.stopping = false;
                    }
                });
                self.notice.set(Some(format!(
                    "It could not be stopped. {}",
                    error.message()
                )));
            }
        });
    }

    fn follow(self, app: AppState, response: String) {
        self.stop.with_value(Stop::stop);
        let stop = Stop::default();
        self.stop.set_value(stop.clone());
        let transcript = transcript::Transcript::new(self);
        spawn_local(follow::follow(response, stop, move |news| match news {
            News::Events(events) => {
                if transcript.apply(events) {
                    self.ended(app);
                }
            }
            News::Lost => self.reconnecting.set(true),
            News::Back => self.reconnecting.set(false),
            News::Gone => {
                self.ended(app);
                if let Some(id) = self.conversation.get_untracked() {
                    self.load(app, id);
                }
            }
            News::SignedOut => app.signed_out(),
        }));
    }

    /// The run is over.
    fn ended(self, app: AppState) {
        self.run.set(None);
        self.reconnecting.set(false);
        self.list_files(app);
        if !browser::focus_is_elsewhere() {
            browser::focus(".composer textarea");
        }
        spawn_local(async move {
            let listed = app.conversations.refresh().await;
            app.note(listed.err().as_ref());
        });
    }
}

/// Sends a message, again where no answer came.
async fn post(request: &CreateResponse, key: &str) -> api::Result<Response> {
    let mut attempt = 1;
    loop {
        match api::create_response(request, key).await {
            Err(ApiError::Unreachable) if attempt < SEND_ATTEMPTS => {
                attempt += 1;
                browser::sleep(SEND_PAUSE_MS).await;
            }
            answer => return answer,
        }
    }
}

/// The line that says how the last response ended.
fn ended_entry(ended: &Ended) -> Option<Entry> {
    let note = transcript::ending(
        ended.status,
        ended.error.as_ref(),
        ended.incomplete_details.as_ref(),
    )?;
    Some(Entry {
        key: transcript::end_key(&ended.response_id),
        kind: EntryKind::Ended(note),
    })
}

/// When a response that was found running began; clocks that differ are not believed.
fn started_ms(response: &Response) -> f64 {
    let now = browser::now_ms();
    (response.created_at as f64 * 1_000.0).min(now)
}
