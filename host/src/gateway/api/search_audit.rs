//! `GET /api/audit`.

use std::sync::Arc;

use alcove_api_types::{AuditEntry, AuditPage};
use axum::extract::State;
use serde::Deserialize;

use crate::app::App;
use crate::gateway::caller::Admin;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;
use crate::gateway::query::Query;
use crate::store::log::{AuditFound, MAX_AUDIT_PAGE};
use crate::store::{AuditFilter, AuditRow};

const DEFAULT_LIMIT: u32 = 100;

/// The query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::gateway) struct Options {
    user: Option<String>,
    plugin: Option<String>,
    action: Option<String>,
    outcome: Option<String>,
    item: Option<String>,
    since_ms: Option<i64>,
    until_ms: Option<i64>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// Entries of the administrator's organisation that fit, the latest first.
pub(in crate::gateway) async fn search_audit(
    State(app): State<Arc<App>>,
    Admin(principal): Admin,
    Query(options): Query<Options>,
) -> Result<Json<AuditPage>, ApiError> {
    let limit = options.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_AUDIT_PAGE).contains(&limit) {
        let message = format!("`limit` goes from 1 to {MAX_AUDIT_PAGE}");
        return Err(ApiError::invalid("limit", message));
    }
    let item = options.item.map(|item| {
        item.parse()
            .map_err(|_| ApiError::invalid("item", "`item` is not the id of an item"))
    });
    let filter = AuditFilter {
        organisation: principal.organisation,
        username: options.user,
        action: options.action,
        subject: options.plugin,
        outcome: options.outcome,
        item: item.transpose()?,
        since_ms: options.since_ms,
        until_ms: options.until_ms,
    };
    let page = app
        .log
        .search_audit(&filter, options.cursor.as_deref(), limit)
        .await?;
    Ok(Json(AuditPage {
        entries: page.entries.into_iter().map(on_the_wire).collect(),
        next_cursor: page.next_cursor,
    }))
}

fn on_the_wire(found: AuditFound) -> AuditEntry {
    let AuditFound {
        row,
        username,
        detail,
    } = found;
    let AuditRow {
        writer_id,
        seq,
        at_ms,
        organisation_id: _,
        user_id: _,
        action,
        subject,
        outcome,
        conversation_id,
        item_id,
        detail: _,
        prev_hash: _,
        hash: _,
    } = row;
    AuditEntry {
        writer: writer_id.0.to_string(),
        seq,
        at_ms,
        user: username,
        action,
        subject,
        outcome,
        conversation: conversation_id.map(|id| id.0.to_string()),
        item: item_id.map(|id| id.0.to_string()),
        detail,
    }
}
