//! Responses: drafts, ending, reading, and what a killed server left behind.

use alcove_api_types::{ResponseError, ResponseStatus, Usage};
use alcove_core::canonical;
use alcove_core::ids::{BranchId, ConversationId, ItemId, ResponseId};
use alcove_core::item::{Item, ItemStatus, Payload};
use serde::{Deserialize, Serialize};

use super::items::{Opened, present};
use super::{Append, ItemLog, LogError, Owner};
use crate::accounts::Principal;
use crate::store::{DraftRow, EndRow, ResponseRow, Text, now_ms};
use crate::vault::{RowKey, UserKey};

/// An item as far as it is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// The item that it will be.
    pub id: ItemId,
    /// The response that produces it.
    pub response: ResponseId,
    /// What there is so far.
    pub payload: Payload,
}

/// How a response ends.
#[derive(Debug, Clone, PartialEq)]
pub struct ResponseEnd {
    /// A final status.
    pub status: ResponseStatus,
    /// Tokens.
    pub usage: Option<Usage>,
    /// What went wrong.
    pub error: Option<ResponseError>,
    /// Why it is incomplete.
    pub incomplete: Option<String>,
}

/// A response as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredResponse {
    /// Its id.
    pub id: ResponseId,
    /// The conversation; absent where nothing was kept.
    pub conversation: Option<ConversationId>,
    /// The branch that it grew.
    pub branch: Option<BranchId>,
    /// The response that it goes on from.
    pub previous: Option<ResponseId>,
    /// Where it stands.
    pub status: ResponseStatus,
    /// The model.
    pub model: String,
    /// Tokens.
    pub usage: Option<Usage>,
    /// What went wrong.
    pub error: Option<ResponseError>,
    /// Why it is incomplete.
    pub incomplete: Option<String>,
    /// What of the request was kept.
    pub request: serde_json::Value,
    /// When it began.
    pub created_at_ms: i64,
    /// When it ended.
    pub finished_at_ms: Option<i64>,
    /// Its items after the input, oldest first.
    pub output: Vec<Item>,
    /// What there is of items that are still being produced.
    pub drafts: Vec<(ItemId, Payload)>,
}

/// What of a response is sealed.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Detail {
    pub(super) request: serde_json::Value,
    pub(super) error: Option<ResponseError>,
    pub(super) incomplete: Option<String>,
}

impl ItemLog {
    /// Keeps what there is of an item that is being produced, over what was kept before. To be
    /// called at most once a second: after a kill, what came later is lost.
    pub async fn save_draft(&self, principal: &Principal, draft: &Draft) -> Result<(), LogError> {
        let owner = Owner::from(principal);
        let row = self.response_row(owner, draft.response).await?;
        let key = self.user_key(owner.user).await?;
        let plain = canonical::json(&draft.payload)?;
        let sealed = response_key(&key, &row)?
            .ok_or(LogError::NotFound {
                what: "conversation",
            })?
            .seal("draft", draft_plain(draft.id, &plain).as_bytes())?;
        let saved = DraftRow {
            item_id: Text(draft.id),
            response_id: Text(draft.response),
            payload: sealed,
            updated_at_ms: now_ms(),
        };
        match self.store.save_draft(owner.user, &saved).await? {
            true => Ok(()),
            false => Err(LogError::Ended),
        }
    }

    /// Ends a response without a further item. Its drafts are deleted.
    pub async fn finish(
        &self,
        principal: &Principal,
        response: ResponseId,
        end: ResponseEnd,
    ) -> Result<(), LogError> {
        self.finish_as(principal.into(), response, end).await
    }

    async fn finish_as(
        &self,
        owner: Owner,
        response: ResponseId,
        end: ResponseEnd,
    ) -> Result<(), LogError> {
        let end = self.end_row(owner, response, end).await?;
        match self.store.end_response(owner.user, response, &end).await? {
            true => Ok(()),
            false => Err(LogError::Ended),
        }
    }

