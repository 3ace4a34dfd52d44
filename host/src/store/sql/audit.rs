//! Queries of [`Audit`].

use alcove_core::ids::WriterId;
use async_trait::async_trait;

use super::Backend;
use super::keys::insert_row_key;
use crate::store::{
    Audit, AuditFilter, AuditPlace, AuditRow, FoundAudit, StoreError, Text, WrappedRowKey,
};

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

    async fn append_audit(&self, row: &AuditRow, key: &WrappedRowKey) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        insert_row_key(&mut tx, key).await?;
        sqlx::query(
            "INSERT INTO audit (writer_id, seq, at_ms, organisation_id, user_id, action, subject,
                 outcome, conversation_id, item_id, detail, prev_hash, hash)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        )
        .bind(row.writer_id)
        .bind(row.seq)
        .bind(row.at_ms)
        .bind(row.organisation_id)
        .bind(row.user_id)
        .bind(&row.action)
        .bind(&row.subject)
        .bind(&row.outcome)
        .bind(row.conversation_id)
        .bind(row.item_id)
        .bind(&row.detail)
        .bind(&row.prev_hash)
        .bind(&row.hash)
        .execute(&mut *tx)
        .await?;
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
