//! Beginning a response: where it goes, what it goes on from, and retries.

use alcove_api_types::ResponseStatus;
use alcove_core::canonical;
use alcove_core::ids::{BranchId, ConversationId, ItemId, ResponseId};
use alcove_core::item::{Item, ItemStatus, Payload};

use super::conversations::new_conversation;
use super::items::{Opened, Parent, present, seal};
use super::responses::{Detail, status_name};
use super::{ATTEMPTS, ItemLog, LogError, MAX_IDEMPOTENCY_KEY_BYTES, Owner};
use crate::accounts::Principal;
use crate::store::{
    BeginRows, BeginTarget, IdempotencyRow, NewResponse, Started, Text, WrappedRowKey, now_ms,
};
use crate::vault::UserKey;

/// How long a retried request finds the response that its key began.
const IDEMPOTENCY_MS: i64 = 24 * 60 * 60 * 1000;

/// Where a response goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A new conversation with this id.
    New(ConversationId),
    /// The branch of a conversation that last grew.
    Conversation(ConversationId),
    /// After a response: on its branch where it is the last there, on a new branch otherwise.
    Previous(ResponseId),
    /// Nowhere: nothing is kept but status, model and usage.
    NotStored,
}

/// A client's key for retries.
#[derive(Debug, Clone)]
pub struct Idempotency {
    /// The key.
    pub key: String,
    /// Hash of the request.
    pub request_hash: [u8; 32],
}

/// A response to be begun.
#[derive(Debug, Clone)]
pub struct Begin {
    /// Its id.
    pub response: ResponseId,
    /// Where it goes.
    pub target: Target,
    /// The id of the branch that begins here, where one does.
    pub fork: BranchId,
    /// What the person says: each item the parent of the next.
    pub input: Vec<(ItemId, Payload)>,
    /// The model.
    pub model: String,
    /// What of the request is kept to be echoed; sealed.
    pub request: serde_json::Value,
    /// The title of a new conversation.
    pub title: String,
    /// The client's key for retries.
    pub idempotency: Option<Idempotency>,
}

/// What beginning found.
#[derive(Debug, Clone, PartialEq)]
pub enum Begun {
    /// The response has begun.
    Started {
        /// The conversation; absent where nothing is kept.
        conversation: Option<ConversationId>,
        /// The branch that grows.
        branch: Option<BranchId>,
        /// The path from the root to the last input item.
        history: Vec<Item>,
        /// The response that it goes on from.
        previous: Option<ResponseId>,
    },
    /// The same request began this response before; nothing was written.
    Existing(ResponseId),
}

/// A place that was looked up.
#[derive(Default)]
struct Place {
    history: Vec<Opened>,
    parent: Parent,
    previous: Option<ResponseId>,
}

impl ItemLog {
    /// Begins a response: in one transaction a new conversation or branch where needed, the input
    /// items, the response, and the key for retries.
    pub async fn begin(&self, principal: &Principal, begin: Begin) -> Result<Begun, LogError> {
        let owner = Owner::from(principal);
        if let Some(key) = &begin.idempotency {
            if key.key.len() > MAX_IDEMPOTENCY_KEY_BYTES {
                return Err(LogError::TooLong {
                    what: "Idempotency-Key",
                    max: format!("{MAX_IDEMPOTENCY_KEY_BYTES} bytes"),
                });
            }
            let existing = self
                .store
                .idempotent(owner.user, &key.key, &key.request_hash, now_ms())
                .await?;
            if let Some(existing) = existing {
                return Ok(Begun::Existing(existing));
            }
        }
        let mut attempt = 1;
        loop {
            match self.try_begin(owner, &begin).await {
                Err(LogError::BranchMoved) if attempt < ATTEMPTS => attempt += 1,
                result => return result,
            }
        }
    }