    /// A response with its items. What was kept of items in progress is beside them.
    pub async fn response(
        &self,
        principal: &Principal,
        response: ResponseId,
    ) -> Result<StoredResponse, LogError> {
        let owner = Owner::from(principal);
        let row = self.response_row(owner, response).await?;
        let key = self.user_key(owner.user).await?;
        let detail = open_detail(&key, &row)?;
        let drafts = self.open_drafts(&key, &row).await?;
        let output = self.output(owner, &row).await?;
        Ok(StoredResponse {
            id: response,
            conversation: row.conversation_id.map(|id| id.0),
            branch: row.branch_id.map(|id| id.0),
            previous: row.previous_id.map(|id| id.0),
            status: parse_status(&row.status).ok_or_else(|| tampered(&row))?,
            usage: usage(&row),
            model: row.model,
            error: detail.error,
            incomplete: detail.incomplete,
            request: detail.request,
            created_at_ms: row.created_at_ms,
            finished_at_ms: row.finished_at_ms,
            output,
            drafts,
        })
    }

    /// The responses of a conversation that are still being produced, oldest first.
    pub async fn running_in(
        &self,
        principal: &Principal,
        conversation: ConversationId,
    ) -> Result<Vec<ResponseId>, LogError> {
        Ok(self.store.running_in(principal.user, conversation).await?)
    }

    /// Ends what this server was producing when it was killed: what there is of an item becomes
    /// an incomplete item, and the response ends as incomplete, `interrupted`. To be called at
    /// start, before any response begins. Answers the responses that were ended.
    pub async fn recover(&self) -> Result<Vec<ResponseId>, LogError> {
        self.recover_approvals().await?;
        let mut recovered = Vec::new();
        for row in self.store.running_of(self.vault.writer()).await? {
            let response = row.id.0;
            self.recover_response(&row).await?;
            recovered.push(response);
        }
        Ok(recovered)
    }

    async fn recover_response(&self, row: &ResponseRow) -> Result<(), LogError> {
        let owner = Owner {
            user: row.user_id.0,
            organisation: row.organisation_id.0,
        };
        let end = ResponseEnd {
            status: ResponseStatus::Incomplete,
            usage: None,
            error: None,
            incomplete: Some("interrupted".to_owned()),
        };
        let (Some(Text(conversation)), Some(Text(branch))) = (row.conversation_id, row.branch_id)
        else {
            return self.finish_as(owner, row.id.0, end).await;
        };
        let key = self.user_key(owner.user).await?;
        // A draft that does not open must not keep the server from starting.
        let drafts = match self.open_drafts(&key, row).await {
            Ok(drafts) => drafts,
            Err(LogError::TamperedRow { row }) => {
                tracing::warn!(response = row, "a draft does not open and is dropped");
                Vec::new()
            }
            Err(error) => return Err(error),
        };
        for (id, payload) in drafts {
            let append = Append {
                id,
                conversation,
                branch,
                response: Some(row.id.0),
                payload: payload.with_status(ItemStatus::Incomplete),
                record: None,
                end: None,
            };
            self.append_as(owner, append).await?;
        }
        self.finish_as(owner, row.id.0, end).await
    }

    /// The row that ends a response, with what was sealed before.
    pub(super) async fn end_row(
        &self,
        owner: Owner,
        response: ResponseId,
        end: ResponseEnd,
    ) -> Result<EndRow, LogError> {
        let ResponseEnd {
            status,
            usage,
            error,
            incomplete,
        } = end;
        let row = self.response_row(owner, response).await?;
        let key = self.user_key(owner.user).await?;
        let detail = match response_key(&key, &row)? {
            Some(key) if error.is_some() || incomplete.is_some() => {
                let request = open_detail_with(&key, &row)?.request;
                let detail = canonical::json(&Detail {
                    request,
                    error,
                    incomplete,
                })?;
                Some(key.seal("detail", detail.as_bytes())?)
            }
            _ => None,
        };
        Ok(EndRow {
            status: status_name(status).to_owned(),
            usage: usage.map(|usage| {
                (
                    i64::from(usage.input_tokens),
                    i64::from(usage.cached_tokens),
                    i64::from(usage.output_tokens),
                )
            }),
            detail,
            now_ms: now_ms(),
        })
    }

    pub(super) async fn response_row(
        &self,
        owner: Owner,
        response: ResponseId,
    ) -> Result<ResponseRow, LogError> {
        self.store
            .response(owner.user, response)
            .await?
            .ok_or(LogError::NotFound { what: "response" })
    }

