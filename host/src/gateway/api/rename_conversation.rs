//! `PATCH /api/conversations/{id}`.

use std::sync::Arc;

use alcove_api_types::{ConversationSummary, RenameConversation};
use axum::extract::{Path, State};

use super::conversation_id;
use super::get_conversation::summary;
use crate::app::App;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;

const MAX_TITLE_CHARS: usize = 200;

/// Gives a conversation another title.
pub(in crate::gateway) async fn rename_conversation(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Path(id): Path<String>,
    Json(RenameConversation { title }): Json<RenameConversation>,
) -> Result<Json<ConversationSummary>, ApiError> {
    let id = conversation_id(&id)?;
    let title = checked_title(&title)?;
    app.log.rename(&principal, id, title).await?;
    let view = app.log.conversation(&principal, id).await?;
    Ok(Json(summary(view.summary)))
}

/// A title without the space around it.
pub(super) fn checked_title(title: &str) -> Result<&str, ApiError> {
    let title = title.trim();
    if title.is_empty() || title.chars().count() > MAX_TITLE_CHARS {
        let message = format!("a title has 1 to {MAX_TITLE_CHARS} characters");
        return Err(ApiError::invalid("title", message));
    }
    Ok(title)
}
