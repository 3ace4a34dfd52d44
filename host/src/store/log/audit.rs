//! The audit log: who did what, in a hash chain per server.

use alcove_core::canonical;
use alcove_core::hash::ItemHash;
use alcove_core::ids::{ConversationId, ItemId, OrganisationId, UserId, WriterId};
use serde::Serialize;

use super::{ItemLog, LogError};
use crate::store::{AuditRow, Spent, now_ms};
use crate::vault::{AuditAnchor, AuditGap, Vault};

/// How many entries are verified at a time.
const PAGE: u32 = 1000;

/// Something that was done.
#[derive(Debug, Clone)]
pub struct AuditEntry {
    /// The organisation.
    pub organisation: OrganisationId,
    /// Who acted.
    pub user: UserId,
    /// What was done, such as `tool_call`, `grant` or `revoke`.
    pub action: &'static str,
    /// To what, such as `alcove/python`.
    pub subject: String,
    /// How it ended, such as `ok` or `denied`.
    pub outcome: String,
    /// In which conversation.
    pub conversation: Option<ConversationId>,
    /// The item that shows it.
    pub item: Option<ItemId>,
    /// The rest. It is sealed with a key of its own, so that it goes when the user is erased.
    pub detail: serde_json::Value,
}

/// One server's chain, verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// The server.
    pub writer: WriterId,
    /// How many entries hold, from the first on.
    pub entries: u64,
    /// The hash of the last of these.
    pub last_hash: Vec<u8>,
    /// The first entry that does not hold.
    pub broken_at: Option<i64>,
    /// Entries that were written and are gone: this server knows that of its own chain.
    pub gaps: Vec<AuditGap>,
}

/// What an entry's hash covers: every column but the two hashes.
#[derive(Serialize)]
struct Hashed<'a> {
    writer: WriterId,
    seq: i64,
    at_ms: i64,
    organisation: OrganisationId,
    user: UserId,
    action: &'a str,
    subject: &'a str,
    outcome: &'a str,
    conversation: Option<ConversationId>,
    item: Option<ItemId>,
    /// BLAKE3 of the sealed bytes: the chain holds when their key is gone.
    detail: String,
}

impl ItemLog {
    /// Appends an entry to this server's chain: acknowledged once it is on disk.
    pub async fn audit(&self, entry: AuditEntry) -> Result<(), LogError> {
        self.journal.write(Some(entry), Vec::new()).await
    }

    /// The same, with what the ledger counts of it, in one transaction.
    pub async fn audit_spent(&self, entry: AuditEntry, spent: Vec<Spent>) -> Result<(), LogError> {
        self.journal.write(Some(entry), spent).await
    }

    /// Hands an entry over and does not wait for the disk: `docs/records.md` says for what that is
    /// enough. Where too many entries wait, it waits for room.
    pub async fn audit_soon(&self, entry: AuditEntry, spent: Vec<Spent>) -> Result<(), LogError> {
        self.journal.enqueue(entry, spent).await
    }

    /// Hands over what the ledger counts, and does not wait for the disk.
    pub async fn count_soon(&self, spent: Vec<Spent>) -> Result<(), LogError> {
        if spent.is_empty() {
            return Ok(());
        }
        self.journal.count(spent).await
    }

    /// Waits until every entry that was handed over is written.
    pub async fn audit_settled(&self) -> Result<(), LogError> {
        self.journal.write(None, Vec::new()).await
    }

    /// Writes what waits; nothing is taken after that.
    pub async fn close(&self) {
        self.journal.close().await;
    }

    /// Verifies every chain of the audit log; answers how many entries there are.
    pub async fn verify_audit(&self) -> Result<u64, LogError> {
        let mut entries = 0;
        for chain in self.audit_chains().await? {
            let gone = chain.gaps.first().map(|gap| gap.from);
            if let Some(seq) = chain.broken_at.or(gone) {
                let writer = chain.writer;
                return Err(LogError::AuditTampered { writer, seq });
            }
            entries += chain.entries;
        }
        Ok(entries)
    }

    /// Verifies every chain of the audit log, and says of each how far it holds.
    pub async fn audit_chains(&self) -> Result<Vec<Chain>, LogError> {
        self.audit_settled().await?;
        // Before the entries: others write meanwhile.
        let anchor = self.vault.audit_anchor()?;
        let mut chains = Vec::new();
        for writer in self.store.audit_writers().await? {
            let known = match writer == self.vault.writer() {
                true => &anchor,
                false => &AuditAnchor::default(),
            };
            chains.push(self.audit_chain(writer, known).await?);
        }
        // A chain that is gone as a whole has no writer in the database.
        let own = self.vault.writer();
        if anchor.last > 0 && chains.iter().all(|chain| chain.writer != own) {
            chains.push(self.audit_chain(own, &anchor).await?);
        }
        Ok(chains)
    }

    /// Verifies a chain; `known` is what is known of it without the database.
    async fn audit_chain(&self, writer: WriterId, known: &AuditAnchor) -> Result<Chain, LogError> {
        let mut chain = Chain {
            writer,
            entries: 0,
            last_hash: Vec::new(),
            broken_at: None,
            gaps: known.gaps.clone(),
        };
        let mut last = 0;
        loop {
            let page = self.store.audit_chain(writer, last, PAGE).await?;
            if page.is_empty() {
                chain.gaps.extend(known.missing_after(last, now_ms()));
                return Ok(chain);
            }
            for row in page {
                let skipped = (last + 1, row.seq - 1);
                let is_next = row.seq == last + 1
                    || known.gaps.iter().any(|gap| (gap.from, gap.to) == skipped);
                let follows = is_next && row.prev_hash == chain.last_hash;
                let holds = match hash_of(&self.vault, &row) {
                    Ok(hash) => follows && hash == row.hash,
                    Err(LogError::AuditTampered { .. }) => false,
                    Err(error) => return Err(error),
                };
                if !holds {
                    chain.broken_at = Some(row.seq);
                    return Ok(chain);
                }
                last = row.seq;
                chain.last_hash = row.hash;
                chain.entries += 1;
            }
        }
    }
}

/// The hash of an entry over the one before.
pub(super) fn hash_of(vault: &Vault, row: &AuditRow) -> Result<Vec<u8>, LogError> {
    let AuditRow {
        writer_id,
        seq,
        at_ms,
        organisation_id,
        user_id,
        action,
        subject,
        outcome,
        conversation_id,
        item_id,
        detail,
        prev_hash,
        hash: _,
    } = row;
    let bytes = canonical::json(&Hashed {
        writer: writer_id.0,
        seq: *seq,
        at_ms: *at_ms,
        organisation: organisation_id.0,
        user: user_id.0,
        action,
        subject,
        outcome,
        conversation: conversation_id.map(|id| id.0),
        item: item_id.map(|id| id.0),
        detail: blake3::hash(detail).to_hex().to_string(),
    })?;
    let before = prev_hash.as_slice().try_into().map(ItemHash::from_bytes);
    let tampered = LogError::AuditTampered {
        writer: writer_id.0,
        seq: *seq,
    };
    let before = match before {
        Ok(before) => Some(before),
        // The first entry that is there has none before it.
        Err(_) if prev_hash.is_empty() => None,
        Err(_) => return Err(tampered),
    };
    let hash = vault.audit_key().link(bytes.as_bytes(), before.as_ref());
    Ok(hash.as_bytes().to_vec())
}
