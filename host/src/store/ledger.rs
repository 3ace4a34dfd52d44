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
    /// How much.
    pub amount: i64,
    /// Of which accounts.
    pub accounts: &'a [LedgerAccount],
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

/// What became of a reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reserved {
    /// It is held.
    Held,
    /// This account has not that much left; nothing is held.
    Exceeded(LedgerAccount),
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
    /// Holds an amount of all accounts, or of none.
    async fn reserve(&self, reservation: &NewReservation<'_>) -> Result<Reserved, StoreError>;

    /// Ends a reservation: what it held is free again, and `spent` is spent. Answers whether it
    /// was held.
    async fn settle(&self, reservation: ReservationId, spent: i64) -> Result<bool, StoreError>;

    /// Gives back everything that a server holds; answers how many reservations that were.
    async fn release_all(&self, writer: WriterId) -> Result<u64, StoreError>;

    /// What an account has on a day.
    async fn balance(&self, owner: &str, kind: &str, day: i64) -> Result<Balance, StoreError>;
}
