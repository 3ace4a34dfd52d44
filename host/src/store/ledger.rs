//! The ledger: what was used on a day, and what is held for work under way.

use alcove_core::ids::{ReservationId, WriterId};
use async_trait::async_trait;

use super::StoreError;

/// An account that a reservation holds something of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerAccount {
    /// Whose.
    pub owner: String,
    /// The most that may be spent and held on the day; as much as there is where absent.
    pub limit: Option<i64>,
}

/// An amount to be held of several accounts at once.
#[derive(Debug, Clone)]
pub struct NewReservation<'a> {
    /// Its id.
    pub id: ReservationId,
    /// The server that holds it.
    pub writer: WriterId,
    /// What is counted.
    pub kind: &'static str,
    /// Days since the Unix epoch.
    pub day: i64,
    /// How much, at most: where less is left, that.
    pub most: i64,
    /// How little is of use still.
    pub least: i64,
    /// No more is held than one of so many equal parts of what is left, but for the least. At
    /// least 1.
    pub parts: i64,
    /// Of which accounts.
    pub accounts: &'a [LedgerAccount],
}

/// What became of a reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reserved {
    /// It is held.
    Held {
        /// How much.
        amount: i64,
        /// The account that has no more, where that is less than was asked for.
        by: Option<Short>,
    },
    /// This account has not even the least left; nothing is held.
    Exceeded(Short),
}

/// An account that has less left than was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Short {
    /// Whose.
    pub owner: String,
    /// The most of a day.
    pub limit: i64,
    /// What it had before.
    pub balance: Balance,
}

/// What was spent without a reservation. It is counted in the transaction of the audit entry that
/// says what for: see [`super::AuditBatch`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spent {
    /// Whose account.
    pub owner: String,
    /// What is counted.
    pub kind: &'static str,
    /// Days since the Unix epoch.
    pub day: i64,
    /// How much.
    pub amount: i64,
}

/// What an account has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Balance {
    /// Spent on the day.
    pub spent: i64,
    /// Held for work under way.
    pub reserved: i64,
}

/// The ledger.
#[async_trait]
pub trait Ledger {
    /// Holds the same amount of all accounts, or nothing.
    async fn reserve(&self, reservation: &NewReservation<'_>) -> Result<Reserved, StoreError>;

    /// Ends a reservation: what it held is free again, and `spent` is spent. Answers whether it
    /// was held.
    async fn settle(&self, reservation: ReservationId, spent: i64) -> Result<bool, StoreError>;

    /// Gives back everything that a server holds; answers how many reservations that were.
    async fn release_all(&self, writer: WriterId) -> Result<u64, StoreError>;

    /// What an account has on a day.
    async fn balance(&self, owner: &str, kind: &str, day: i64) -> Result<Balance, StoreError>;
}