    /// A response's items after its input.
    async fn output(&self, owner: Owner, row: &ResponseRow) -> Result<Vec<Item>, LogError> {
        let (Some(Text(conversation)), Some(Text(head))) = (row.conversation_id, row.head_item_id)
        else {
            return Ok(Vec::new());
        };
        let input = row.input_item_id.map(|id| id.0);
        if input == Some(head) {
            return Ok(Vec::new());
        }
        let path = self.open_path(owner, conversation, head).await?;
        let after_input = path.into_iter().skip_while(|opened| match opened {
            Opened::Present(item, _) => input.is_some_and(|input| item.id != input),
            Opened::Forgotten(id, _) => input.is_some_and(|input| *id != input),
        });
        let skipped = usize::from(input.is_some());
        Ok(present(after_input.skip(skipped).collect()))
    }

    async fn open_drafts(
        &self,
        key: &UserKey,
        row: &ResponseRow,
    ) -> Result<Vec<(ItemId, Payload)>, LogError> {
        let Some(key) = response_key(key, row)? else {
            return Ok(Vec::new());
        };
        let drafts = self.store.drafts(row.id.0).await?;
        drafts
            .iter()
            .map(|draft| {
                let id = draft.item_id.0;
                let plain = key
                    .open("draft", &draft.payload)
                    .map_err(|_| tampered(row))?;
                let prefix = draft_plain(id, "");
                let payload = plain
                    .strip_prefix(prefix.as_bytes())
                    .and_then(|plain| serde_json::from_slice(plain).ok())
                    .ok_or_else(|| tampered(row))?;
                Ok((id, payload))
            })
            .collect()
    }
}

/// What is sealed as a draft: the item's id first, so that one draft cannot stand for another.
fn draft_plain(id: ItemId, payload: &str) -> String {
    format!("{id}\n{payload}")
}

/// A response's key; `None` where nothing of it is kept, or the user was erased.
fn response_key(key: &UserKey, row: &ResponseRow) -> Result<Option<RowKey>, LogError> {
    let Some(wrapped) = &row.wrapped else {
        return Ok(None);
    };
    match key.open_row_key(&row.id.0.to_string(), wrapped) {
        Ok(key) => Ok(Some(key)),
        Err(_) => Err(tampered(row)),
    }
}

fn open_detail(key: &UserKey, row: &ResponseRow) -> Result<Detail, LogError> {
    match response_key(key, row)? {
        Some(key) => open_detail_with(&key, row),
        None => Ok(Detail::default()),
    }
}

fn open_detail_with(key: &RowKey, row: &ResponseRow) -> Result<Detail, LogError> {
    let Some(sealed) = &row.detail else {
        return Ok(Detail::default());
    };
    let plain = key.open("detail", sealed).map_err(|_| tampered(row))?;
    serde_json::from_slice(&plain).map_err(|_| tampered(row))
}

fn usage(row: &ResponseRow) -> Option<Usage> {
    let tokens = |stored: Option<i64>| u32::try_from(stored?).ok();
    let input_tokens = tokens(row.input_tokens)?;
    let output_tokens = tokens(row.output_tokens)?;
    Some(Usage {
        input_tokens,
        cached_tokens: tokens(row.cached_tokens)?,
        output_tokens,
        total_tokens: input_tokens.saturating_add(output_tokens),
    })
}

fn tampered(row: &ResponseRow) -> LogError {
    LogError::TamperedRow {
        row: row.id.0.to_string(),
    }
}

const STATUSES: [ResponseStatus; 6] = [
    ResponseStatus::Queued,
    ResponseStatus::InProgress,
    ResponseStatus::Completed,
    ResponseStatus::Failed,
    ResponseStatus::Cancelled,
    ResponseStatus::Incomplete,
];

/// A status as it is stored: the same name as on the wire.
pub fn status_name(status: ResponseStatus) -> &'static str {
    match status {
        ResponseStatus::Queued => "queued",
        ResponseStatus::InProgress => "in_progress",
        ResponseStatus::Completed => "completed",
        ResponseStatus::Failed => "failed",
        ResponseStatus::Cancelled => "cancelled",
        ResponseStatus::Incomplete => "incomplete",
    }
}

fn parse_status(name: &str) -> Option<ResponseStatus> {
    STATUSES
        .into_iter()
        .find(|status| status_name(*status) == name)
}
