//! `GET /api/conversations`.

use std::sync::Arc;

use alcove_api_types::ConversationPage;
use axum::extract::State;
use serde::Deserialize;

use super::get_conversation::summary;
use crate::app::App;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;
use crate::gateway::query::Query;
use crate::store::log::Page;

const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 200;

/// The query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::gateway) struct Options {
    limit: Option<u32>,
    cursor: Option<String>,
}

/// The caller's conversations, newest first.
pub(in crate::gateway) async fn list_conversations(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Query(options): Query<Options>,
) -> Result<Json<ConversationPage>, ApiError> {
    let limit = options.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        let message = format!("`limit` goes from 1 to {MAX_LIMIT}");
        return Err(ApiError::invalid("limit", message));
    }
    let cursor = options.cursor.as_deref();
    let Page {
        conversations,
        next_cursor,
    } = app.log.list(&principal, limit, cursor).await?;
    Ok(Json(ConversationPage {
        conversations: conversations.into_iter().map(summary).collect(),
        next_cursor,
    }))
}
