//! Whether the server would answer a message now.

use alcove_api_types::{ModelState, Readiness};
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::{api, browser};

/// Between two questions while the server is not ready.
const POLL_MS: i32 = 1_000;

/// What the composer needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Server {
    Ready,
    /// The model is being loaded.
    Loading(String),
    /// Somebody has to do something.
    Broken(String),
    Unreachable,
}

impl Server {
    fn from(readiness: Readiness) -> Server {
        if readiness.ready {
            return Server::Ready;
        }
        let said = |otherwise: &str| {
            if readiness.detail.is_empty() {
                otherwise.to_owned()
            } else {
                sentence(&readiness.detail)
            }
        };
        match readiness.model {
            ModelState::Loading => Server::Loading(said("The model is being loaded.")),
            ModelState::Ready => Server::Loading(said("The server is not taking messages now.")),
            ModelState::Missing => Server::Broken(said("The model's file is missing.")),
            ModelState::Failed => Server::Broken(said("The model could not be loaded.")),
        }
    }
}

/// Asks until the server is ready. More than one poll at a time is never running.
#[derive(Clone, Copy)]
pub(crate) struct Poll {
    pub(crate) server: RwSignal<Server>,
    running: RwSignal<bool>,
}

impl Poll {
    pub(crate) fn new() -> Poll {
        Poll {
            server: RwSignal::new(Server::Ready),
            running: RwSignal::new(false),
        }
    }

    /// Called at the start, and whenever a request could not be sent.
    pub(crate) fn start(self) {
        if self.running.get_untracked() {
            return;
        }
        self.running.set(true);
        spawn_local(async move {
            loop {
                let server = match api::readiness().await {
                    Ok(readiness) => Server::from(readiness),
                    Err(api::ApiError::Unreachable) => Server::Unreachable,
                    // A server that does not speak of its readiness is taken as it is.
                    Err(_) => Server::Ready,
                };
                if self.server.get_untracked() != server {
                    self.server.set(server.clone());
                }
                if server == Server::Ready {
                    break;
                }
                browser::sleep(POLL_MS).await;
            }
            self.running.set(false);
        });
    }
}

/// The server's words as a sentence.
fn sentence(words: &str) -> String {
    let first_word = words.split(' ').next().unwrap_or_default();
    let mut chars = words.chars();
    let Some(first) = chars.next() else {
        return String::new();
    };
    // A name such as `qwen2.5` stays as it is written.
    let first = if first_word.chars().all(char::is_alphabetic) {
        first.to_uppercase().to_string()
    } else {
        first.to_string()
    };
    let end = if words.ends_with(['.', '!', '?', ')']) {
        ""
    } else {
        "."
    };
    format!("{first}{}{end}", chars.as_str())
}
