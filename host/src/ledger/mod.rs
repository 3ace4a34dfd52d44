//! The ledger: who used how much on a day, exact also where many work at once.
//!
//! What may run out is reserved before it is used and settled after: the reservation holds the most
//! that the work can use, and settling gives back what it did not. A reservation that is dropped is
//! given back; what a killed server held is given back when it starts again. What has no limit is
//! only counted, with the next audit entries that are written, so that nobody waits for it.

mod hold;
mod short;

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use alcove_core::ids::{OrganisationId, ReservationId, UserId, WriterId};

use crate::accounts::Principal;
use crate::config::{Daily, Quota};
use crate::store::{Balance, LedgerAccount, NewReservation, Reserved, Store, StoreError, now_ms};

pub use hold::Hold;
pub use short::Exceeded;

/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Tokens of models: read and written.
    Tokens,
    /// Milliseconds of CPU time of tools.
    ToolCpuMs,
    /// Bytes of tools' requests and results.
    ToolBytes,
}

impl Kind {
    /// Its name in the database.
    fn name(self) -> &'static str {
        match self {
            Kind::Tokens => "tokens",
            Kind::ToolCpuMs => "tool-cpu-ms",
            Kind::ToolBytes => "tool-bytes",
        }
    }

    fn of(self, quota: &Quota) -> Daily {
        match self {
            Kind::Tokens => quota.tokens,
            Kind::ToolCpuMs => quota.tool_cpu_ms,
            Kind::ToolBytes => quota.tool_bytes,
        }
    }
}

/// Whose account.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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

/// An account, and the most of a day where that is limited.
pub type Account = (Owner, Option<u64>);

/// How much is to be held.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// As much as the work can use. Where less is left, that is held.
    pub most: u64,
    /// How little is of use still.
    pub least: u64,
    /// Into how many equal parts what is left is shared: no more than one is held, and the others
    /// are for what the work itself asks for.
    pub parts: u64,
}

impl Wanted {
    /// This much, or nothing.
    pub fn exactly(amount: u64) -> Wanted {
        Wanted {
            most: amount,
            least: amount,
            parts: 1,
        }
    }
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Not enough is left.
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
    /// The database.
    #[error("the ledger could not be used")]
    Store(#[from] StoreError),
}

/// The ledger: a cheap handle.
#[derive(Clone)]
pub struct LedgerBook {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn Store>,
    writer: WriterId,
    quota: Quota,
}

impl LedgerBook {
    /// The ledger in a store; `writer` is this server.
    pub fn new(store: Arc<dyn Store>, writer: WriterId, quota: Quota) -> LedgerBook {
        LedgerBook {
            inner: Arc::new(Inner {
                store,
                writer,
                quota,
            }),
        }
    }

    /// Gives back what this server held when it was killed; answers how many reservations that
    /// were.
    pub async fn recover_at_start(&self) -> Result<u64, LedgerError> {
        Ok(self.inner.store.release_all(self.inner.writer).await?)
    }

    /// Whose accounts a person's work is on, under the quotas of this server.
    pub fn accounts(&self, principal: &Principal, kind: Kind) -> [Account; 2] {
        let daily = kind.of(&self.inner.quota);
        [
            (Owner::User(principal.user), daily.user),
            (
                Owner::Organisation(principal.organisation),
                daily.organisation,
            ),
        ]
    }

    /// Whether a person's work is limited.
    pub fn is_limited(&self, kind: Kind) -> bool {
        let daily = kind.of(&self.inner.quota);
        daily.user.or(daily.organisation).is_some()
    }

    /// Holds an amount of today's, of all accounts or of none. Where no account has a limit there
    /// is nothing to hold, and the database is not asked.
    pub async fn reserve(
        &self,
        kind: Kind,
        wanted: Wanted,
        accounts: &[Account],
    ) -> Result<Hold, LedgerError> {
        let owners = accounts.iter().map(|(owner, _)| owner.clone()).collect();
        if accounts.iter().all(|(_, limit)| limit.is_none()) {
            return Ok(Hold::unlimited(self.clone(), kind, owners));
        }
        let rows: Vec<LedgerAccount> = accounts
            .iter()
            .map(|(owner, limit)| LedgerAccount {
                owner: owner.text(),
                limit: limit.map(signed),
            })
            .collect();
        let id = ReservationId::generate();
        let day = today();
        let reservation = NewReservation {
            id,
            writer: self.inner.writer,
            kind: kind.name(),
            day,
            most: signed(wanted.most),
            least: signed(wanted.least),
            parts: signed(wanted.parts.max(1)),
            accounts: &rows,
        };
        let named = |short| Exceeded::new(kind, day, wanted.least, &owners, short);
        match self.inner.store.reserve(&reservation).await? {
            Reserved::Held { amount, by } => {
                let by = by.map(named);
                Ok(Hold::of(
                    self.clone(),
                    kind,
                    owners,
                    id,
                    unsigned(amount),
                    by,
                ))
            }
            Reserved::Exceeded(short) => Err(named(short).into()),
        }
    }

    /// What an owner has used today, and what is held.
    pub async fn balance(&self, owner: &Owner, kind: Kind) -> Result<Balance, LedgerError> {
        let owner = owner.text();
        let store = &self.inner.store;
        Ok(store.balance(&owner, kind.name(), today()).await?)
    }
}

/// When the day's quotas start anew, in milliseconds since the Unix epoch.
pub fn resets_at_ms() -> i64 {
    (today() + 1) * DAY_MS
}

/// How long until then.
pub fn resets_in() -> Duration {
    Duration::from_millis(unsigned(resets_at_ms() - now_ms()))
}

/// Days since the Unix epoch, in UTC.
fn today() -> i64 {
    now_ms().div_euclid(DAY_MS)
}

fn signed(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}

fn unsigned(amount: i64) -> u64 {
    u64::try_from(amount).unwrap_or(0)
}
