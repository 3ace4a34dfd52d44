//! The ledger: who used how much on a day, exact also where many work at once.
//!
//! What may run out is reserved before it is used and settled after: the reservation holds the most
//! that the work can use, and settling gives back what it did not. A reservation that is dropped is
//! given back; what a killed server held is given back when it starts again.

use std::sync::Arc;

use alcove_core::ids::{OrganisationId, ReservationId, UserId, WriterId};

use crate::accounts::Principal;
use crate::store::{
    Balance, LedgerAccount, NewReservation, Reserved, Spent, Store, StoreError, now_ms,
};

/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Tokens of models: read and written.
    Tokens,
    /// Milliseconds of CPU time of tools.
    ToolCpuMs,
    /// Bytes that tools gave back.
    ToolBytes,
}

impl Kind {
    /// Its name in the database, and of its limit.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Tokens => "tokens",
            Kind::ToolCpuMs => "tool-cpu-ms",
            Kind::ToolBytes => "tool-bytes",
        }
    }
}

/// Whose account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// An organisation.
    Organisation(OrganisationId),
    /// A user.
    User(UserId),
    /// What one plugin uses for a user.
    Plugin(UserId, String),
}

impl Owner {
    fn text(&self) -> String {
        match self {
            Owner::Organisation(organisation) => organisation.to_string(),
            Owner::User(user) => user.to_string(),
            Owner::Plugin(user, plugin) => format!("{user}:{plugin}"),
        }
    }
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Nothing is left.
    #[error("more than {limit} {} on one day", kind.name())]
    Exceeded {
        /// Whose account.
        owner: String,
        /// Of what.
        kind: Kind,
        /// The most of a day.
        limit: u64,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The ledger: a cheap handle.
#[derive(Clone)]
pub struct LedgerBook {
    store: Arc<dyn Store>,
    writer: WriterId,
}

/// An amount that is held. Settle it; dropped, it is given back as a whole.
pub struct Hold {
    book: LedgerBook,
    id: ReservationId,
    is_settled: bool,
}

impl LedgerBook {
    /// The ledger in a store; `writer` is this server.
    pub fn new(store: Arc<dyn Store>, writer: WriterId) -> LedgerBook {
        LedgerBook { store, writer }
    }

    /// Gives back what this server held when it was killed; answers how many reservations that
    /// were.
    pub async fn recover_at_start(&self) -> Result<u64, LedgerError> {
        Ok(self.store.release_all(self.writer).await?)
    }

    /// Holds an amount of today's. Where one owner has not that much left of the limit beside it,
    /// nothing is held.
    pub async fn reserve(
        &self,
        kind: Kind,
        amount: u64,
        owners: &[(Owner, Option<u64>)],
    ) -> Result<Hold, LedgerError> {
        let accounts: Vec<LedgerAccount> = owners
            .iter()
            .map(|(owner, limit)| LedgerAccount {
                owner: owner.text(),
                limit: limit.map(signed),
            })
            .collect();
        let id = ReservationId::generate();
        let reservation = NewReservation {
            id,
            writer: self.writer,
            kind: kind.name(),
            day: today(),
            amount: signed(amount),
            accounts: &accounts,
        };
        match self.store.reserve(&reservation).await? {
            Reserved::Held => Ok(Hold {
                book: self.clone(),
                id,
                is_settled: false,
            }),
            Reserved::Exceeded(account) => Err(LedgerError::Exceeded {
                owner: account.owner,
                kind,
                limit: account
                    .limit
                    .and_then(|limit| u64::try_from(limit).ok())
                    .unwrap_or(u64::MAX),
            }),
        }
    }

    /// What a person used of what was not reserved, for the audit entry that says so: both are
    /// written in one transaction.
    pub fn spent(principal: &Principal, spent: &[(Kind, u64)]) -> Vec<Spent> {
        let owners = [
            Owner::Organisation(principal.organisation),
            Owner::User(principal.user),
        ];
        let day = today();
        let used = spent.iter().filter(|(_, amount)| *amount > 0);
        used.flat_map(|(kind, amount)| {
            owners.iter().map(move |owner| Spent {
                owner: owner.text(),
                kind: kind.name(),
                day,
                amount: signed(*amount),
            })
        })
        .collect()
    }

    /// What an owner has used today, and what is held.
    pub async fn balance(&self, owner: &Owner, kind: Kind) -> Result<Balance, LedgerError> {
        let owner = owner.text();
        Ok(self.store.balance(&owner, kind.name(), today()).await?)
    }
}

impl Hold {
    /// Ends the reservation: `spent` is spent, the rest is free again.
    pub async fn settle(mut self, spent: u64) -> Result<(), LedgerError> {
        self.book.store.settle(self.id, signed(spent)).await?;
        self.is_settled = true;
        Ok(())
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if self.is_settled {
            return;
        }
        let (store, id) = (Arc::clone(&self.book.store), self.id);
        // Without a runtime the server is ending; it gives back what it held when it starts.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = store.settle(id, 0).await {
                    tracing::error!(%error, hold = %id, "a reservation could not be given back");
                }
            });
        }
    }
}

/// Days since the Unix epoch, in UTC.
fn today() -> i64 {
    now_ms().div_euclid(DAY_MS)
}

fn signed(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}
