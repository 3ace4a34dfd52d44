//! Queries of [`Ledger`].

use std::collections::BTreeMap;

use alcove_core::ids::{ReservationId, WriterId};
use async_trait::async_trait;

use super::{Backend, Connection};
use crate::store::{Balance, Ledger, NewReservation, Reserved, Short, Spent, StoreError, Text};

#[async_trait]
impl Ledger for Backend {
    async fn reserve(&self, reservation: &NewReservation<'_>) -> Result<Reserved, StoreError> {
        let mut tx = self.begin().await?;
        // Always in the same order: two that reserve at once never wait for each other.
        let mut accounts: Vec<_> = reservation.accounts.iter().collect();
        accounts.sort_by(|one, other| one.owner.cmp(&other.owner));
        accounts.dedup_by(|one, other| one.owner == other.owner);
        let (kind, day) = (reservation.kind, reservation.day);
        let (mut amount, mut by) = (reservation.most, None);
        for account in &accounts {
            let balance = lock(&mut tx, &account.owner, kind, day).await?;
            let Some(limit) = account.limit else { continue };
            let left = limit
                .saturating_sub(balance.spent)
                .saturating_sub(balance.reserved);
            let most = (left / reservation.parts).max(left.min(reservation.least));
            if most < amount {
                amount = most;
                by = Some(Short {
                    owner: account.owner.clone(),
                    limit,
                    balance,
                });
            }
        }
        if let Some(short) = by.take_if(|_| amount < reservation.least) {
            tx.rollback().await?;
            return Ok(Reserved::Exceeded(short));
        }
        for account in accounts {
            change(&mut tx, &account.owner, kind, day, 0, amount).await?;
            sqlx::query(
                "INSERT INTO ledger_reservations (id, writer_id, owner, kind, day, amount)
                 VALUES ($1, $2, $3, $4, $5, $6)",
            )
            .bind(Text(reservation.id))
            .bind(Text(reservation.writer))
            .bind(&account.owner)
            .bind(kind)
            .bind(day)
            .bind(amount)
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(Reserved::Held { amount, by })
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
        lock(connection, owner, kind, day).await?;
        change(connection, owner, kind, day, amount, 0).await?;
    }
    Ok(())
}

/// What an account has, which is made where there is none. Nobody else changes it until the
/// transaction ends.
async fn lock(
    connection: &mut Connection,
    owner: &str,
    kind: &str,
    day: i64,
) -> Result<Balance, StoreError> {
    let balance = sqlx::query_as(
        "INSERT INTO ledger_accounts (owner, kind, day, spent, reserved)
         VALUES ($1, $2, $3, 0, 0)
         ON CONFLICT (owner, kind, day) DO UPDATE SET spent = ledger_accounts.spent
         RETURNING spent, reserved",
    )
    .bind(owner)
    .bind(kind)
    .bind(day)
    .fetch_one(connection)
    .await?;
    Ok(balance)
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
