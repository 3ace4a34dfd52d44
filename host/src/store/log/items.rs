//! Appending items, and reading them back with their hashes checked.

use std::collections::HashMap;

use alcove_core::canonical;
use alcove_core::hash::{ChainError, ItemHash, Link, verify_path};
use alcove_core::ids::{BranchId, ConversationId, ItemId, ResponseId};
use alcove_core::item::{Item, ItemStatus, Payload, RecordReference};

use super::{ItemLog, LogError, MAX_DEPTH, MAX_ITEM_BYTES, MAX_RECORD_BYTES, Owner, ResponseEnd};
use crate::accounts::Principal;
use crate::store::{AppendRows, ItemRow, SealedItem, Text, WrappedRowKey, now_ms};
use crate::vault::UserKey;

/// Which path of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// To the head of the branch that last grew.
    Current,
    /// To the head of a branch.
    Branch(BranchId),
    /// To an item.
    Item(ItemId),
    /// To the last item of a response.
    Response(ResponseId),
}

/// An item to be appended.
#[derive(Debug, Clone)]
pub struct Append {
    /// Known before.
    pub id: ItemId,
    /// The conversation.
    pub conversation: ConversationId,
    /// The branch that grows.
    pub branch: BranchId,
    /// The response that produces it, which has not ended.
    pub response: Option<ResponseId>,
    /// Completed or incomplete.
    pub payload: Payload,
    /// A tool call's host record. The log sets the call's reference to it.
    pub record: Option<Vec<u8>>,
    /// How the response ends, where this is its last item.
    pub end: Option<ResponseEnd>,
}

/// What verifying a conversation found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Verified {
    /// Items that are what was written.
    pub items: u64,
    /// Items that were forgotten: their links hold.
    pub forgotten: u64,
}

/// An item as the log read it.
pub(super) enum Opened {
    Present(Item, ItemHash),
    Forgotten(ItemId, ItemHash),
}

impl Opened {
    /// Its link in the chain.
    pub(super) fn hash(&self) -> &ItemHash {
        match self {
            Opened::Present(_, hash) | Opened::Forgotten(_, hash) => hash,
        }
    }
}

/// Where an item is appended.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Parent {
    pub(super) before: Option<(ItemId, ItemHash)>,
    pub(super) depth: i64,
}

impl ItemLog {
    /// Appends an item to a branch: acknowledged once it is on disk. Its draft is removed.
    pub async fn append(&self, principal: &Principal, append: Append) -> Result<Item, LogError> {
        self.append_as(principal.into(), append).await
    }

    pub(super) async fn append_as(&self, owner: Owner, append: Append) -> Result<Item, LogError> {
        let Append {
            id,
            conversation,
            branch,
            response,
            mut payload,
            record,
            end,
        } = append;
        if payload.status() == ItemStatus::InProgress {
            return Err(LogError::InProgress);
        }
        let record = record.unwrap_or_default();
        if record.len() > MAX_RECORD_BYTES {
            return Err(LogError::TooLong {
                what: "record of a tool call",
                max: format!("{MAX_RECORD_BYTES} bytes"),
            });
        }
        if let Payload::ToolCall(call) = &mut payload {
            call.record = (!record.is_empty()).then(|| RecordReference::to(&record));
        }
        let end = match (end, response) {
            (Some(end), Some(response)) => Some(self.end_row(owner, response, end).await?),
            _ => None,
        };
        let key = self.user_key(owner.user).await?;
        let parent = self.head_of(owner, conversation, branch).await?;
        let item = Item {
            id,
            conversation,
            parent: parent.before.map(|(id, _)| id),
            response,
            created_at_ms: now_ms(),
            payload,
        };
        let sealed = seal(owner, &key, &item, parent)?;
        let record = match &item.payload {
            Payload::ToolCall(call) if call.record.is_some() => {
                Some(sealed.key.seal("record", &record)?)
            }
            _ => None,
        };
        let rows = AppendRows {
            item: sealed.row,
            key: sealed.wrapped,
            branch,
            record,
            end,
        };
        self.store.append(&rows).await?;
        Ok(item)
    }

    /// The path from the root to a place, oldest first, every hash checked. What was forgotten is
    /// left out.
    pub async fn path(
        &self,
        principal: &Principal,
        conversation: ConversationId,
        at: At,
    ) -> Result<Vec<Item>, LogError> {
        let owner = Owner::from(principal);
        let head = self.head(owner, conversation, at).await?;
        let opened = match head {
            Some(head) => self.open_path(owner, conversation, head).await?,
            None => Vec::new(),
        };
        Ok(present(opened))
    }

