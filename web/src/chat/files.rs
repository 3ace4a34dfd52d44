//! The files of the shown conversation: what the person puts there, and what tools leave.

use alcove_api_types::{WorkspaceFile, WorkspaceFiles};
use alcove_web_text::files::free_name;
use leptos::prelude::*;
use leptos::task::spawn_local;
use web_sys::File;

use super::Chat;
use crate::api;
use crate::app::AppState;
use crate::route::Route;
use crate::upload::{self, Stop};

/// A file on its way.
#[derive(Clone)]
pub(crate) struct Sending {
    pub(crate) name: String,
    pub(crate) permille: ArcRwSignal<u32>,
    stop: StoredValue<Stop, LocalStorage>,
}

/// Handles to the state of the files; cheap to copy.
#[derive(Clone, Copy)]
pub(crate) struct Files {
    /// What lies in the conversation's folder.
    pub(crate) listed: RwSignal<WorkspaceFiles>,
    pub(crate) sending: RwSignal<Vec<Sending>>,
    /// What the next message names: paths of files that were put there since the last one.
    pub(crate) fresh: RwSignal<Vec<String>>,
}

impl Files {
    pub(super) fn new() -> Files {
        Files {
            listed: RwSignal::new(WorkspaceFiles::default()),
            sending: RwSignal::new(Vec::new()),
            fresh: RwSignal::new(Vec::new()),
        }
    }

    pub(super) fn clear(self) {
        for sending in self.sending.get_untracked() {
            sending.stop.with_value(Stop::stop);
        }
        self.listed.set(WorkspaceFiles::default());
        self.sending.set(Vec::new());
        self.fresh.set(Vec::new());
    }

    /// Those that the next message names.
    pub(crate) fn attached(self) -> Vec<WorkspaceFile> {
        let listed = self.listed.get().files;
        let is_fresh = |path: &String| self.fresh.with(|fresh| fresh.contains(path));
        let fresh = listed.into_iter().filter(|file| is_fresh(&file.path));
        fresh.collect()
    }
}

impl Chat {
    /// Reads again what lies in the folder.
    pub(crate) fn list_files(self, app: AppState) {
        let Some(id) = self.conversation.get_untracked() else {
            return;
        };
        let epoch = self.epoch.get_value();
        spawn_local(async move {
            let listed = api::files(&id).await;
            app.note(listed.as_ref().err());
            if let Ok(listed) = listed
                && self.epoch.get_value() == epoch
            {
                self.files.listed.set(listed);
            }
        });
    }

    /// Puts files into the conversation, which begins with them where there is none yet.
    pub(crate) fn attach(self, app: AppState, chosen: Vec<File>) {
        if chosen.is_empty() {
            return;
        }
        self.notice.set(None);
        let epoch = self.epoch.get_value();
        spawn_local(async move {
            let sent = self.put_all(app, chosen, epoch).await;
            if self.epoch.get_value() != epoch {
                return;
            }
            if let Err(problem) = sent {
                self.notice.set(Some(problem));
            }
            self.list_files(app);
        });
    }

    async fn put_all(self, app: AppState, chosen: Vec<File>, epoch: u64) -> Result<(), String> {
        let is_elsewhere = || self.epoch.get_value() != epoch;
        let said = |error: api::ApiError| {
            app.note(Some(&error));
            error.message()
        };
        let id = match self.conversation.get_untracked() {
            Some(id) => id,
            None => {
                let title: String = chosen[0].name().chars().take(100).collect();
                let begun = api::create_conversation(&title).await.map_err(said)?;
                if is_elsewhere() {
                    return Ok(());
                }
                self.conversation.set(Some(begun.id.clone()));
                app.router.replace(Route::Chat(Some(begun.id.clone())));
                let id = begun.id.clone();
                app.conversations.merge(vec![begun]);
                id
            }
        };
        for file in chosen {
            let listed = api::files(&id).await.map_err(said)?;
            if is_elsewhere() {
                return Ok(());
            }
            let room = listed.max_bytes.saturating_sub(listed.bytes);
            let taken = |name: &str| listed.files.iter().any(|file| file.path == name);
            let name = free_name(&file.name(), taken);
            // The server would say so too, after all of it had been sent.
            if file.size() > room as f64 {
                return Err(format!(
                    "{name} does not fit: this conversation's files have {} left. Remove some first.",
                    alcove_web_text::format::bytes(room)
                ));
            }
            self.files.listed.set(listed);
            let sent = self.put(&id, &name, &file).await;
            if is_elsewhere() {
                return Ok(());
            }
            match sent {
                Ok(true) => self.files.fresh.update(|fresh| fresh.push(name)),
                Ok(false) => {}
                Err(error) => return Err(format!("{name} was not put here. {}", said(error))),
            }
        }
        Ok(())
    }

    /// Whether it is there; the person may have stopped it.
    async fn put(self, id: &str, name: &str, file: &File) -> api::Result<bool> {
        let stop = Stop::default();
        let sending = Sending {
            name: name.to_owned(),
            permille: ArcRwSignal::new(0),
            stop: StoredValue::new_local(stop.clone()),
        };
        let permille = sending.permille.clone();
        self.files.sending.update(|all| all.push(sending));
        let path = api::file_path(id, name);
        let sent = upload::put(&path, file, &stop, move |now| permille.set(now)).await;
        let is_wanted = self
            .files
            .sending
            .with_untracked(|all| all.iter().any(|sending| sending.name == name));
        self.files
            .sending
            .update(|all| all.retain(|sending| sending.name != name));
        match sent {
            Err(_) if !is_wanted => Ok(false),
            sent => sent.map(|()| true),
        }
    }

    /// Stops a file that is on its way.
    pub(crate) fn stop_sending(self, name: &str) {
        let mut stopped = None;
        self.files.sending.update(|all| {
            if let Some(at) = all.iter().position(|sending| sending.name == name) {
                stopped = Some(all.remove(at));
            }
        });
        if let Some(sending) = stopped {
            sending.stop.with_value(Stop::stop);
        }
    }

    /// Removes a file from the conversation.
    pub(crate) fn remove_file(self, app: AppState, path: String) {
        let Some(id) = self.conversation.get_untracked() else {
            return;
        };
        let epoch = self.epoch.get_value();
        spawn_local(async move {
            let removed = api::remove_file(&id, &path).await;
            if self.epoch.get_value() != epoch {
                return;
            }
            match removed {
                Err(error) if !error.is_not_found() => {
                    app.note(Some(&error));
                    self.notice.set(Some(error.message()));
                }
                _ => self
                    .files
                    .fresh
                    .update(|fresh| fresh.retain(|name| *name != path)),
            }
            self.list_files(app);
        });
    }
}
