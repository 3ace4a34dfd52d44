//! What is held of accounts while work is under way.

use std::sync::Arc;

use alcove_core::ids::ReservationId;

use super::{Exceeded, Kind, LedgerBook, Owner, signed, today};
use crate::store::Spent;

/// An amount that is held. Settle it; dropped, it is given back as a whole.
pub struct Hold {
    book: LedgerBook,
    kind: Kind,
    owners: Vec<Owner>,
    /// With the amount of each; empty where no account has a limit, and after settling.
    reserved: Vec<(ReservationId, u64)>,
    amount: u64,
    by: Option<Exceeded>,
}

impl Hold {
    pub(super) fn unlimited(book: LedgerBook, kind: Kind, owners: Vec<Owner>) -> Hold {
        Hold {
            book,
            kind,
            owners,
            reserved: Vec::new(),
            amount: u64::MAX,
            by: None,
        }
    }

    pub(super) fn of(
        book: LedgerBook,
        kind: Kind,
        owners: Vec<Owner>,
        id: ReservationId,
        amount: u64,
        by: Option<Exceeded>,
    ) -> Hold {
        Hold {
            book,
            kind,
            owners,
            reserved: vec![(id, amount)],
            amount,
            by,
        }
    }

    /// How much: everything where nothing is limited.
    pub fn amount(&self) -> u64 {
        self.amount
    }

    /// Which account has no more, where less is held than was wanted.
    pub fn by(&self) -> Option<&Exceeded> {
        self.by.as_ref()
    }

    /// Holds what `more` holds as well, of the same accounts.
    pub fn join(&mut self, mut more: Hold) {
        self.amount = self.amount.saturating_add(more.amount);
        self.reserved.append(&mut more.reserved);
        self.by = more.by.take().or(self.by.take());
    }

    /// Ends it: `spent` is spent, the rest is free again. Answers what is still to be counted,
    /// with [`crate::store::log::ItemLog::count_soon`] or an audit entry: what had no limit.
    #[must_use = "what is not counted is not in the ledger"]
    pub async fn settle(mut self, spent: u64) -> Vec<Spent> {
        let mut uncounted = spent;
        while let Some((id, amount)) = self.reserved.last().copied() {
            // What was spent beyond all that was held is on the last.
            let part = match self.reserved.len() {
                1 => uncounted,
                _ => uncounted.min(amount),
            };
            if let Err(error) = self.book.inner.store.settle(id, signed(part)).await {
                // It is counted with what had no limit, and dropping this gives it back.
                tracing::error!(%error, hold = %id, "what was held is not settled");
                break;
            }
            self.reserved.pop();
            uncounted -= part;
        }
        if uncounted == 0 {
            return Vec::new();
        }
        let day = today();
        let of = |owner: &Owner| Spent {
            owner: owner.text(),
            kind: self.kind.name(),
            day,
            amount: signed(uncounted),
        };
        self.owners.iter().map(of).collect()
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let reserved = std::mem::take(&mut self.reserved);
        if reserved.is_empty() {
            return;
        }
        let store = Arc::clone(&self.book.inner.store);
        // Without a runtime the server is ending; it gives back what it held when it starts.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                for (id, _) in reserved {
                    if let Err(error) = store.settle(id, 0).await {
                        tracing::error!(%error, hold = %id, "a reservation could not be given back");
                    }
                }
            });
        }
    }
}
