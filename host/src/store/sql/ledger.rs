//! Queries of [`Ledger`].

use std::collections::BTreeMap;

use alcove_core::ids::{ReservationId, WriterId};
use async_trait::async_trait;

use super::{Backend, Connection};
use crate::store::{Balance, Ledger, NewReservation, Reserved, Spent, StoreError, Text};

#[async_trait]
impl Ledger for Backend {
    async fn reserve(&self, reservation: &NewReservation<'_>) -> Result<Reserved, StoreError> {
        let mut tx = self.begin().await?;
        // Always in the same order: two that reserve at once never wait for each other.
        let mut accounts: Vec<_> = reservation.accounts.iter().collect();
        accounts.sort_by(|one, other| one.owner.cmp(&other.owner));
        accounts.dedup_by(|one, other| one.owner == other.owner);
        for account in accounts {
            open(&mut tx, &account.owner, reservation.kind, reservation.day).await?;
            let held = sqlx::query(
                "UPDATE ledger_accounts SET reserved = reserved + $4
                 WHERE owner = $1 AND kind = $2 AND day = $3 AND spent + reserved + $4 <= $5",
            )
            .bind(&account.owner)
            .bind(reservation.kind)
            .bind(reservation.day)
            .bind(reservation.amount)
            .bind(account.limit.unwrap_or(i64::MAX))
            .execute(&mut *tx)
            .await?;
            if held.rows_affected() == 0 {
                tx.rollback().await?;
                return Ok(Reserved::Exceeded(account.clone()));
            }
            sqlx::query(
                "INSERT INTO ledger_reservations (id, writer_id, owner, kind, day, amount)
                 VALUES ($1, $2, $3, $4, $5, $6)",
            )
            .bind(Text(reservation.id))
            .bind(Text(reservation.writer))
            .bind(&account.owner)
            .bind(reservation.kind)
            .bind(reservation.day)
            .bind(reservation.amount)
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(Reserved::Held)
    }

    async fn settle(&self, reservation: ReservationId, spent: i64) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let mut held: Vec<(String, String, i64, i64)> = sqlx::query_as(
            "DELETE FROM ledger_reservations WHERE id = $1 RETURNING owner, kind, day, amount",
        )
        .bind(Text(reservation))
        .fetch_all(&mut *tx)
        .await?;
        held.sort();
        for (owner, kind, day, amount) in &held {
            change(&mut tx, owner, kind, *day, spent, -amount).await?;
        }
        tx.commit().await?;
        Ok(!held.is_empty())
    }

    async fn release_all(&self, writer: WriterId) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let mut held: Vec<(String, String, i64, i64, String)> = sqlx::query_as(
            "DELETE FROM ledger_reservations WHERE writer_id = $1
             RETURNING owner, kind, day, amount, id",
        )
        .bind(Text(writer))
        .fetch_all(&mut *tx)
        .await?;
        held.sort();
        for (owner, kind, day, amount, _) in &held {
            change(&mut tx, owner, kind, *day, 0, -amount).await?;
        }
        tx.commit().await?;
        let mut ids: Vec<&String> = held.iter().map(|(.., id)| id).collect();
        ids.sort();
        ids.dedup();
        Ok(ids.len() as u64)
    }

    async fn balance(&self, owner: &str, kind: &str, day: i64) -> Result<Balance, StoreError> {
        let found: Option<Balance> = sqlx::query_as(
            "SELECT spent, reserved FROM ledger_accounts
             WHERE owner = $1 AND kind = $2 AND day = $3",
        )
        .bind(owner)
        .bind(kind)
        .bind(day)
        .fetch_optional(self.read())
        .await?;
        Ok(found.unwrap_or_default())
    }
}

/// Counts what was spent. The accounts are changed in one order: two writers that count at once
/// never wait for each other.
pub(super) async fn count_spent(
    connection: &mut Connection,
    spent: &[Spent],
) -> Result<(), StoreError> {
    let mut sums: BTreeMap<(&str, &'static str, i64), i64> = BTreeMap::new();
    for one in spent {
        let sum = sums.entry((&one.owner, one.kind, one.day)).or_default();
        *sum = sum.saturating_add(one.amount);
    }
    for ((owner, kind, day), amount) in sums {
        open(connection, owner, kind, day).await?;
        change(connection, owner, kind, day, amount, 0).await?;
    }
    Ok(())
}

/// Makes an account where there is none.
async fn open(
    connection: &mut Connection,
    owner: &str,
    kind: &str,
    day: i64,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO ledger_accounts (owner, kind, day, spent, reserved)
         VALUES ($1, $2, $3, 0, 0) ON CONFLICT DO NOTHING",
    )
    .bind(owner)
    .bind(kind)
    .bind(day)
    .execute(connection)
    .await?;
    Ok(())
}

async fn change(
    connection: &mut Connection,
    owner: &str,
    kind: &str,
    day: i64,
    spent: i64,
    reserved: i64,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE ledger_accounts SET spent = spent + $4, reserved = reserved + $5
         WHERE owner = $1 AND kind = $2 AND day = $3",
    )
    .bind(owner)
    .bind(kind)
    .bind(day)
    .bind(spent)
    .bind(reserved)
    .execute(connection)
    .await?;
    Ok(())
}
