//! Looking for entries of the audit log, and opening them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use alcove_core::ids::UserId;
use serde_json::Value;

use super::{ItemLog, LogError};
use crate::store::{AuditFilter, AuditPlace, AuditRow, FoundAudit};
use crate::vault::UserKey;

/// The most entries on one page.
pub const MAX_AUDIT_PAGE: u32 = 1000;

/// An entry that was found.
#[derive(Debug, Clone)]
pub struct AuditFound {
    /// The entry; its detail is sealed.
    pub row: AuditRow,
    /// The name of the account that acted.
    pub username: String,
    /// The detail; absent where the user was erased.
    pub detail: Option<Value>,
}

/// A page of what was found.
#[derive(Debug, Clone)]
pub struct AuditFoundPage {
    /// The latest entry first.
    pub entries: Vec<AuditFound>,
    /// Where the next page begins; absent on the last.
    pub next_cursor: Option<String>,
}

impl ItemLog {
    /// Entries that fit, the latest first.
    pub async fn search_audit(
        &self,
        filter: &AuditFilter,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<AuditFoundPage, LogError> {
        self.audit_settled().await?;
        let limit = limit.clamp(1, MAX_AUDIT_PAGE);
        let before = cursor.map(place_of).transpose()?;
        // One more than wanted says whether there is a next page.
        let mut found = self.store.search_audit(filter, before, limit + 1).await?;
        let more = found.len() > limit as usize;
        found.truncate(limit as usize);
        let next_cursor = found.last().filter(|_| more).map(|last| {
            let AuditRow {
                at_ms,
                writer_id,
                seq,
                ..
            } = &last.row;
            format!("{at_ms}.{}.{seq}", writer_id.0)
        });
        let mut keys = HashMap::new();
        let mut entries = Vec::with_capacity(found.len());
        for FoundAudit {
            row,
            username,
            wrapped,
        } in found
        {
            let detail = match wrapped {
                Some(wrapped) => self.detail(&row, &wrapped, &mut keys).await?,
                None => None,
            };
            entries.push(AuditFound {
                username: username.unwrap_or_else(|| row.user_id.0.to_string()),
                row,
                detail,
            });
        }
        Ok(AuditFoundPage {
            entries,
            next_cursor,
        })
    }

    async fn detail(
        &self,
        row: &AuditRow,
        wrapped: &[u8],
        keys: &mut HashMap<UserId, Option<UserKey>>,
    ) -> Result<Option<Value>, LogError> {
        let user = row.user_id.0;
        let key = match keys.entry(user) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => free.insert(self.existing_user_key(user).await?),
        };
        let Some(key) = key else {
            return Ok(None);
        };
        let row_id = format!("{}:{}", row.writer_id.0, row.seq);
        // What does not open was altered, which verifying the chain says of the row. One such row
        // must not hide the others.
        let plain = key
            .open_row_key(&row_id, wrapped)
            .and_then(|key| key.open("detail", &row.detail));
        Ok(match plain {
            Ok(plain) => serde_json::from_slice(&plain).ok(),
            Err(error) => {
                tracing::warn!(row = row_id, %error, "an entry of the audit log does not open");
                None
            }
        })
    }
}

fn place_of(cursor: &str) -> Result<AuditPlace, LogError> {
    let mut parts = cursor.splitn(3, '.');
    let (Some(at_ms), Some(writer), Some(seq)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(LogError::Cursor);
    };
    Ok(AuditPlace {
        at_ms: at_ms.parse().map_err(|_| LogError::Cursor)?,
        writer: writer.parse().map_err(|_| LogError::Cursor)?,
        seq: seq.parse().map_err(|_| LogError::Cursor)?,
    })
}