    async fn try_begin(&self, owner: Owner, begin: &Begin) -> Result<Begun, LogError> {
        let key = self.user_key(owner.user).await?;
        let (target, place) = self.place(owner, &key, begin).await?;
        let at = match &target {
            BeginTarget::Nothing => None,
            BeginTarget::New(new) => Some((new.id, new.branch.id.0)),
            BeginTarget::Branch(conversation, branch) => Some((*conversation, *branch)),
            BeginTarget::Fork(branch) => Some((branch.conversation_id.0, branch.id.0)),
        };
        let Place {
            history,
            mut parent,
            previous,
        } = place;
        let mut history = present(history);
        let mut input = Vec::with_capacity(begin.input.len());
        if let Some((conversation, _)) = at {
            for (id, payload) in &begin.input {
                if payload.status() == ItemStatus::InProgress {
                    return Err(LogError::InProgress);
                }
                let item = Item {
                    id: *id,
                    conversation,
                    parent: parent.before.map(|(id, _)| id),
                    response: Some(begin.response),
                    created_at_ms: now_ms(),
                    payload: payload.clone(),
                };
                let sealed = seal(owner, &key, &item, parent)?;
                parent = Parent {
                    before: Some((*id, sealed.hash)),
                    depth: parent.depth + 1,
                };
                input.push((sealed.row, sealed.wrapped));
                history.push(item);
            }
        }
        let detail = match at {
            Some(_) => Some(seal_detail(owner, &key, begin)?),
            None => None,
        };
        let now = now_ms();
        let rows = BeginRows {
            response: NewResponse {
                id: begin.response,
                organisation: owner.organisation,
                user: owner.user,
                writer: self.vault.writer(),
                previous,
                status: status_name(ResponseStatus::InProgress).to_owned(),
                model: begin.model.clone(),
                detail,
                now_ms: now,
            },
            target,
            input_head: parent.before.map(|(id, _)| id),
            input,
            idempotency: begin.idempotency.as_ref().map(|key| IdempotencyRow {
                key: key.key.clone(),
                request_hash: key.request_hash.to_vec(),
                expires_at_ms: now + IDEMPOTENCY_MS,
            }),
        };
        Ok(match self.store.begin_response(&rows).await? {
            Started::Existing(response) => Begun::Existing(response),
            Started::New => Begun::Started {
                conversation: at.map(|(conversation, _)| conversation),
                branch: at.map(|(_, branch)| branch),
                history,
                previous,
            },
        })
    }

    /// Looks up where a response goes, and what is before it.
    async fn place(
        &self,
        owner: Owner,
        key: &UserKey,
        begin: &Begin,
    ) -> Result<(BeginTarget, Place), LogError> {
        match begin.target {
            Target::NotStored => Ok((BeginTarget::Nothing, Place::default())),
            Target::New(id) => {
                let new = new_conversation(owner, key, id, &begin.title)?;
                Ok((BeginTarget::New(new), Place::default()))
            }
            Target::Conversation(conversation) => {
                let row = self.conversation_row(owner, conversation).await?;
                let id = row.current_branch_id.0;
                let branch = self.branch_row(owner, conversation, id).await?;
                self.refuse_running(owner, conversation, id).await?;
                let place = self.place_at(owner, conversation, branch.head).await?;
                Ok((BeginTarget::Branch(conversation, id), place))
            }
            Target::Previous(previous) => {
                let row = self.response_row(owner, previous).await?;
                let (Some(Text(conversation)), Some(Text(id))) =
                    (row.conversation_id, row.branch_id)
                else {
                    return Err(LogError::NotFound { what: "response" });
                };
                if row.finished_at_ms.is_none() {
                    return Err(LogError::Running(previous));
                }
                let branch = self.branch_row(owner, conversation, id).await?;
                let head = row.head_item_id.map(|id| id.0);
                let mut place = self.place_at(owner, conversation, head).await?;
                place.previous = Some(previous);
                let target = if branch.head == head {
                    self.refuse_running(owner, conversation, id).await?;
                    BeginTarget::Branch(conversation, id)
                } else {
                    BeginTarget::Fork(self.new_fork(owner, conversation, begin.fork, head).await?)
                };
                Ok((target, place))
            }
        }
    }

    async fn place_at(
        &self,
        owner: Owner,
        conversation: ConversationId,
        head: Option<ItemId>,
    ) -> Result<Place, LogError> {
        let Some(head) = head else {
            return Ok(Place::default());
        };
        let history = self.open_path(owner, conversation, head).await?;
        let depth = i64::try_from(history.len()).unwrap_or(i64::MAX);
        let (before, previous) = match history.last() {
            Some(Opened::Present(item, hash)) => (Some((item.id, *hash)), item.response),
            Some(Opened::Forgotten(id, hash)) => (Some((*id, *hash)), None),
            None => (None, None),
        };
        Ok(Place {
            history,
            parent: Parent { before, depth },
            previous,
        })
    }

    /// Two responses on one branch would each continue what the other says.
    async fn refuse_running(
        &self,
        owner: Owner,
        conversation: ConversationId,
        branch: BranchId,
    ) -> Result<(), LogError> {
        for running in self.store.running_in(owner.user, conversation).await? {
            let row = self.response_row(owner, running).await?;
            if row.branch_id == Some(Text(branch)) && row.finished_at_ms.is_none() {
                return Err(LogError::Running(running));
            }
        }
        Ok(())
    }
}

fn seal_detail(
    owner: Owner,
    key: &UserKey,
    begin: &Begin,
) -> Result<(Vec<u8>, WrappedRowKey), LogError> {
    let row = begin.response.to_string();
    let (row_key, wrapped) = key.new_row_key(&row)?;
    let detail = canonical::json(&Detail {
        request: begin.request.clone(),
        error: None,
        incomplete: None,
    })?;
    let sealed = row_key.seal("detail", detail.as_bytes())?;
    let key = WrappedRowKey {
        row,
        user: owner.user,
        wrapped,
    };
    Ok((sealed, key))
}