    /// The path from the root to an item, by the item alone.
    pub async fn path_to(
        &self,
        principal: &Principal,
        item: ItemId,
    ) -> Result<Vec<Item>, LogError> {
        let missing = LogError::NotFound { what: "item" };
        let stored = self.store.item(principal.user, item).await?;
        let conversation = stored.ok_or(missing)?.row.conversation_id.0;
        self.path(principal, conversation, At::Item(item)).await
    }

    /// The host record of a tool call; `None` where there is none, or it was forgotten.
    pub async fn record(
        &self,
        principal: &Principal,
        item: ItemId,
    ) -> Result<Option<Vec<u8>>, LogError> {
        let missing = LogError::NotFound { what: "item" };
        let stored = self.store.item(principal.user, item).await?;
        let stored = stored.ok_or(missing)?;
        let Some(key) = self.existing_user_key(principal.user).await? else {
            return Ok(None);
        };
        let Opened::Present(opened, _) = open(&key, &stored)? else {
            return Ok(None);
        };
        let Payload::ToolCall(call) = opened.payload else {
            return Ok(None);
        };
        let Some(reference) = call.record else {
            return Ok(None);
        };
        let tampered = |what| LogError::Tampered { item, what };
        let (Some(sealed), Some(wrapped)) = (
            self.store.record(principal.user, item).await?,
            stored.wrapped,
        ) else {
            return Err(tampered("its record is missing"));
        };
        let record = key
            .open_row_key(&item.to_string(), &wrapped)
            .and_then(|key| key.open("record", &sealed))
            .map_err(|_| tampered("its record does not open"))?;
        if RecordReference::to(&record) != reference {
            return Err(tampered("its record is another's"));
        }
        Ok(Some(record))
    }

    /// Forgets one item: its key is destroyed, its place in the chain stays.
    pub async fn forget(&self, principal: &Principal, item: ItemId) -> Result<(), LogError> {
        match self.store.forget_item(principal.user, item).await? {
            true => Ok(()),
            false => Err(LogError::NotFound { what: "item" }),
        }
    }

    /// Verifies every item of a conversation, on all branches.
    pub async fn verify(
        &self,
        principal: &Principal,
        conversation: ConversationId,
    ) -> Result<Verified, LogError> {
        let owner = Owner::from(principal);
        self.conversation_row(owner, conversation).await?;
        let rows = self
            .store
            .items_of_conversation(owner.user, conversation)
            .await?;
        let key = self.existing_user_key(owner.user).await?;
        let mut hashes: HashMap<ItemId, ItemHash> = HashMap::with_capacity(rows.len());
        let mut verified = Verified::default();
        for row in &rows {
            let id = row.row.id.0;
            let tampered = |what| LogError::Tampered { item: id, what };
            let hash = stored_hash(row)?;
            let parent = match row.row.parent_id {
                Some(Text(parent)) => Some(
                    hashes
                        .get(&parent)
                        .ok_or(tampered("its parent is missing"))?,
                ),
                None => None,
            };
            match &key {
                Some(key) => match open(key, row)? {
                    Opened::Present(item, stored) => {
                        if key.chain().item(&item, parent)? != stored {
                            return Err(tampered(HASH));
                        }
                        verified.items += 1;
                    }
                    Opened::Forgotten(..) => verified.forgotten += 1,
                },
                None => verified.forgotten += 1,
            }
            hashes.insert(id, hash);
        }
        Ok(verified)
    }

    /// The item at a place; `None` in an empty branch.
    pub(super) async fn head(
        &self,
        owner: Owner,
        conversation: ConversationId,
        at: At,
    ) -> Result<Option<ItemId>, LogError> {
        let current = self.conversation_row(owner, conversation).await?;
        match at {
            At::Current => {
                let branch = current.current_branch_id.0;
                Ok(self.branch_row(owner, conversation, branch).await?.head)
            }
            At::Branch(branch) => Ok(self.branch_row(owner, conversation, branch).await?.head),
            At::Item(item) => Ok(Some(item)),
            At::Response(response) => {
                let row = self.response_row(owner, response).await?;
                if row.conversation_id.map(|id| id.0) != Some(conversation) {
                    return Err(LogError::NotFound { what: "response" });
                }
                Ok(row.head_item_id.map(|id| id.0))
            }
        }
    }

    /// The end of a branch, to append to.
    async fn head_of(
        &self,
        owner: Owner,
        conversation: ConversationId,
        branch: BranchId,
    ) -> Result<Parent, LogError> {
        let Some(head) = self.branch_row(owner, conversation, branch).await?.head else {
            return Ok(Parent::default());
        };
        let missing = LogError::NotFound { what: "item" };
        let stored = self.store.item(owner.user, head).await?.ok_or(missing)?;
        Ok(Parent {
            before: Some((head, stored_hash(&stored)?)),
            depth: stored.row.depth + 1,
        })
    }

