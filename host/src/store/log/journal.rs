//! What writes the audit chain: one task, which commits everything that waits at once.
//!
//! A commit costs a sync of the disk, a row next to nothing. So entries are handed over a bounded
//! queue, and all that came while one commit was under way share the next.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::mem::take;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alcove_core::canonical;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::audit::{AuditEntry, hash_of};
use super::{ATTEMPTS, Keyring, LogError};
use crate::store::{AuditBatch, AuditRow, Spent, StoreError, Text, WrappedRowKey, now_ms};
use crate::vault::AuditAnchor;

/// Entries that wait to be written; whoever brings one more waits for room.
const QUEUE: usize = 4096;
/// The most entries of one commit.
const MAX_BATCH: usize = 256;
/// How long entries that nobody waits for are gathered, so that a quiet server does not sync the
/// disk for each. So long, and the commit's own time, is what `docs/records.md` says can be lost.
const GATHER: Duration = Duration::from_millis(10);

/// An entry on its way.
struct Letter {
    at_ms: i64,
    /// None for what only counts, or waits until everything before it is written.
    entry: Option<AuditEntry>,
    spent: Vec<Spent>,
    written: Option<oneshot::Sender<Result<(), LogError>>>,
}

/// The way to the task that writes.
pub(super) struct Journal {
    letters: mpsc::Sender<Letter>,
    /// Says that what waits is to be written now.
    urgent: Arc<Notify>,
    closing: CancellationToken,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Journal {
    /// Starts the task; it ends when this is closed or dropped.
    pub(super) fn start(keys: Keyring) -> Journal {
        let (sender, letters) = mpsc::channel(QUEUE);
        let closing = CancellationToken::new();
        let urgent = Arc::new(Notify::new());
        let writer = Writer {
            keys,
            tail: None,
            urgent: Arc::clone(&urgent),
            closing: closing.clone(),
        };
        Journal {
            letters: sender,
            urgent,
            closing,
            task: Mutex::new(Some(tokio::spawn(writer.run(letters)))),
        }
    }

    /// Hands an entry over; it is written soon. Waits for room where too many wait.
    pub(super) async fn enqueue(
        &self,
        entry: AuditEntry,
        spent: Vec<Spent>,
    ) -> Result<(), LogError> {
        self.send(Some(entry), spent, None).await
    }

    /// Hands over what the ledger counts; it is written soon.
    pub(super) async fn count(&self, spent: Vec<Spent>) -> Result<(), LogError> {
        self.send(None, spent, None).await
    }

    /// Hands an entry over and waits until it is on disk, after all that were handed over before.
    /// Without an entry it only waits.
    pub(super) async fn write(
        &self,
        entry: Option<AuditEntry>,
        spent: Vec<Spent>,
    ) -> Result<(), LogError> {
        let (written, done) = oneshot::channel();
        self.send(entry, spent, Some(written)).await?;
        done.await.unwrap_or(Err(LogError::AuditClosed))
    }

    async fn send(
        &self,
        entry: Option<AuditEntry>,
        spent: Vec<Spent>,
        written: Option<oneshot::Sender<Result<(), LogError>>>,
    ) -> Result<(), LogError> {
        let is_awaited = written.is_some();
        let letter = Letter {
            at_ms: now_ms(),
            entry,
            spent,
            written,
        };
        let sent = self.letters.send(letter).await;
        sent.map_err(|_| LogError::AuditClosed)?;
        if is_awaited || self.letters.max_capacity() - self.letters.capacity() >= MAX_BATCH {
            self.urgent.notify_one();
        }
        Ok(())
    }

    /// Writes what waits, and ends: nothing is taken after that.
    pub(super) async fn close(&self) {
        self.closing.cancel();
        let task = take(&mut *self.task.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(%error, "writing the audit log ended early");
        }
    }
}

/// The end of the chain.
#[derive(Clone)]
struct Tail {
    seq: i64,
    hash: Vec<u8>,
    anchor: AuditAnchor,
}

struct Writer {
    keys: Keyring,
    /// Where the chain ends, where that is known.
    tail: Option<Tail>,
    urgent: Arc<Notify>,
    closing: CancellationToken,
}

impl Writer {
    async fn run(mut self, mut letters: mpsc::Receiver<Letter>) {
        let mut waiting = Vec::new();
        let closing = self.closing.clone();
        loop {
            tokio::select! {
                biased;
                received = letters.recv_many(&mut waiting, MAX_BATCH) => {
                    if received == 0 {
                        return;
                    }
                }
                () = closing.cancelled(), if !letters.is_closed() => {
                    letters.close();
                    continue;
                }
            }
            if !waiting.iter().any(|letter| letter.written.is_some()) {
                // Nothing is taken meanwhile: whoever hands an entry over need not wake this task.
                tokio::select! {
                    () = tokio::time::sleep(GATHER) => {}
                    () = self.urgent.notified() => {}
                    () = closing.cancelled() => {}
                }
                while waiting.len() < MAX_BATCH
                    && let Ok(letter) = letters.try_recv()
                {
                    waiting.push(letter);
                }
            }
            self.write(take(&mut waiting)).await;
        }
    }

