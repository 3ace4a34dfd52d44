//! Queries of [`Audit`].

use alcove_core::ids::WriterId;
use async_trait::async_trait;
use sqlx::QueryBuilder;

use super::keys::insert_row_keys;
use super::ledger::count_spent;
use super::{Backend, Connection};
use crate::store::{
    Audit, AuditBatch, AuditFilter, AuditPlace, AuditRow, FoundAudit, StoreError, Text,
};

/// Rows that one statement inserts: a database takes so many bound values at once.
const ROWS_OF_A_STATEMENT: usize = 64;

#[async_trait]
impl Audit for Backend {
    async fn audit_tail(&self, writer: WriterId) -> Result<Option<(i64, Vec<u8>)>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT seq, hash FROM audit WHERE writer_id = $1 ORDER BY seq DESC LIMIT 1",
        )
        .bind(Text(writer))
        .fetch_optional(self.read())
        .await?)
    }

    async fn append_audit(&self, batch: &AuditBatch) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        for entries in batch.entries.chunks(ROWS_OF_A_STATEMENT) {
            insert_row_keys(&mut tx, entries.iter().map(|(_, key)| key)).await?;
            insert(&mut tx, entries.iter().map(|(row, _)| row)).await?;
        }
        count_spent(&mut tx, &batch.spent).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn audit_chain(
        &self,
        writer: WriterId,
        after_seq: i64,
        limit: u32,
    ) -> Result<Vec<AuditRow>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT * FROM audit WHERE writer_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
        )
        .bind(Text(writer))
        .bind(after_seq)
        .bind(i64::from(limit))
        .fetch_all(self.read())
        .await?)
    }

    async fn search_audit(
        &self,
        filter: &AuditFilter,
        before: Option<AuditPlace>,
        limit: u32,
    ) -> Result<Vec<FoundAudit>, StoreError> {
        let AuditFilter {
            organisation,
            username,
            action,
            subject,
            outcome,
            item,
            since_ms,
            until_ms,
        } = filter;
        let username = username.as_ref().map(|name| name.to_lowercase());
        Ok(sqlx::query_as(
            "SELECT audit.*, users.username, row_keys.wrapped FROM audit
             LEFT JOIN users ON users.id = audit.user_id
             LEFT JOIN row_keys ON row_keys.row_id = audit.writer_id || ':' || audit.seq
             WHERE audit.organisation_id = $1
               AND ($2 IS NULL OR users.username_key = $2)
               AND ($3 IS NULL OR audit.action = $3)
               AND ($4 IS NULL OR audit.subject = $4)
               AND ($5 IS NULL OR audit.outcome = $5)
               AND ($6 IS NULL OR audit.item_id = $6)
               AND ($7 IS NULL OR audit.at_ms >= $7)
               AND ($8 IS NULL OR audit.at_ms < $8)
               AND ($9 IS NULL OR (audit.at_ms, audit.writer_id, audit.seq) < ($9, $10, $11))
             ORDER BY audit.at_ms DESC, audit.writer_id DESC, audit.seq DESC LIMIT $12",
        )
        .bind(Text(*organisation))
        .bind(username)
        .bind(action)
        .bind(subject)
        .bind(outcome)
        .bind(item.map(Text))
        .bind(since_ms)
        .bind(until_ms)
        .bind(before.map(|place| place.at_ms))
        .bind(before.map(|place| Text(place.writer)))
        .bind(before.map(|place| place.seq))
        .bind(i64::from(limit))
        .fetch_all(self.read())
        .await?)
    }

    async fn audit_writers(&self) -> Result<Vec<WriterId>, StoreError> {
        let writers: Vec<Text<WriterId>> =
            sqlx::query_scalar("SELECT DISTINCT writer_id FROM audit ORDER BY writer_id")
                .fetch_all(self.read())
                .await?;
        Ok(writers.into_iter().map(|writer| writer.0).collect())
    }
}

async fn insert(
    connection: &mut Connection,
    rows: impl Iterator<Item = &AuditRow>,
) -> Result<(), StoreError> {
    let mut query = QueryBuilder::new(
        "INSERT INTO audit (writer_id, seq, at_ms, organisation_id, user_id, action, subject,
             outcome, conversation_id, item_id, detail, prev_hash, hash) ",
    );
    query.push_values(rows, |mut values, row| {
        values
            .push_bind(row.writer_id)
            .push_bind(row.seq)
            .push_bind(row.at_ms)
            .push_bind(row.organisation_id)
            .push_bind(row.user_id)
            .push_bind(&row.action)
            .push_bind(&row.subject)
            .push_bind(&row.outcome)
            .push_bind(row.conversation_id)
            .push_bind(row.item_id)
            .push_bind(&row.detail)
            .push_bind(&row.prev_hash)
            .push_bind(&row.hash);
    });
    query.build().execute(connection).await?;
    Ok(())
}