    /// Reads the path to an item and checks its hashes.
    pub(super) async fn open_path(
        &self,
        owner: Owner,
        conversation: ConversationId,
        head: ItemId,
    ) -> Result<Vec<Opened>, LogError> {
        let rows = self.store.path(owner.user, head).await?;
        match rows.last() {
            Some(last) if last.row.conversation_id.0 == conversation => {}
            _ => return Err(LogError::NotFound { what: "item" }),
        }
        let Some(key) = self.existing_user_key(owner.user).await? else {
            return rows
                .iter()
                .map(|row| Ok(Opened::Forgotten(row.row.id.0, stored_hash(row)?)))
                .collect();
        };
        let opened = rows
            .iter()
            .map(|row| open(&key, row))
            .collect::<Result<Vec<Opened>, LogError>>()?;
        let links = opened.iter().map(|opened| match opened {
            Opened::Present(item, hash) => Link::Present(item, *hash),
            Opened::Forgotten(id, hash) => Link::Forgotten(*id, *hash),
        });
        verify_path(&key.chain(), links).map_err(|error| match error {
            ChainError::Hash { item } => LogError::Tampered { item, what: HASH },
            ChainError::Parent { item } => LogError::Tampered {
                item,
                what: "its parent is missing",
            },
            ChainError::Canonical(error) => error.into(),
        })?;
        Ok(opened)
    }
}

const HASH: &str = "its hash does not match";

/// The items of a path that can be read.
pub(super) fn present(path: Vec<Opened>) -> Vec<Item> {
    path.into_iter()
        .filter_map(|opened| match opened {
            Opened::Present(item, _) => Some(item),
            Opened::Forgotten(..) => None,
        })
        .collect()
}

/// A sealed item, ready to be stored.
pub(super) struct Sealed {
    pub(super) row: ItemRow,
    pub(super) wrapped: WrappedRowKey,
    pub(super) key: crate::vault::RowKey,
    pub(super) hash: ItemHash,
}

/// Seals an item with a new key and computes its hash.
pub(super) fn seal(
    owner: Owner,
    key: &UserKey,
    item: &Item,
    parent: Parent,
) -> Result<Sealed, LogError> {
    if parent.depth >= MAX_DEPTH {
        return Err(LogError::TooLong {
            what: "conversation",
            max: format!("{MAX_DEPTH} items; start a new one"),
        });
    }
    let plain = canonical::json(&item.payload)?;
    if plain.len() > MAX_ITEM_BYTES {
        return Err(LogError::TooLong {
            what: "item",
            max: format!("{MAX_ITEM_BYTES} bytes"),
        });
    }
    let row_id = item.id.to_string();
    let (row_key, wrapped) = key.new_row_key(&row_id)?;
    let hash = key
        .chain()
        .item(item, parent.before.as_ref().map(|(_, hash)| hash))?;
    let row = ItemRow {
        id: Text(item.id),
        organisation_id: Text(owner.organisation),
        user_id: Text(owner.user),
        conversation_id: Text(item.conversation),
        parent_id: item.parent.map(Text),
        response_id: item.response.map(Text),
        depth: parent.depth,
        kind: item.payload.kind().to_owned(),
        payload: row_key.seal("payload", plain.as_bytes())?,
        hash: hash.as_bytes().to_vec(),
        created_at_ms: item.created_at_ms,
    };
    Ok(Sealed {
        row,
        wrapped: WrappedRowKey {
            row: row_id,
            user: owner.user,
            wrapped,
        },
        key: row_key,
        hash,
    })
}

/// Opens a stored item. The hash is not checked here: that needs the parent's.
pub(super) fn open(key: &UserKey, stored: &SealedItem) -> Result<Opened, LogError> {
    let row = &stored.row;
    let id = row.id.0;
    let hash = stored_hash(stored)?;
    let Some(wrapped) = &stored.wrapped else {
        return Ok(Opened::Forgotten(id, hash));
    };
    let tampered = |what| LogError::Tampered { item: id, what };
    let plain = key
        .open_row_key(&id.to_string(), wrapped)
        .and_then(|key| key.open("payload", &row.payload))
        .map_err(|_| tampered("its content does not open"))?;
    let payload =
        serde_json::from_slice(&plain).map_err(|_| tampered("its content cannot be read"))?;
    let item = Item {
        id,
        conversation: row.conversation_id.0,
        parent: row.parent_id.map(|id| id.0),
        response: row.response_id.map(|id| id.0),
        created_at_ms: row.created_at_ms,
        payload,
    };
    Ok(Opened::Present(item, hash))
}

fn stored_hash(stored: &SealedItem) -> Result<ItemHash, LogError> {
    match stored.row.hash.as_slice().try_into() {
        Ok(bytes) => Ok(ItemHash::from_bytes(bytes)),
        Err(_) => Err(LogError::Tampered {
            item: stored.row.id.0,
            what: HASH,
        }),
    }
}