    async fn write(&mut self, letters: Vec<Letter>) {
        match self.commit(&letters).await {
            Ok(()) => {
                for letter in letters {
                    letter.answer(Ok(()));
                }
            }
            // One that can't be written keeps no other back.
            Err(error) => {
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    entries = letters.len(),
                    "written one by one"
                );
                for letter in letters {
                    let written = self.commit(std::slice::from_ref(&letter)).await;
                    letter.answer(written);
                }
            }
        }
    }

    async fn commit(&mut self, letters: &[Letter]) -> Result<(), LogError> {
        let mut attempt = 1;
        loop {
            let committed = self.try_commit(letters).await;
            if committed.is_err() {
                self.tail = None;
            }
            match committed {
                // Another process with the same data folder may take the places.
                Err(LogError::Store(StoreError::Conflict(_))) if attempt < ATTEMPTS => attempt += 1,
                result => return result,
            }
        }
    }

    async fn try_commit(&mut self, letters: &[Letter]) -> Result<(), LogError> {
        let writer = self.keys.vault.writer();
        let store = &self.keys.store;
        let Tail {
            mut seq,
            mut hash,
            mut anchor,
        } = match &self.tail {
            Some(tail) => tail.clone(),
            None => self.find_tail().await?,
        };
        let mut users = HashMap::new();
        let mut batch = AuditBatch::default();
        for letter in letters {
            batch.spent.extend_from_slice(&letter.spent);
            let Some(entry) = &letter.entry else {
                continue;
            };
            seq += 1;
            let user_key = match users.entry(entry.user) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(free) => free.insert(self.keys.user_key(entry.user).await?),
            };
            let row_id = format!("{writer}:{seq}");
            let (key, wrapped) = user_key.new_row_key(&row_id)?;
            let detail = canonical::json(&entry.detail)?;
            let mut row = AuditRow {
                writer_id: Text(writer),
                seq,
                at_ms: letter.at_ms,
                organisation_id: Text(entry.organisation),
                user_id: Text(entry.user),
                action: entry.action.to_owned(),
                subject: entry.subject.clone(),
                outcome: entry.outcome.clone(),
                conversation_id: entry.conversation.map(Text),
                item_id: entry.item.map(Text),
                detail: key.seal("detail", detail.as_bytes())?,
                prev_hash: hash,
                hash: Vec::new(),
            };
            row.hash = hash_of(&self.keys.vault, &row)?;
            hash = row.hash.clone();
            let key = WrappedRowKey {
                row: row_id,
                user: entry.user,
                wrapped,
            };
            batch.entries.push((row, key));
        }
        if !(batch.entries.is_empty() && batch.spent.is_empty()) {
            store.append_audit(&batch).await?;
        }
        if !batch.entries.is_empty() {
            anchor.last = seq;
            // The entries are written all the same; without this a cut is noticed less well.
            if let Err(error) = self.keys.vault.set_audit_anchor(&anchor) {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "the end of the audit log could not be noted");
            }
        }
        self.tail = Some(Tail { seq, hash, anchor });
        Ok(())
    }

    /// Where the chain in the database ends. Where it had gone further, that is remembered.
    async fn find_tail(&self) -> Result<Tail, LogError> {
        let vault = &self.keys.vault;
        let mut anchor = vault.audit_anchor()?;
        let tail = self.keys.store.audit_tail(vault.writer()).await?;
        let (mut seq, hash) = tail.unwrap_or_default();
        if let Some(gap) = anchor.missing_after(seq, now_ms()) {
            tracing::error!(
                from = gap.from,
                to = gap.to,
                "entries of the audit log are gone: the database was cut, or an older one put back"
            );
            seq = gap.to;
            anchor.remember(gap);
        }
        Ok(Tail { seq, hash, anchor })
    }
}

impl Letter {
    fn answer(self, written: Result<(), LogError>) {
        let written = match self.written {
            // Whoever gave up waiting has the entry written all the same.
            Some(waiting) => match waiting.send(written) {
                Ok(()) => return,
                Err(unheard) => unheard,
            },
            None => written,
        };
        let Err(error) = written else { return };
        let error = &error as &dyn std::error::Error;
        match &self.entry {
            Some(entry) => {
                tracing::error!(error, action = entry.action, subject = entry.subject, item = ?entry.item, "an entry is missing in the audit log");
            }
            None => {
                tracing::error!(error, spent = ?self.spent, "what was used is missing in the ledger")
            }
        }
    }
}
