//! The runs that are in memory: those in progress, and those that ended a short while ago.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use alcove_core::ids::{BranchId, ConversationId, ResponseId, UserId};

use super::{IdempotencyKey, Run, RunLimits, StartError};

/// Most finished runs whose events are kept: beyond it the oldest go first, however young.
const MAX_FINISHED: usize = 256;

/// A run with what it was found by.
pub(super) struct Entry {
    pub(super) run: Run,
    pub(super) branch: Option<BranchId>,
    pub(super) key: Option<(IdempotencyKey, [u8; 32])>,
}

#[derive(Default)]
pub(super) struct Registry {
    entries: Mutex<HashMap<ResponseId, Entry>>,
}

impl Registry {
    /// Whether one more run of this user may begin.
    pub(super) fn admit(&self, user: UserId, limits: &RunLimits) -> Result<(), StartError> {
        let entries = self.entries();
        let running = || entries.values().filter(|entry| !entry.run.is_ended());
        if running().filter(|entry| entry.run.user() == user).count() >= limits.runs_per_user {
            return Err(StartError::TooManyRuns {
                whose: "your",
                limit: limits.runs_per_user,
            });
        }
        if running().count() >= limits.runs {
            return Err(StartError::TooManyRuns {
                whose: "the server's",
                limit: limits.runs,
            });
        }
        Ok(())
    }

    pub(super) fn insert(&self, entry: Entry) {
        self.entries().insert(entry.run.id(), entry);
    }

    pub(super) fn get(&self, id: ResponseId) -> Option<Run> {
        self.entries().get(&id).map(|entry| entry.run.clone())
    }

    /// The run that this user began with that key, and what it was asked.
    pub(super) fn by_key(&self, user: UserId, key: &IdempotencyKey) -> Option<(Run, [u8; 32])> {
        self.entries().values().find_map(|entry| match &entry.key {
            Some((known, fingerprint)) if known == key && entry.run.user() == user => {
                Some((entry.run.clone(), *fingerprint))
            }
            _ => None,
        })
    }

    /// The run in progress on that branch.
    pub(super) fn running_on(&self, branch: BranchId) -> Option<ResponseId> {
        self.entries()
            .values()
            .find(|entry| entry.branch == Some(branch) && !entry.run.is_ended())
            .map(|entry| entry.run.id())
    }

    /// The newest run in progress in that conversation.
    pub(super) fn running_in(&self, conversation: ConversationId) -> Option<Run> {
        self.entries()
            .values()
            .filter(|entry| entry.run.conversation() == Some(conversation))
            .filter(|entry| !entry.run.is_ended())
            .max_by_key(|entry| entry.run.id())
            .map(|entry| entry.run.clone())
    }

    /// All runs in progress.
    pub(super) fn running(&self) -> Vec<Run> {
        let entries = self.entries();
        let running = entries.values().filter(|entry| !entry.run.is_ended());
        running.map(|entry| entry.run.clone()).collect()
    }

    /// Forgets finished runs that are old, or too many.
    pub(super) fn sweep(&self, retention: Duration) {
        let mut entries = self.entries();
        entries.retain(|_, entry| {
            entry
                .run
                .ended_at()
                .is_none_or(|ended_at| ended_at.elapsed() < retention)
        });
        let mut finished: Vec<_> = entries
            .values()
            .filter_map(|entry| Some((entry.run.ended_at()?, entry.run.id())))
            .collect();
        if finished.len() > MAX_FINISHED {
            finished.sort_unstable();
            for (_, id) in &finished[..finished.len() - MAX_FINISHED] {
                entries.remove(id);
            }
        }
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<ResponseId, Entry>> {
        // Nothing panics while it is held.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
