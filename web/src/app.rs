//! What the whole client shares.

use alcove_api_types::PassageReference;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::api::{self, ApiError};
use crate::browser;
use crate::chat::Chat;
use crate::conversations::Conversations;
use crate::readiness::Poll;
use crate::route::{Route, Router};
use crate::session::Session;
use crate::theme::Theme;

/// Between two attempts to reach a server that does not answer at the start.
const RETRY_MS: i32 = 1_500;

/// A question that stands before everything else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Dialog {
    Settings,
    Rename { id: String, title: String },
    Delete { id: String, title: String },
    Source(PassageReference),
}

/// Handles to all state; cheap to copy.
#[derive(Clone, Copy)]
pub(crate) struct AppState {
    pub(crate) router: Router,
    pub(crate) session: RwSignal<Session>,
    pub(crate) server: Poll,
    pub(crate) conversations: Conversations,
    pub(crate) chat: Chat,
    pub(crate) theme: RwSignal<Theme>,
    pub(crate) dialog: RwSignal<Option<Dialog>>,
    /// Whether the sidebar is open where it is a sheet.
    pub(crate) sheet: RwSignal<bool>,
}

impl AppState {
    pub(crate) fn new() -> AppState {
        AppState {
            router: Router::new(),
            session: RwSignal::new(Session::Unknown),
            server: Poll::new(),
            conversations: Conversations::new(),
            chat: Chat::new(),
            theme: RwSignal::new(Theme::stored()),
            dialog: RwSignal::new(None),
            sheet: RwSignal::new(false),
        }
    }

    /// Asks who is signed in, until the server answers.
    pub(crate) fn start(self) {
        spawn_local(async move {
            loop {
                match api::me().await {
                    Ok(me) => {
                        self.session.set(Session::SignedIn(me));
                        self.server.start();
                        let listed = self.conversations.refresh().await;
                        self.note(listed.err().as_ref());
                        return;
                    }
                    Err(ApiError::Unreachable) => self.session.set(Session::Unreachable),
                    Err(_) => {
                        self.session.set(Session::SignedOut);
                        return;
                    }
                }
                browser::sleep(RETRY_MS).await;
            }
        });
    }

    /// Draws what follows from a failed request whatever it was for.
    pub(crate) fn note(self, error: Option<&ApiError>) {
        match error {
            Some(ApiError::SignedOut) => self.signed_out(),
            Some(ApiError::Unreachable) => self.server.start(),
            _ => {}
        }
    }

    /// Forgets everything that belongs to a person.
    pub(crate) fn signed_out(self) {
        self.dialog.set(None);
        self.sheet.set(false);
        self.chat.clear();
        self.conversations.clear();
        self.session.set(Session::SignedOut);
    }

    /// Opens the sidebar where it is a sheet, and takes the focus there.
    pub(crate) fn open_sheet(self) {
        self.sheet.set(true);
        browser::focus(".close-sheet");
    }

    /// Closes it, and brings the focus back.
    pub(crate) fn close_sheet(self) {
        self.sheet.set(false);
        browser::focus(".open-sheet");
    }

    /// Begins a new conversation.
    pub(crate) fn new_chat(self) {
        self.sheet.set(false);
        self.router.go(Route::Chat(None));
        browser::focus(".composer textarea");
    }
}

/// The shared state.
pub(crate) fn app() -> AppState {
    expect_context()
}
